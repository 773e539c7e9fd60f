/**
 * `deno task test [FILE or FOLDER...] [options of deno test]`: runs the tests, and prints the slowest ten. Where none are
 * named, these are all but those of the studio in a browser (`deno task test:studio`), of the installed npm package
 * (`deno task test:package`), of several machines (`deno task test:distribution`), of examples and notebooks
 * (`deno task test:examples`) and of large pictures (`deno task test:large`). The exit code is that of the process that
 * ran them.
 *
 * The graphics API is chosen here, once for all: the threads in which `deno test` runs files do not survive having asked
 * OpenGL for an adapter (`engine/webgpu/backend.ts`). Where nothing but OpenGL is there, the files run one after
 * another on the main thread of a process (`main_thread.ts`), which does.
 */
import { chooseBackend } from "../engine/mod.ts";
import { formatSlowest, readReport, type TestTime } from "./support/junit.ts";
import { allParts, needAll, withJoined } from "./support/parts.ts";

const PERMISSIONS = ["read", "write", "env", "run", "sys", "net=127.0.0.1"].map((name) => `--allow-${name}`);
const TESTS = new URL("./", import.meta.url).pathname;
const SLOWEST = 10;

/** Parts that run at the same time: most tests keep one core busy. */
const LANES = 2;

/**
 * Runs the tests of some places, in this terminal or to be shown when they have ended.
 * @returns exit code, output, times of tests
 */
async function runPart(
  places: readonly string[],
  { permissions, options, isShown, onMainThread }: {
    readonly permissions: readonly string[];
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
      args: [
        ...start,
        "--no-check",
        "--no-prompt",
        `--config=${TESTS}../deno.json`,
        ...permissions,
        ...options,
        ...program,
        ...places,
      ],
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
  const waiting = named.length > 0 ? [named] : [...await allParts(TESTS)];
  const isShown = waiting.length === 1;
  const results: Awaited<ReturnType<typeof runPart>>[] = [];
  let shown = Promise.resolve();
  const lanes = Array.from({ length: LANES }, async () => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
      const permissions = needAll(TESTS, part) ? ["--allow-all"] : PERMISSIONS;
      const run = (places: readonly string[]): ReturnType<typeof runPart> =>
        runPart(places, { permissions, options, isShown, onMainThread });
      const isJoined = named.length === 0 && !onMainThread;
      const result = isJoined ? await withJoined(part, (path) => run([path])) : await run(part);
      results.push(result);
      shown = shown.then(() => show(result.output));
    }
  });
  await Promise.all(lanes);
  await shown;
  const slowest = formatSlowest(results.flatMap(({ times }) => times), SLOWEST);
  if (slowest !== "") await show(new TextEncoder().encode(`\nThe slowest tests:\n${slowest}\n`));
  return Math.max(...results.map(({ code }) => code));
}

if (import.meta.main) Deno.exit(await run(Deno.args));
