import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { type Task, TASKS } from "../../restoration/mod.ts";
import { lookUpTask } from "../../operators/mod.ts";
import { FileSource, type ImageFile, readImage, writePng } from "../../io/mod.ts";
import { colourRaster } from "../../raster/mod.ts";
import { psnr } from "../../metrics/mod.ts";
import { openSafetensors } from "../../models/mod.ts";
import { chunk } from "../io/png_maker.ts";
import { casePath } from "../io/cases.ts";
import { quickModel } from "./random_model.ts";
import { commandTest, type Folder, readReport, runWell, withoutParameters } from "./run_command.ts";

const QUICK = ["--steps", "4"];
const GOLDEN = new URL("../golden/ssd-traj-ssd-sr_average_x4.safetensors", import.meta.url).pathname;
const FIXTURES = new URL("../io/fixtures/", import.meta.url).pathname;

/** Restores a picture in four steps with the embedded prior and reads the result. */
async function restoredByPrior(folder: Folder, ...words: string[]): Promise<ImageFile> {
  const out = folder.path("out.png");
  await runWell(["restore", ...words, ...QUICK, "--out", out]);
  return await readImage(out);
}

/** The same with a small network, for what holds with any. */
async function restored(folder: Folder, ...words: string[]): Promise<ImageFile> {
  return await restoredByPrior(folder, ...words, "--model", await quickModel());
}

function kindOf({ width, height, channels, bitDepth, alpha }: ImageFile): unknown[] {
  return [width, height, channels, bitDepth, alpha !== undefined];
}

/** Options of a blur so small that the smooth picture loses nothing to the threshold. */
function smallBlur({ operator, name }: Task): readonly string[] {
  const taps = ["--blur-taps", operator === "sr_kernel" ? "1" : "3"];
  if (["deblur_gauss", "deblur_kernel", "sr_kernel"].includes(operator)) return [...taps, "--blur-sigma", "0.5"];
  if (name === "deblur-aniso") return [...taps, "--blur-sigma", "0.5", "--blur-sigma-width", "0.5"];
  return operator === "deblur_uniform" || operator === "deblur_motion" ? ["--blur-taps", "1"] : [];
}

/** Linear tasks whose measurement `restore` takes from a file. */
const FILE_TASKS = [...TASKS.values(), lookUpTask("sr3")!, lookUpTask("sr1.5")!].filter(({ form = "file", entry }) =>
  form === "file" && entry.isLinear
);

for (const task of FILE_TASKS) {
  commandTest(`restore --task ${task.name} makes a picture that agrees with its measurement`, async (folder) => {
    const side = task.scale === 1 ? 16 : 2;
    const picture = folder.picture("y.png", { width: side, height: side, colorType: task.channels === 1 ? 0 : 2 });
    const mask = task.kind === "inpainting"
      ? ["--mask", folder.picture("m.png", { colorType: 0, sample: (x, y) => x > 3 && y < 8 ? 0 : 255 })]
      : [];
    const noise = ["denoise", "deblur"].includes(task.name) ? ["--noise-level", "0"] : [];
    const image = await restored(folder, picture, "--task", task.name, ...mask, ...smallBlur(task), ...noise);
    assertEquals([image.width, image.height, image.channels], [side * task.scale, side * task.scale, 3]);
    const { metrics } = readReport(folder.path("out.png")) as { metrics: { consistency: { rms: number } } };
    assert(metrics.consistency.rms < 1e-5, `rms ${metrics.consistency.rms}`);
  });

  commandTest(`degrade --task ${task.name} makes the measurement that restore takes`, async (folder) => {
    const picture = folder.picture("x.png", { width: 32, height: 16 });
    const out = folder.path("y.png");
    await runWell(["degrade", picture, "--task", task.name, ...smallBlur(task), "--out", out]);
    const image = await readImage(out);
    const side = (extent: number): number =>
      task.operator === "sr_area" ? Math.round(extent / task.scale) : Math.floor(extent / task.scale);
    assertEquals([image.width, image.height, image.channels], [side(32), side(16), task.channels]);
    const mask = task.kind === "inpainting" ? ["--mask", folder.path("y-mask.png")] : [];
    const result = await restored(folder, out, "--task", task.name, ...mask, ...smallBlur(task));
    assertEquals([result.width, result.height], [32, 16].map((extent) => Math.round(side(extent) * task.scale)));
  });
}

commandTest("restore --degrade compares the result and A^+ y with the ground truth", async (folder) => {
  const picture = folder.picture("x.png", {});
  const { stdout } = await runWell(["restore", picture, "--degrade", ...QUICK, "--out", folder.path("out.png")]);
  const found = /Restored: +PSNR ([\d.]+) dB, SSIM [\d.]+\nA\^\+ y alone: +PSNR ([\d.]+) dB/.exec(stdout);
  assert(found, stdout);
  const { metrics } = readReport(folder.path("out.png")) as { metrics: { result: { psnr: number } } };
  assertEquals(Number(found[1]), Number(metrics.result.psnr.toFixed(2)));
  // The file is rounded to 8 bits; the figure is not.
  const [out, truth] = [await readImage(folder.path("out.png")), await readImage(picture)].map(colourRaster);
  assert(Math.abs(psnr(out!.data, truth!.data, { shape: [16, 16, 3] }) - metrics.result.psnr) < 0.1);
});

commandTest("what a mask keeps is kept to the bit, and --mask-keep black turns it round", async (folder) => {
  const picture = folder.picture("y.png", {});
  const isMissing = (x: number, y: number): boolean => x >= 4 && x < 9 && y >= 2 && y < 14;
  const white = folder.picture("white.png", { colorType: 0, sample: (x, y) => isMissing(x, y) ? 0 : 255 });
  const black = folder.picture("black.png", { colorType: 0, sample: (x, y) => isMissing(x, y) ? 255 : 0 });
  const original = await readImage(picture);
  const kept = await restored(folder, picture, "--task", "inpaint", "--mask", white);
  let changed = 0;
  original.samples.forEach((sample, i) => {
    const [x, y] = [Math.floor(i / 3) % 16, Math.floor(i / 48)];
    if (!isMissing(x!, y!)) assertEquals(kept.samples[i], sample, `(${x}, ${y})`);
    else if (kept.samples[i] !== sample) changed++;
  });
  assert(changed > 100, "missing pixels are filled, not copied");
  const turned = await restored(folder, picture, "--task", "inpaint", "--mask", black, "--mask-keep", "black");
  assertEquals(turned.samples, kept.samples);
});

commandTest(
  "what a picture shows where it is missing has no influence, also where it is made smaller",
  async (folder) => {
    const mask = folder.picture("m.png", { width: 300, colorType: 0, sample: (x) => x > 80 && x < 200 ? 0 : 255 });
    const results = [];
    for (const hidden of [0, 255]) {
      const sample = (x: number, y: number, c: number): number =>
        x > 80 && x < 200 ? hidden : (x * 7 + y * 5 + c * 60) % 256;
      const picture = folder.picture("y.png", { width: 300, sample });
      results.push((await restored(folder, picture, "--task", "inpaint", "--mask", mask, "--size", "16")).samples);
    }
    assertEquals(results[0], results[1]);
  },
);

commandTest("gray stays gray unless it is to be coloured, alpha and 16 bits are kept", async (folder) => {
  const gray = folder.picture("gray.png", { colorType: 0 });
  assertEquals(kindOf(await restored(folder, gray, "--task", "sr2")), [32, 32, 1, 8, false]);
  assertEquals(kindOf(await restored(folder, gray, "--task", "deblur", "--degrade")), [16, 16, 1, 8, false]);
  assertEquals(kindOf(await restored(folder, gray, "--task", "colorize")), [16, 16, 3, 8, false]);
  const both = folder.picture("both.png", { colorType: 4, bitDepth: 16 });
  assertEquals(kindOf(await restored(folder, both, "--task", "sr2")), [32, 32, 1, 16, true]);
  const clear = folder.picture("clear.png", { colorType: 6 });
  const image = await restored(folder, clear, "--task", "colorize");
  assertEquals(kindOf(image), [16, 16, 3, 8, true]);
  assertEquals(image.alpha, (await readImage(clear)).alpha);
  const deep = folder.picture("deep.png", { bitDepth: 16 });
  const fine = await restored(folder, deep, "--task", "inpaint", "--degrade");
  assertEquals(kindOf(fine), [16, 16, 3, 16, false]);
  assert(fine.samples.some((sample) => sample % 257 !== 0), "more than 256 levels are in use");
});

commandTest("palette and EXIF-rotated pictures come out upright and in colour", async (folder) => {
  const chunks = [chunk("PLTE", [200, 30, 30, 30, 200, 30, 30, 30, 200, 220, 220, 40])];
  const palette = folder.picture("p.png", { colorType: 3, bitDepth: 2, sample: (x, y) => (x + y) >> 3 & 3, chunks });
  assertEquals(kindOf(await restored(folder, palette, "--task", "sr2")), [32, 32, 3, 8, false]);
  const upright = await restoredByPrior(folder, `${FIXTURES}orientation_1.jpg`, "--task", "inpaint", "--degrade");
  const turned = await restoredByPrior(folder, `${FIXTURES}orientation_6.jpg`, "--task", "inpaint", "--degrade");
  assertEquals(kindOf(upright), kindOf(turned));
  const close = psnr(colourRaster(upright).data, colourRaster(turned).data, {
    shape: [upright.height, upright.width, 3],
  });
  assert(close > 25, `PSNR ${close}: the same picture, but for JPEG`);
});

commandTest("pictures that the network cannot take come out at their own size, nothing shifted", async (folder) => {
  for (const [width, height] of [[3, 5], [1, 1], [17, 10]] as const) {
    const picture = folder.picture("y.png", { width, height });
    assertEquals(kindOf(await restoredByPrior(folder, picture, "--task", "sr4")).slice(0, 2), [4 * width, 4 * height]);
    // Where every pixel is known, the result is the picture itself: any shift would show.
    const mask = folder.picture("m.png", { width, height, colorType: 0, sample: () => 255 });
    const same = await restoredByPrior(folder, picture, "--task", "inpaint", "--mask", mask);
    assertEquals(same.samples, (await readImage(picture)).samples);
  }
});

commandTest("a --size below that of a small picture costs it nothing", async (folder) => {
  const picture = casePath("common/small16.png");
  const own = await restored(folder, picture, "--task", "sr4");
  assertEquals((await restored(folder, picture, "--task", "sr4", "--size", "32")).samples, own.samples);
});

commandTest(
  "a picture beyond --size is restored smaller, put back, and agrees with its measurement",
  async (folder) => {
    const picture = folder.picture("y.png", { width: 261, height: 93 });
    const original = await readImage(picture);
    const image = await restored(folder, picture, "--task", "sr2", "--size", "16");
    assertEquals(kindOf(image).slice(0, 2), [522, 186]);
    const means = Uint8Array.from(original.samples, (_, i) => {
      const [x, y, c] = [Math.floor(i / 3) % 261, Math.floor(i / 783), i % 3];
      const at = (dx: number, dy: number): number => image.samples[((2 * y! + dy) * 522 + 2 * x! + dx) * 3 + c!]!;
      return (at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1)) / 4;
    });
    means.forEach((mean, i) => assert(Math.abs(mean - original.samples[i]!) <= 1, `sample ${i}`));
    const { notes } = readReport(folder.path("out.png")) as { notes: string[] };
    assertStringIncludes(notes.join("\n"), "restored at 16x6 instead of 522x186");
    const bicubic = await restored(folder, picture, "--task", "sr2-bicubic", "--size", "16");
    assertEquals(kindOf(bicubic).slice(0, 2), [522, 186]);
    // A blur of one tap is none: what the smaller picture has lost comes back from the measurement.
    const sharp = await restored(folder, picture, "--task", "deblur", "--blur-taps", "1", "--size", "16");
    sharp.samples.forEach((sample, i) => assert(Math.abs(sample - original.samples[i]!) <= 1, `sample ${i}`));
    const gray = folder.picture("gray.png", { width: 261, height: 93, colorType: 0 });
    const coloured = await restored(folder, gray, "--task", "colorize", "--size", "16");
    let checked = 0;
    (await readImage(gray)).samples.forEach((sample, i) => {
      const colour = [...coloured.samples.subarray(3 * i, 3 * i + 3)];
      // A colour beyond the range was cut off, and its mean with it.
      if (colour.some((value) => value === 0 || value === 255)) return;
      checked++;
      const mean = colour.reduce((sum, value) => sum + value, 0) / 3;
      assert(Math.abs(mean - sample) <= 1, `gray ${i}: ${mean} instead of ${sample}`);
    });
    assert(checked > 100, `only ${checked} pixels are in range`);
  },
);

commandTest("one seed gives the same picture and report, another seed another picture", async (folder) => {
  const picture = folder.picture("y.png", { width: 8, height: 8 });
  const made: { bytes: Uint8Array; report: Record<string, unknown> }[] = [];
  for (const seed of ["7", "7", "8"]) {
    await restored(folder, picture, "--task", "sr2", "--seed", seed);
    const { timings: _, ...report } = readReport(folder.path("out.png"));
    made.push({ bytes: await Deno.readFile(folder.path("out.png")), report });
  }
  assertEquals(made[0], made[1]);
  assertNotEquals(made[0]!.bytes, made[2]!.bytes);
});

commandTest("--samples counts seeds up from --seed, and needs the memory of one", async (folder) => {
  const picture = folder.picture("y.png", { width: 8, height: 8 });
  const out = folder.path("s.png");
  const words = ["restore", picture, "--task", "sr2", ...QUICK, "--model", await quickModel(), "--out", out];
  await runWell([...words, "--samples", "3", "--seed", "4"]);
  const samples = ["s-1.json", "s-1.png", "s-2.json", "s-2.png", "s-3.json", "s-3.png"];
  assertEquals(folder.list(), [...samples, "s-deviation.png", "s-mean.json", "s-mean.png", "y.png"]);
  const reports = [1, 2, 3].map((i) =>
    readReport(folder.path(`s-${i}.png`)) as { seed: number; memory: { deviceBytes: number } }
  );
  assertEquals(reports.map(({ seed }) => seed), [4, 5, 6]);
  assertEquals(new Set(reports.map(({ memory }) => memory.deviceBytes)).size, 1);
  await runWell([...words, "--seed", "5"]);
  assertEquals(await Deno.readFile(out), await Deno.readFile(folder.path("s-2.png")));
});

commandTest("--trace records states and noise, and --noise replays them to the same bytes", async (folder) => {
  const picture = folder.picture("x.png", { width: 13, height: 9 });
  const [trace, first, second] = ["t.safetensors", "a.png", "b.png"].map(folder.path) as [string, string, string];
  const words = ["restore", picture, "--task", "sr2", "--degrade", "--steps", "6", "--out"];
  await runWell([...words, first, "--seed", "3", "--trace", trace]);
  using source = await FileSource.open(trace);
  const file = await openSafetensors(source);
  const steps = ["gen.0", "gen.1", "gen.2", "gen.3", "inv.0"];
  assertEquals(
    [...file.tensors.keys()].sort(),
    ["noise", "x0", "x_t"].flatMap((name) => steps.map((step) => `${name}.${step}`)),
  );
  for (const { shape } of file.tensors.values()) assertEquals(shape, [1, 3, 16, 16]);
  assertEquals(JSON.parse(file.metadata.get("report")!), readReport(first));
  // The last state is the picture.
  const last = await file.readFloat32("x_t.gen.3");
  const { samples } = await readImage(first);
  const { width, height } = await readImage(first);
  assertEquals([width, height], [13, 9]);
  const value = last[(3 * 16) + 1]!; // channel 0, row 3, column 1: the first pixel inside the padding of 3 rows, 1 column
  assertEquals(Math.round((Math.min(Math.max(value, -1), 1) + 1) * 127.5), samples[0]);
  await runWell([...words, second, "--noise", trace]);
  assertEquals(withoutParameters(await Deno.readFile(second)), withoutParameters(await Deno.readFile(first)));
});

commandTest("--noise takes the noise of reference trajectories", async (folder) => {
  const picture = folder.picture("x.png", { width: 32, height: 32 });
  const out = folder.path("out.png");
  const lists = ["--inversion-steps", "5", "--generation-steps", "10", "--model", await quickModel()];
  await runWell(["restore", picture, "--task", "sr4", "--degrade", "--noise", GOLDEN, ...lists, "--out", out]);
  assertEquals((readReport(out) as { noise: string }).noise, GOLDEN);
});

commandTest("--sheet shows measurement, A^+ y, result and ground truth side by side", async (folder) => {
  const picture = folder.picture("x.png", { width: 16, height: 8 });
  await restored(folder, picture, "--task", "sr2", "--degrade", "--sheet");
  const { width, height, channels } = await readImage(folder.path("out-sheet.png"));
  // Cells of 512 x 256 pixels, 8 pixels between and around them.
  assertEquals([width, height, channels], [4 * 520 + 8, 272, 3]);
  await restored(folder, picture, "--task", "sr2", "--sheet");
  assertEquals((await readImage(folder.path("out-sheet.png"))).width, 3 * 520 + 8);
});

commandTest("the report holds everything that is needed to make the picture again", async (folder) => {
  const picture = folder.picture("x.png", {});
  const words = [picture, "--degrade", "--task", "deblur", "--blur-sigma", "2", "--sigma-y", "0.1", "--method", "ssd+"];
  await restoredByPrior(folder, ...words, "--preset", "ssd-100", "--seed", "9");
  const report = readReport(folder.path("out.png"));
  assertEquals(report["command"], [
    "restore",
    ...words,
    "--preset",
    "ssd-100",
    "--seed",
    "9",
    ...QUICK,
    "--out",
    folder.path("out.png"),
  ]);
  assertEquals(report["task"], {
    name: "deblur",
    operator: "deblur_gauss",
    parameters: { variant: "true", sigma: 2, taps: 9, threshold: 0.03 },
    measured: false,
    sigmaY: 0.1,
  });
  assertEquals(report["method"], {
    name: "ssd_plus",
    preset: "ssd-100",
    t0: 550,
    inversionSteps: 2,
    generationSteps: 2,
    inversion: "da",
    eta: 0.4,
    useDdim: true,
    ddimEta: 0.8,
    clipDenoised: true,
    injectedSteps: 0,
    tStop: 200,
  });
  assertEquals([report["seed"], report["noise"], report["evaluations"]], [9, "seed", { nominal: 4, actual: 3 }]);
  const { nfe, vjp, spectral } = report["counts"] as Record<string, number>;
  assertEquals([nfe, vjp, spectral], [3, 0, 0]);
  const { model, adapter, timings } = report as Record<string, Record<string, unknown>>;
  assertMatch(String(model!["sha256"]), /^[0-9a-f]{64}$/);
  assertEquals([model!["name"], model!["parameters"]], ["prior.safetensors", 4474662]);
  assert(Array.isArray(adapter!["features"]) && adapter!["name"] !== "");
  assert(Object.values(timings!).every((seconds) => typeof seconds === "number" && seconds >= 0));
});

commandTest("a measured blur is undone with a larger threshold than one that is made here", async (folder) => {
  const picture = folder.picture("y.png", {});
  await restored(folder, picture, "--task", "deblur", "--blur-sigma", "2", "--method", "ssd");
  const { task } = readReport(folder.path("out.png")) as { task: { parameters: { threshold: number } } };
  assertEquals(task.parameters.threshold, 0.1);
});

commandTest("--check-finite and --cpu give the same picture", async (folder) => {
  const picture = folder.picture("y.png", { width: 4, height: 4 });
  const plain = colourRaster(await restored(folder, picture, "--task", "sr2")).data;
  assertEquals(colourRaster(await restored(folder, picture, "--task", "sr2", "--check-finite")).data, plain);
  const cpu = colourRaster(await restored(folder, picture, "--task", "sr2", "--cpu")).data;
  assert(psnr(cpu, plain, { shape: [8, 8, 3] }) > 40);
});

commandTest("with --json stdout holds JSON lines alone, the last with the report", async (folder) => {
  const picture = folder.picture("y.png", { width: 8, height: 8 });
  const out = folder.path("out.png");
  const { stdout, stderr } = await runWell(["restore", picture, "--task", "sr2", ...QUICK, "--out", out, "--json"]);
  assertEquals(stderr, "");
  const events = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(events.map(({ event }) => event), ["note", "step", "step", "step", "result"]);
  const { event: _, ...report } = events.at(-1);
  assertEquals(report, readReport(out));
});

commandTest("degrade crops to whole blocks, keeps gray and alpha, and writes 16 bits where asked", async (folder) => {
  const picture = folder.picture("x.png", { width: 13, height: 10, colorType: 4 });
  const out = folder.path("y.png");
  const { stderr } = await runWell(["degrade", picture, "--task", "sr4", "--bits", "16", "--out", out]);
  assertStringIncludes(stderr, "cropped to 12x8");
  assertEquals(kindOf(await readImage(out)), [3, 2, 1, 16, true]);
});

commandTest("a result replaces an older one of the same name", async (folder) => {
  const picture = folder.picture("y.png", { width: 8, height: 8 });
  await writePng(folder.path("out.png"), await readImage(picture));
  assertEquals((await restored(folder, picture, "--task", "sr2")).width, 16);
  assertEquals(folder.list(), ["out.json", "out.png", "y.png"]);
});
