import { assert, assertEquals } from "@std/assert";
import { runStep } from "../../bench/gpu/run_step.ts";
import { gpuSteps, type Step } from "../../bench/gpu/steps.ts";

Deno.test("all steps together end within 20 minutes, and their programs are there", async () => {
  const steps = gpuSteps();
  assert(steps.reduce((sum, { seconds }) => sum + seconds, 0) < 20 * 60);
  for (const { command } of steps) {
    const files = command.filter((word) => /\.(ts|py|json|safetensors)$/.test(word));
    assert(files.length > 0);
    for (const file of files) assert((await Deno.stat(new URL(`../../${file}`, import.meta.url))).isFile, file);
  }
});

/** Runs a program in a temporary folder: its result, and what it printed. */
async function run(program: string, seconds: number): Promise<[string, number | undefined, string]> {
  const folder = await Deno.makeTempDir();
  try {
    const command: Step["command"] = [Deno.execPath(), "eval", program];
    const { status, exitCode } = await runStep(
      { name: "step", seconds, command, accepted: [0, 3], missing: 4 },
      folder,
    );
    return [status, exitCode, await Deno.readTextFile(`${folder}/step.jsonl`)];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a step that ends is ok or failed by its exit code, and its output is kept", async () => {
  assertEquals(await run("console.log(1); Deno.exit(3)", 20), ["ok", 3, "1\n"]);
  assertEquals(await run("console.log(2); Deno.exit(1)", 20), ["failed", 1, "2\n"]);
  assertEquals(await run("Deno.exit(4)", 20), ["missing", 4, ""]);
});

Deno.test("a step that takes too long is stopped with the programs it started, and its output until then is kept", async () => {
  // The inner program would keep the pipe open, and the step waiting, for a minute.
  const inner = 'new Deno.Command(Deno.execPath(), { args: ["eval", "setTimeout(() => {}, 60000)"] }).spawn();';
  const start = performance.now();
  assertEquals(await run(`${inner} console.log("begun"); setTimeout(() => {}, 60000)`, 1), [
    "stopped",
    undefined,
    "begun\n",
  ]);
  assert(performance.now() - start < 20_000);
});

Deno.test("a program that is not installed is told as missing", async () => {
  const step: Step = { name: "step", seconds: 5, command: ["no-such-program-anywhere"], accepted: [0] };
  assertEquals((await runStep(step, "unused")).status, "missing");
});
