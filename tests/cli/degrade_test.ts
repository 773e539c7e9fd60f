import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { DEGRADE_TASKS, TASKS } from "../../cli/tasks.ts";
import { elementCount, hostTensor, ReferenceRuntime, type Tensors } from "../../engine/mod.ts";
import { FileSource, readImage } from "../../io/mod.ts";
import { openSafetensors } from "../../models/mod.ts";
import { createOperator, jpegNoise, type OperatorOptions } from "../../operators/mod.ts";
import { relativeError } from "../support/close.ts";
import { commandTest, readReport, runCommand, runWell } from "./run_command.ts";

const QUICK = ["--steps", "4"];

const IN_PLACE = [...TASKS.values()].filter(({ form = "file" }) => form !== "file");
const OF_VALUES = [...DEGRADE_TASKS.values()].filter(({ form }) => form === "values");

for (const { name } of IN_PLACE) {
  commandTest(`restore --degrade --task ${name} makes a picture that agrees with its measurement`, async (folder) => {
    const picture = folder.picture("x.png", { width: 32, height: 32 });
    const out = folder.path("out.png");
    await runWell(["restore", picture, "--degrade", "--task", name, ...QUICK, "--sheet", "--out", out]);
    const image = await readImage(out);
    assertEquals([image.width, image.height], [32, 32]);
    const { metrics } = readReport(out) as { metrics: { consistency: { rms: number } } };
    // Filtered back-projection is no pseudo-inverse: a projection by it does not reach the measurement.
    if (name !== "ct") assert(metrics.consistency.rms < 1e-4, `rms ${metrics.consistency.rms}`);
  });

  commandTest(`restore --task ${name} without --degrade says that it needs it`, async (folder) => {
    const { code, stderr } = await runCommand(["restore", folder.picture("x.png", {}), "--task", name]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `--task ${name} needs --degrade`);
  });
}

for (const { name } of OF_VALUES) {
  commandTest(`degrade --task ${name} writes values from which the operator can be made again`, async (folder) => {
    const picture = folder.picture("x.png", { width: 32, height: 32, colorType: 0 });
    const out = folder.path("y.safetensors");
    await runWell(["degrade", picture, "--task", name, "--seed", "3", "--out", out]);
    using source = await FileSource.open(out);
    const file = await openSafetensors(source);
    const field = (key: string): string => file.metadata.get(key)!;
    assertEquals([field("kind"), field("task"), field("seed")], ["measurement", name, "3"]);
    const imageShape = JSON.parse(field("imageShape")) as number[];
    const options = JSON.parse(field("parameters")) as OperatorOptions;
    const operator = createOperator(field("operator"), imageShape, options);
    const { samples } = await readImage(picture);
    const channels = imageShape[2]!;
    const x = Float32Array.from({ length: elementCount(imageShape) }, (_, i) => {
      if (channels === 2 && i % 2 === 1) return 0;
      return samples[Math.floor(i / channels)]! / 127.5 - 1;
    });
    const runtime = new ReferenceRuntime();
    const stage = runtime.stage("forward", (inputs: Tensors<"x">) => ({ y: operator.forward(inputs.x) }));
    const expected = await (await stage({ x: runtime.upload(x, [1, ...imageShape]) }, {})).y.read();
    assert(relativeError(await file.readFloat32("y"), expected) < 1e-5);
  });
}

commandTest("degrade refuses a picture's name for values, and options of other tasks", async (folder) => {
  const picture = folder.picture("x.png", {});
  const refused = async (part: string, ...words: string[]): Promise<void> => {
    const { code, stderr } = await runCommand(["degrade", picture, ...words]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, part);
  };
  await refused("ends in .safetensors is needed", "--task", "cs", "--out", folder.path("y.png"));
  await refused('--ratio belongs to task "cs", "cs-block"', "--task", "ct", "--ratio", "0.5");
  await refused("exclude each other", "--sigma-y", "0.1", "--jpeg-quality", "60");
});

commandTest("degrade writes the masks of outpainting and of an old photo", async (folder) => {
  const picture = folder.picture("x.png", { width: 32, height: 16 });
  const known = async (...words: string[]): Promise<number> => {
    await runWell(["degrade", picture, ...words, "--out", folder.path("y.png")]);
    const mask = await readImage(folder.path("y-mask.png"));
    assertEquals([mask.width, mask.height], [32, 16]);
    return Array.from(mask.samples).reduce((sum, sample) => sum + (sample === 255 ? 1 : 0), 0);
  };
  assertEquals(await known("--task", "outpaint", "--keep", "0.5"), 16 * 8);
  assertEquals(await known("--task", "old-photo", "--mask-random", "0.25"), 32 * 16 * 0.75);
});

commandTest("degrade adds photon noise by its seed, and JPEG as jpegNoise() does", async (folder) => {
  const picture = folder.picture("x.png", {
    width: 32,
    height: 16,
    sample: (x, y, c) => (x * 9 + y * 13 + c * 50) % 256,
  });
  const made = async (...words: string[]): Promise<ArrayLike<number>> => {
    await runWell(["degrade", picture, "--task", "denoise", ...words, "--out", folder.path("y.png")]);
    return (await readImage(folder.path("y.png"))).samples;
  };
  const photons = await made("--poisson-rate", "0.2", "--seed", "5");
  assertEquals(await made("--poisson-rate", "0.2", "--seed", "5"), photons);
  assertNotEquals(await made("--poisson-rate", "0.2", "--seed", "6"), photons);
  const { samples } = await readImage(picture);
  const values = Float32Array.from(samples, (sample) => sample / 127.5 - 1);
  const { data } = jpegNoise(hostTensor(values, [1, 16, 32, 3]), { quality: 20 });
  const compressed = await made("--jpeg-quality", "20");
  data.forEach((value, i) => assert(Math.abs((value + 1) * 127.5 - compressed[i]!) < 0.51));
});
