/**
 * `deno task test [FILE or FOLDER...] [options of deno test]`: runs the tests, all where none are named, and prints the
 * slowest ten. The exit code is that of the process that ran them.
 *
 * The graphics API is chosen here, once for all: the threads in which `deno test` runs files do not survive having asked
 * OpenGL for an adapter (`engine/webgpu/backend.ts`). Where nothing but OpenGL is there, the files run one after
 * another on the main thread of a process (`main_thread.ts`), which does.
 */
import { chooseBackend } from "../engine/mod.ts";
import { formatSlowest, readReport } from "./support/junit.ts";

const PERMISSIONS = ["read", "write", "env", "run", "sys", "net=127.0.0.1"].map((name) => `--allow-${name}`);
const TESTS = new URL("./", import.meta.url).pathname;
const SLOWEST = 10;

/** Files at a time: most tests keep one core busy, and each file has a device and machine code of its own in memory. */
const JOBS = "2";

async function run(words: readonly string[]): Promise<number> {
  const options = words.filter((word) => word.startsWith("-"));
  const named = words.filter((word) => !word.startsWith("-"));
  const places = named.length > 0 ? named : [TESTS];
  const report = await Deno.makeTempFile({ suffix: ".xml" });
  const onMainThread = await chooseBackend() === "gl";
  const start = onMainThread ? ["run"] : ["test", "--parallel", `--junit-path=${report}`];
  const program = onMainThread ? [`${TESTS}main_thread.ts`, report] : [];
  try {
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: [...start, "--no-prompt", ...PERMISSIONS, ...options, ...program, ...places],
      env: { DENO_JOBS: JOBS },
      stdin: "null",
    }).spawn().status;
    const slowest = formatSlowest(readReport(await Deno.readTextFile(report)), SLOWEST);
    if (slowest !== "") await Deno.stdout.write(new TextEncoder().encode(`\nThe slowest tests:\n${slowest}\n`));
    return code;
  } finally {
    await Deno.remove(report);
  }
}

if (import.meta.main) Deno.exit(await run(Deno.args));
