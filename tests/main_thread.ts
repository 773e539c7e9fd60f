/**
 * Runs tests on the main thread of this process: `main_thread.ts REPORT FILE or FOLDER...`. It stands in for `deno test`
 * where adapters come from OpenGL, whose driver does not survive the end of a thread. Files run one after another in one
 * isolate; sanitizers are off. Exit code 1 if a test fails or none was found.
 */
import { writeReport } from "./support/junit.ts";

interface Entry {
  readonly file: string;
  readonly name: string;
  readonly ignore: boolean;
  readonly fn: (context: Deno.TestContext) => void | Promise<void>;
}

const entries: Entry[] = [];
let file = "";

/** Takes what `Deno.test` takes: a definition, a name and a function, or a function with a name. */
function register(
  first: string | Entry["fn"] | Deno.TestDefinition,
  second?: Entry["fn"] | Omit<Deno.TestDefinition, "fn" | "name">,
  third?: Entry["fn"],
): void {
  const named = typeof first === "object" ? first : typeof first === "string" ? { name: first } : { name: first.name };
  const options = typeof second === "object" ? second : {};
  const fn = [first, second, third].find((value) => typeof value === "function") as Entry["fn"] | undefined;
  entries.push({ file, ignore: false, ...named, ...options, ...(fn ? { fn } : {}) } as Entry);
}

/** A context whose steps run at once; a step that fails fails its test. */
function contextOf(name: string): Deno.TestContext {
  const step = async (...args: Parameters<typeof register>): Promise<boolean> => {
    const [first, second] = args;
    const definition = typeof first === "object"
      ? first
      : { name: String(first), fn: (second ?? first) as Entry["fn"] };
    if (definition.ignore) return false;
    await definition.fn(contextOf(definition.name));
    return true;
  };
  return { name, origin: file, step } as unknown as Deno.TestContext;
}

async function testFiles(place: string): Promise<readonly string[]> {
  if ((await Deno.stat(place)).isFile) return [place];
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(place)) {
    if (isDirectory) found.push(...await testFiles(`${place.replace(/\/$/, "")}/${name}`));
    else if (name.endsWith("_test.ts")) found.push(`${place.replace(/\/$/, "")}/${name}`);
  }
  return found.sort();
}

async function print(line: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
}

async function run(report: string, places: readonly string[]): Promise<number> {
  Object.assign(Deno, { test: register });
  for (const place of places) {
    for (file of await testFiles(place)) await import(new URL(file, `file://${Deno.cwd()}/`).href);
  }
  const times = [];
  const failed: string[] = [];
  let passed = 0;
  for (const { name, fn, ignore, file } of entries) {
    const start = performance.now();
    try {
      if (!ignore) {
        await fn(contextOf(name));
        passed++;
      }
      await print(`${name} ... ${ignore ? "ignored" : "ok"}`);
    } catch (error) {
      failed.push(`${file}: ${name}`);
      await print(`${name} ... FAILED\n${error instanceof Error ? error.stack : error}`);
    }
    times.push({ name, seconds: (performance.now() - start) / 1000 });
  }
  await Deno.writeTextFile(report, writeReport(times));
  for (const name of failed) await print(`FAILED: ${name}`);
  const ignored = entries.length - passed - failed.length;
  await print(
    `\n${failed.length > 0 ? "FAILED" : "ok"} | ${passed} passed | ${failed.length} failed | ${ignored} ignored`,
  );
  return failed.length > 0 || passed === 0 ? 1 : 0;
}

if (import.meta.main) {
  const [report = "", ...places] = Deno.args;
  Deno.exit(await run(report, places));
}
