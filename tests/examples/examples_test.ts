import { assert, assertEquals, assertMatch } from "@std/assert";
import { readPicture, ReferenceRuntime } from "../../mod.ts";
import { thresholded } from "../../examples/own_kernel.ts";
import { gpuTest } from "../support/gpu.ts";

const ROOT = new URL("../../", import.meta.url);

/** Runs an example as a person would, from the root of the checkout, and returns what it prints. */
async function run(name: string, ...words: readonly string[]): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--no-prompt", "--allow-read", "--allow-write", "--allow-env"]
      .concat(`examples/${name}.ts`, ...words),
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Runs an example that writes a picture, and returns what it prints and the picture's shape. */
async function runWriting(name: string): Promise<{ readonly printed: string; readonly shape: readonly number[] }> {
  const folder = await Deno.makeTempDir();
  try {
    const printed = await run(name, "models/default/sample.png", `${folder}/out.png`);
    return { printed, shape: (await readPicture(`${folder}/out.png`)).shape };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

gpuTest("the example of a restoration prints its steps and writes the picture", async () => {
  const { printed, shape } = await runWriting("restore");
  assertEquals(printed.trim().split("\n").length, 20);
  assertEquals(printed.trim().split("\n").at(-1), "19 20");
  assertEquals(shape, [64, 64, 3]);
});

gpuTest("the example that compares samplers prints a table in which every one beats A^+ y", async () => {
  const rows = (await run("compare_samplers")).trim().split("\n").slice(1);
  const values = rows.map((row) => Number(/([\d.]+) dB$/.exec(row)![1]));
  assertEquals(values.length, 4);
  assert(values.slice(1).every((value) => value > values[0]! + 3), rows.join("\n"));
});

gpuTest("the examples of an operator and a sampler of one's own write a picture", async () => {
  for (const name of ["own_operator", "own_sampler"]) {
    assertEquals((await runWriting(name)).shape, [64, 64, 3], name);
  }
});

gpuTest("the example of a profile shows the dispatches of a step of any sampler", async () => {
  for (const sampler of ["ddrm", "dds"]) {
    const printed = await run("profile_sampler", sampler);
    assertMatch(printed, new RegExp(`^${sampler}[^\\n]*: \\d+ dispatches, [\\d.]+ ms$`, "m"));
    assertMatch(printed, /conv2d\.\S+ +\d+ x +[\d.]+ ms/);
  }
});

gpuTest("the example of a kernel of one's own agrees with its reference, and with the formula", async (runtime) => {
  assertMatch(await run("own_kernel"), /^softThreshold: relative error \d/);
  const values = new Float32Array([-2, -0.5, -0.25, 0, 0.25, 1]);
  for (const each of [runtime, new ReferenceRuntime()]) {
    assertEquals([...await thresholded(each, values, 0.5)].map((v) => v + 0), [-1.5, 0, 0, 0, 0, 0.5]);
  }
});
