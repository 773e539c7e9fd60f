import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Arguments } from "../../cli/arguments.ts";
import { readMeasurement } from "../../cli/source.ts";
import { degrade, operatorOptions, type Task, taskOperator, TASKS } from "../../restoration/mod.ts";
import { ReferenceRuntime, type Tensors } from "../../engine/mod.ts";
import { readImage } from "../../io/mod.ts";
import { CheckpointError } from "../../models/mod.ts";
import { estimate, type Operator } from "../../operators/mod.ts";
import { relativeError } from "../support/close.ts";
import { quickModel } from "./random_model.ts";
import { commandTest, type Folder, readReport, runCommand, runWell } from "./run_command.ts";
import { writeCopy } from "../conformance/reference_files.ts";

const SIDE = 32;
const SEED = 3;
const SIGMA = 0.05;

/** Options of tasks whose defaults are made for larger pictures, and all kinds of sampling. */
const VARIANTS: readonly (readonly [task: string, values: Readonly<Record<string, string | number>>])[] = [
  ["inpaint", { "mask-random": 0.4 }],
  ["old-photo", { "mask-random": 0.3 }],
  ["old-photo", { inverse: "factors" }],
  ["deblur", { "blur-variant": "published" }],
  ["deblur-kernel", { "blur-boundary": "reflect", "blur-taps": 5 }],
  ["ct", { views: 20, arc: 60 }],
  ["cs", { ratio: 0.5 }],
  ...["uniform_1d", "gaussian_2d", "uniform_2d", "poisson_2d"].map((sampling) => ["mri", { sampling }] as const),
  ["mri", { coils: 3, acceleration: 2 }],
  ["mri", { acceleration: 1 }],
];

const CASES: readonly { readonly task: Task; readonly values: Readonly<Record<string, string | number>> }[] = [
  ...[...TASKS.values()].map((task) => ({ task, values: {} })),
  ...VARIANTS.map(([name, values]) => ({ task: TASKS.get(name)!, values })),
];

async function pseudoInverse(operator: Operator, y: Float32Array): Promise<Float32Array> {
  const runtime = new ReferenceRuntime();
  const stage = runtime.stage("A^+", (inputs: Tensors<"y">) => ({ x: estimate(operator, inputs.y) }));
  return await (await stage({ y: runtime.upload(y, [1, ...operator.measurementShape]) }, {})).x.read();
}

/** A^+ y as `restore --degrade` computes it, without any file. */
async function inMemory(path: string, { task, values }: typeof CASES[number]): Promise<Float32Array> {
  const { samples } = await readImage(path);
  const imageShape = [SIDE, SIDE, 3];
  const args = new Arguments([], values);
  const operator = taskOperator(
    task,
    imageShape,
    operatorOptions(task, imageShape, args.values, { seed: SEED, isMeasured: false }),
  );
  const runtime = new ReferenceRuntime();
  const x = runtime.upload(Float32Array.from(samples, (sample) => sample / 127.5 - 1), [1, ...imageShape]);
  const y = await degrade(runtime, operator, x, { noise: { kind: "gaussian", sigma: SIGMA }, seed: SEED });
  return await pseudoInverse(operator, await y.read());
}

commandTest(
  "measurements of every task are read as they were made, and restored from their files alone",
  async (folder) => {
    const [input, others, target] = [folder.folder("measured"), folder.folder("others"), folder.path("restored")];
    // One measurement of each operator is restored, and all those that no picture holds.
    const restored = CASES.map(({ task: { form, operator } }, index) =>
      form === "values" || CASES.findIndex(({ task }) => task.operator === operator) === index ? index : undefined
    ).filter((index) => index !== undefined);
    const picture = folder.picture("x.png", { width: SIDE, height: SIDE });
    for (const [index, one] of CASES.entries()) {
      const options = Object.entries(one.values).flatMap(([name, value]) => [`--${name}`, String(value)]);
      const path = `${restored.includes(index) ? input : others}/${index}.safetensors`;
      await runWell([
        ...["degrade", picture, path, "--task", one.task.name, ...options],
        ...["--seed", String(SEED), "--sigma-y", String(SIGMA)],
      ]);
      const { operator, y, noise, seed, task, picture: described } = await readMeasurement(path);
      assertEquals([task.name, seed, noise], [one.task.name, SEED, { kind: "gaussian", sigma: SIGMA }]);
      assertEquals(described, { file: "x", width: SIDE, height: SIDE, channels: 3, bitDepth: 8 });
      const error = relativeError(
        await pseudoInverse(operator, Float32Array.from(y.data)),
        await inMemory(picture, one),
      );
      assert(error < 1e-4, `${one.task.name} ${JSON.stringify(one.values)}: ${error}`);
    }
    const words = ["restore", input, target, "--steps", "4", "--model", await quickModel()];
    assertStringIncludes((await runWell(words)).stdout, `Restored ${restored.length} files, 0 were restored already`);
    for (const index of restored) {
      const { task } = CASES[index]!;
      const out = `${target}/${index}.png`;
      const { width, height, channels } = await readImage(out);
      assertEquals([width, height, channels], [SIDE, SIDE, task.isGray ? 1 : 3]);
      const report = readReport(out) as { task: Record<string, unknown>; picture: Record<string, unknown> };
      assertEquals([report.task["name"], report.task["sigmaY"], report.picture["format"]], [
        task.name,
        SIGMA,
        "measurement",
      ]);
    }
    await Deno.remove(`${target}/${restored[0]}.png`);
    await Deno.remove(`${input}/${restored[1]}.safetensors`);
    const again = `Restored 1 files, ${restored.length - 2} were restored already`;
    assertStringIncludes((await runWell(words)).stdout, again);
  },
);

/** A measurement of inpainting 16 x 16 pixels with a mask from a file. */
async function measurementOf(folder: Folder): Promise<string> {
  const picture = folder.picture("x.png", {});
  const mask = folder.picture("m.png", { colorType: 0, sample: (x) => x > 5 ? 0 : 255 });
  const path = folder.path("y.safetensors");
  await runWell(["degrade", picture, path, "--task", "inpaint", "--mask", mask]);
  return path;
}

commandTest("a measurement that is cut short, spoiled, or contradicts itself is refused by name", async (folder) => {
  const path = await measurementOf(folder);
  const refused = async (what: new () => Error, part: string, broken: string): Promise<void> => {
    const error = await assertRejects(() => readMeasurement(broken), what);
    assertStringIncludes((error as Error).message, part);
    assertStringIncludes((error as Error).message, broken);
    const { code, stderr } = await runCommand(["restore", broken, "--out", folder.path("out.png")]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, part);
  };
  const bytes = await Deno.readFile(path);
  const broken = folder.path("broken.safetensors");
  const error = CheckpointError as unknown as new () => Error;
  for (const length of [4, 100, bytes.length - 4]) {
    await refused(error, "", folder.write("broken.safetensors", bytes.subarray(0, length)));
  }
  const changed = async (part: string, metadata: Readonly<Record<string, string | undefined>>): Promise<void> =>
    await refused(error, part, await writeCopy(path, broken, { metadata }));
  await changed("do not say that it is a measurement", { kind: "trajectory" });
  await changed('there is no task "sr40"', { task: "sr40" });
  await changed('its operator is "sr_average"', { operator: "sr_average" });
  await changed('have no "operator"', { operator: undefined });
  await changed("[height, width, 3] is needed", { imageShape: "[16, 16]" });
  await changed("the mask is [16, 16] and the image is [16, 18, 3]", { imageShape: "[16, 18, 3]" });
  await changed("its parameters are no JSON object", { parameters: "[1]" });
  await changed('its parameter "missing" is', { parameters: '{"missing": "0.5"}' });
  await changed("exactly one is needed", { parameters: '{"missing": 0.5}' });
  await changed('there is no parameter "views"', { parameters: '{"views": 3}' });
  await changed("its noise is", { noise: '{"kind": "salt"}' });
  await changed("the sigma of its noise", { noise: '{"kind": "gaussian", "sigma": -1}' });
  await changed("its seed is", { seed: "one" });
  await changed("do not describe its picture", { picture: "{}" });
  await refused(error, 'holds no tensor "y"', await writeCopy(path, broken, { rename: { y: "z" } }));
  await refused(error, "no finite numbers", await writeCopy(path, broken, { spoil: ["y"] }));
  await refused(error, "exactly one is needed", await writeCopy(path, broken, { keep: /^y$/ }));
  const mask = folder.path("x-mri.safetensors");
  await runWell(["degrade", folder.path("x.png"), mask, "--task", "mri"]);
  const other = await writeCopy(mask, broken, { metadata: { parameters: '{"coils": 2}' } });
  await refused(error, "its measurement is", other);
});

commandTest(
  "restore takes no options of pictures for a measurement, and folders by what is asked for",
  async (folder) => {
    const path = await measurementOf(folder);
    const refused = async (code: number, part: string, ...words: string[]): Promise<void> => {
      const outcome = await runCommand(["restore", ...words]);
      assertEquals(outcome.code, code);
      assertStringIncludes(outcome.stderr, part);
    };
    for (const options of [["--task", "sr4"], ["--degrade"], ["--sigma-y", "0.1"], ["--size", "64"]]) {
      await refused(2, `${options[0]} goes with pictures`, path, ...options);
    }
    const empty = folder.folder("empty");
    await refused(1, "has no measurement", empty, folder.path("out"));
    await refused(1, "has no PNG, JPEG, WebP or AVIF file", empty, folder.path("out"), "--task", "sr2");
    await refused(2, "--trace needs a single file", empty, folder.path("out"), "--trace", folder.path("t.safetensors"));
  },
);

commandTest("restore of a folder takes NAME-mask.png for the mask of NAME", async (folder) => {
  const input = folder.folder("in");
  folder.picture("in/a.png", {});
  folder.picture("in/a-mask.png", { colorType: 0, sample: (x) => x > 7 ? 0 : 255 });
  await runWell(["restore", input, folder.path("out"), "--task", "inpaint", "--steps", "4"]);
  assertEquals(folder.list("out"), ["a.json", "a.png"]);
  const { task } = readReport(folder.path("out/a.png")) as { task: { parameters: { mask: { known: number } } } };
  assertEquals(task.parameters.mask.known, 0.5);
  folder.picture("in/b.png", {});
  const words = ["restore", input, folder.path("out"), "--task", "inpaint", "--steps", "4"];
  const { code, stderr } = await runCommand(words);
  assertEquals(code, 1);
  assertStringIncludes(stderr, 'b.png": failed: --task inpaint needs --mask FILE');
});

commandTest("a measurement of a size that the network does not take is restored at that size", async (folder) => {
  const picture = folder.picture("x.png", { width: 21, height: 18 });
  const path = folder.path("y.safetensors");
  await runWell(["degrade", picture, path, "--task", "ct"]);
  const { stderr } = await runWell(["restore", path, folder.path("out.png"), "--steps", "4"]);
  assertStringIncludes(stderr, "The network sees 21x18 padded by reflection to");
  const { width, height } = await readImage(folder.path("out.png"));
  assertEquals([width, height], [21, 18]);
});
