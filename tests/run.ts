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

/** Places that take longest, from the longest on. */
const LONG = ["cli/options_effect_test.ts", "cli", "kernels", "models", "samplers", "conformance", "restoration"];

/** Files that must be alone in their isolate, as they measure it or change what others share. */
const ALONE: readonly string[] = ["samplers/memory_test.ts"];

/** Most files of a part: small parts let the lanes end together. */
const FILES = 20;

/** Parts that run at the same time: most tests keep one core busy. */
const LANES = 2;

/** The test files of a folder, or the file itself, as paths in the folder of the tests. */
async function testFiles(place: string): Promise<readonly string[]> {
  if (place.endsWith(".ts")) return [place];
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${TESTS}${place}`)) {
    const path = place === "" ? name : `${place}/${name}`;
    if (isDirectory) files.push(...await testFiles(path));
    else if (name.endsWith("_test.ts")) files.push(path);
  }
  return files.sort();
}

/** All tests in parts, in the order in which they are begun: long ones first. */
async function allParts(): Promise<readonly (readonly string[])[]> {
  const taken = new Set<string>();
  const parts: string[][] = [];
  for (const place of [...LONG, ""]) {
    const files = (await testFiles(place)).filter((file) => !taken.has(file));
    for (const file of files) taken.add(file);
    const shared = files.filter((file) => !ALONE.includes(file));
    for (let at = 0; at < shared.length; at += FILES) parts.push(shared.slice(at, at + FILES));
    for (const file of files) if (ALONE.includes(file)) parts.push([file]);
  }
  return parts.map((part) => part.map((file) => `${TESTS}${file}`));
}

/**
 * Runs a body with the path of a module that has the tests of several files. `deno test` gives each file an isolate,
 * which loads the program anew, opens a device and makes its pipelines; files in one module share them.
 */
async function withJoined<T>(files: readonly string[], body: (path: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/part_test.ts`;
    await Deno.writeTextFile(path, files.map((file) => `import "file://${file}";\n`).join(""));
    return await body(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Runs the tests of some places, in this terminal or to be shown when they have ended.
 * @returns exit code, output, times of tests
 */
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
      args: [
        ...start,
        "--no-check",
        "--no-prompt",
        `--config=${TESTS}../deno.json`,
        ...PERMISSIONS,
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
  const waiting = named.length > 0 ? [named] : [...await allParts()];
  const isShown = waiting.length === 1;
  const results: Awaited<ReturnType<typeof runPart>>[] = [];
  let shown = Promise.resolve();
  const lanes = Array.from({ length: LANES }, async () => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
      const run = (places: readonly string[]): ReturnType<typeof runPart> =>
        runPart(places, { options, isShown, onMainThread });
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
