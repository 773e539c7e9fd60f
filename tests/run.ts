/**
 * `deno task test [FILE or FOLDER...] [options of deno test]`: runs the tests, all where none are named, and prints the
 * slowest ten. The exit code is that of the process that ran them.
 *
 * The graphics API is chosen here, once for all: the threads in which `deno test` runs files do not survive having asked
 * OpenGL for an adapter (`engine/webgpu/backend.ts`). Where nothing but OpenGL is there, the files run one after
 * another on the main thread of a process (`main_thread.ts`), which does.
 */
import { chooseBackend } from "../engine/mod.ts";
import { formatSlowest, readReport, type TestTime } from "./support/junit.ts";

const PERMISSIONS = ["read", "write", "env", "run", "sys", "net=127.0.0.1"].map((name) => `--allow-${name}`);
const TESTS = new URL("./", import.meta.url).pathname;
const SLOWEST = 10;

/** Folders in parts of their own, the longest first; all others are one part, which starts together with the first. */
const PARTS = [["cli"], ["conformance", "examples"], ["profiling"], ["bench"]];

/** Parts that run at the same time: most tests keep one core busy. */
const LANES = 2;

/** All tests, in the order in which they are begun. */
async function allParts(): Promise<readonly (readonly string[])[]> {
  const named = new Set(PARTS.flat());
  const others: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(TESTS)) {
    if (!named.has(name) && (isDirectory || name.endsWith("_test.ts"))) others.push(name);
  }
  const [first = [], ...rest] = PARTS;
  return [first, others.sort(), ...rest].map((part) => part.map((name) => `${TESTS}${name}`));
}

/** Runs the tests of some places, in this terminal or to be shown later. @returns exit code, output, times of tests */
async function runPart(
  places: readonly string[],
  { options, isShown, onMainThread }: {
    readonly options: readonly string[];
    readonly isShown: boolean;
    readonly onMainThread: boolean;
  },
): Promise<{ readonly code: number; readonly output: Uint8Array; readonly times: readonly TestTime[] }> {
  const report = await Deno.makeTempFile({ suffix: ".xml" });
  const start = onMainThread ? ["run"] : ["test", `--junit-path=${report}`];
  const program = onMainThread ? [`${TESTS}main_thread.ts`, report] : [];
  try {
    const child = new Deno.Command(Deno.execPath(), {
      // Types are what `deno task check` checks, once for all.
      args: [...start, "--no-check", "--no-prompt", ...PERMISSIONS, ...options, ...program, ...places],
      stdin: "null",
      ...(isShown ? {} : { stdout: "piped", stderr: "inherit" }),
    }).spawn();
    const output = isShown ? new Uint8Array() : await new Response(child.stdout).bytes();
    const { code } = await child.status;
    return { code, output, times: readReport(await Deno.readTextFile(report)) };
  } finally {
    await Deno.remove(report);
  }
}

/** Prints all bytes; a pipe takes them in parts. */
async function show(bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}

async function run(words: readonly string[]): Promise<number> {
  const options = words.filter((word) => word.startsWith("-"));
  const named = words.filter((word) => !word.startsWith("-"));
  const onMainThread = await chooseBackend() === "gl";
  const waiting = named.length > 0 ? [named] : [...await allParts()];
  const results: Awaited<ReturnType<typeof runPart>>[] = [];
  const lanes = Array.from({ length: LANES }, async (_, lane) => {
    for (let isShown = lane === 0; waiting.length > 0; isShown = false) {
      results.push(await runPart(waiting.shift()!, { options, isShown, onMainThread }));
    }
  });
  await Promise.all(lanes);
  for (const { output } of results) await show(output);
  const slowest = formatSlowest(results.flatMap(({ times }) => times), SLOWEST);
  if (slowest !== "") await show(new TextEncoder().encode(`\nThe slowest tests:\n${slowest}\n`));
  return Math.max(...results.map(({ code }) => code));
}

if (import.meta.main) Deno.exit(await run(Deno.args));
