import { assert, assertEquals } from "@std/assert";
import { runStep } from "../../bench/gpu/run_step.ts";
import { gpuSteps, type Step, VISIT_SECONDS } from "../../bench/gpu/steps.ts";

/** What every step of these tests has in common. */
const STEP = { name: "step", about: "a test", seconds: 20, accepted: [0, 3], missing: 4 };

Deno.test("a visit takes less than nine minutes, and the programs of its steps are there", async () => {
  assert(VISIT_SECONDS < 9 * 60);
  for (const isDry of [false, true]) {
    const steps = gpuSteps(isDry);
    assertEquals(new Set(steps.map(({ name }) => name)).size, steps.length);
    for (const { command } of steps) {
      const words = command(10);
      const files = words.filter((word) => /\.(ts|py|json|safetensors)$/.test(word));
      assert(files.length > 0 || words[0] === "nvidia-smi");
      for (const file of files) assert((await Deno.stat(new URL(`../../${file}`, import.meta.url))).isFile, file);
    }
  }
});

Deno.test("the shares of the steps are seconds of a visit", () => {
  const sum = gpuSteps().reduce((sum, { seconds }) => sum + seconds, 0);
  assert(Math.abs(sum - VISIT_SECONDS) <= 15, `${sum} s`);
});

/** Runs a program in a temporary folder: its result, and what it printed. */
async function run(program: string, seconds: number): Promise<[string, number | undefined, string]> {
  const folder = await Deno.makeTempDir();
  try {
    const command: Step["command"] = () => [Deno.execPath(), "eval", program];
    const { status, exitCode } = await runStep({ ...STEP, command }, seconds, folder);
    const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
    assertEquals(names.toSorted(), ["step.jsonl", "step.log"]);
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

Deno.test("a program is told four fifths of the seconds that its step has", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const told: number[] = [];
    const command: Step["command"] = (seconds) => {
      told.push(seconds);
      return [Deno.execPath(), "eval", ""];
    };
    await runStep({ ...STEP, command }, 20, folder);
    assertEquals(told, [16]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a program that is not installed is told as missing", async () => {
  const step: Step = { ...STEP, command: () => ["no-such-program-anywhere"] };
  assertEquals((await runStep(step, 5, "unused")).status, "missing");
});
