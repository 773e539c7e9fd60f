import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { readMeasurement } from "../../cli/source.ts";
import { TASKS } from "../../restoration/mod.ts";
import { hostTensor } from "../../engine/mod.ts";
import { readImage } from "../../io/mod.ts";
import { jpegNoise, NONLINEAR_OPERATORS } from "../../operators/mod.ts";
import { quickModel } from "./random_model.ts";
import { commandTest, readReport, runCommand, runWell } from "./run_command.ts";

const QUICK = ["--steps", "4"];

const IN_PLACE = [...TASKS.values()].filter(({ form = "file", entry }) => form !== "file" || !entry.isLinear);

for (const { name, operator } of IN_PLACE) {
  commandTest(`restore --degrade --task ${name} makes a picture that agrees with its measurement`, async (folder) => {
    const picture = folder.picture("x.png", { width: 32, height: 32 });
    const out = folder.path("out.png");
    const how = [...QUICK, "--model", await quickModel(), "--sheet"];
    await runWell(["restore", picture, "--degrade", "--task", name, ...how, "--out", out]);
    const image = await readImage(out);
    assertEquals([image.width, image.height, image.channels], [32, 32, name === "mri" ? 1 : 3]);
    const { metrics } = readReport(out) as { metrics: { consistency: { rms: number } } };
    // Filtered back-projection is no pseudo-inverse: a projection by it does not reach the measurement.
    // Nor do few steps along gradients, which operators that are not linear are left with.
    const isExact = name !== "ct" && !NONLINEAR_OPERATORS.has(operator);
    if (isExact) assert(metrics.consistency.rms < 1e-4, `rms ${metrics.consistency.rms}`);
  });

  // Of these the picture that somebody has is the measurement.
  if (["outpaint", "old-photo", "hdr", "jpeg"].includes(name)) continue;
  commandTest(`restore --task ${name} without --degrade says that it needs it`, async (folder) => {
    const { code, stderr } = await runCommand(["restore", folder.picture("x.png", {}), "--task", name]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `--task ${name} needs --degrade`);
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
  await refused("is noise of pictures", "--task", "ct", "--poisson-rate", "1");
  await refused("both name the result", folder.path("a.png"), "--out", folder.path("b.png"));
  await refused("ends in .png is needed", folder.path("a.jpg"));
  await refused("--bits belongs to PNG files", folder.path("a.safetensors"), "--bits", "16");
  await refused("ends in .safetensors is needed", folder.path("a.png"), "--format", "safetensors");
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

commandTest("JPEG noise comes through every task whose measurement is a picture", async (folder) => {
  const picture = folder.picture("x.png", { width: 32, height: 32 });
  for (const { name } of [...TASKS.values()].filter(({ form }) => form !== "values")) {
    const out = folder.path("y.safetensors");
    await runWell(["degrade", picture, out, "--task", name, "--jpeg-quality", "50"]);
    const { noise, y } = await readMeasurement(out);
    assertEquals(noise, { kind: "jpeg", quality: 50 });
    assert(y.data.every((value) => Math.abs(value) <= 1), name);
  }
});

commandTest(
  "degrade of a folder leaves what is made, makes what is not, and goes past a broken picture",
  async (folder) => {
    const [input, target] = [folder.folder("in"), folder.path("out")];
    for (const name of ["a", "b"]) folder.picture(`in/${name}.png`, { sample: (x, y) => (x * y * 9) % 256 });
    const words = ["degrade", input, target, "--task", "inpaint", "--mask-random", "0.5", "--seed", "4"];
    assertStringIncludes((await runWell(words)).stdout, "Wrote 2 measurements");
    const made = folder.list("out");
    assertEquals(made, ["a-mask.png", "a.json", "a.png", "b-mask.png", "b.json", "b.png"]);
    const bytes = (name: string): Uint8Array => Deno.readFileSync(folder.path(`out/${name}`));
    assertNotEquals(bytes("a-mask.png"), bytes("b-mask.png"), "every picture has a seed of its own");
    const first = bytes("a.png");
    assertStringIncludes((await runWell(words)).stdout, "Wrote 0 measurements to " + target + ", 2 were there already");
    await Deno.remove(folder.path("out/a.png"));
    assertStringIncludes((await runWell(words)).stdout, "Wrote 1 measurements");
    assertEquals(await bytes("a.png"), first);
    await Deno.remove(folder.path("out/b-mask.png"));
    assertStringIncludes((await runWell(words)).stdout, "Wrote 1 measurements");
    folder.picture("in/b.png", { sample: () => 7 });
    folder.write("in/c.png", new Uint8Array(9));
    const { code, stdout, stderr } = await runCommand(words);
    assertEquals(code, 1);
    assertStringIncludes(stdout, "Wrote 1 measurements to " + target + ", 1 were there already, 1 failed");
    assertStringIncludes(stderr, "c.png");
    assertEquals(folder.list("out"), made);
    assertStringIncludes((await runCommand([...words, "--sigma-y", "0.1"])).stdout, "Wrote 2 measurements");
  },
);

commandTest("degrade of a folder needs another folder and pictures in it", async (folder) => {
  const input = folder.folder("in");
  const refused = async (code: number, part: string, ...words: string[]): Promise<void> => {
    const outcome = await runCommand(["degrade", input, ...words]);
    assertEquals(outcome.code, code);
    assertStringIncludes(outcome.stderr, part);
  };
  await refused(1, "has no PNG, JPEG, WebP or AVIF file", folder.path("out"));
  folder.picture("in/a.png", {});
  await refused(2, "a folder for the results is needed");
  await refused(2, "cannot go into the same folder", `${input}/`);
  folder.picture("in/a.jpg", {});
  const words = ["degrade", input, folder.path("out"), "--task", "denoise", "--sigma-y", "0.1"];
  assertStringIncludes((await runWell(words)).stdout, `"${input}/a.jpg": wrote ${folder.path("out/a-jpg.png")}`);
  const pixels = async (name: string): Promise<unknown> => (await readImage(folder.path(`out/${name}`))).samples;
  assertNotEquals(await pixels("a-jpg.png"), await pixels("a-png.png"), "a seed of its own");
  await runWell([...words, "--same-seed"]);
  assertEquals(await pixels("a-jpg.png"), await pixels("a-png.png"));
});

commandTest("the gray picture of imaging is the mean of colours before these are cut off", async (folder) => {
  const picture = folder.picture("x.png", { width: 32, height: 32, colorType: 0, sample: (x) => x < 16 ? 10 : 245 });
  const out = folder.path("out.png");
  const words = ["--task", "mri", "--acceleration", "1", "--method", "ddnm", "--steps", "4", "--out", out];
  await runWell(["restore", picture, "--degrade", ...words]);
  const [before, after] = [await readImage(picture), await readImage(out)];
  // Everything is measured, so the mean is exact, whatever colours the network sees.
  after.samples.forEach((sample, i) => assert(Math.abs(sample - before.samples[i]!) <= 1, `${i}: ${sample}`));
});
