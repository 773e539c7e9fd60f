/** Noisy pictures that were compressed as JPEG: the coefficients of their files are the measurement. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { encodeJpeg } from "../../io/codecs/jpeg_encode.ts";
import { decodeJpeg } from "../../io/codecs/jpeg_file.ts";
import { openModel, readImage } from "../../io/mod.ts";
import type { OpenedModel } from "../../models/mod.ts";
import { type OptionValues, UsageError } from "../../parameters/mod.ts";
import { applyOrientation, colourRaster, crop, type Image, type Raster, toImage } from "../../raster/mod.ts";
import {
  applyOperator,
  chooseMethod,
  type DecodedPicture,
  finishPicture,
  type PictureSource,
  pictureSource,
  preparePicture,
  restoreBy,
  type SettledPicture,
  settlePicture,
  taskNamed,
} from "../../restoration/mod.ts";
import { casePath } from "../io/cases.ts";
import { gpuTest } from "../support/gpu.ts";
import { normalValues } from "../support/random.ts";

/** A model of which nothing but its sizes is asked. */
const MODEL = {
  downsampling: 4,
  config: { imageSize: 64, superResolution: false, inChannels: 3 },
  noiseModel: ({ height, width }: { height: number; width: number }) => ({ imageShape: [height, width, 3] }),
} as unknown as OpenedModel;

/** A picture saved with a quality of 60, chroma of half the rows and columns. */
async function compressed(image: Image): Promise<DecodedPicture> {
  const { image: picture, jpeg } = await decodeJpeg(await encodeJpeg(image, 60, {}), 1e6);
  return { ...picture, ...(jpeg ? { jpeg } : {}) };
}

/** A file of 64 x 64 pixels with noise of 25 levels. */
async function noisyFile(size = 64): Promise<{ readonly truth: Raster; readonly file: DecodedPicture }> {
  const truth = crop(colourRaster(await readImage(casePath("common/good64.png"))), {
    x: 0,
    y: 0,
    width: size,
    height: size,
  });
  const noise = normalValues(truth.data.length, 3);
  const image = toImage({ ...truth, data: truth.data.map((value, i) => value + 0.196 * noise[i]!) });
  return { truth, file: await compressed(image) };
}

/** What is settled of a file where `options` are given. */
function settled(
  file: DecodedPicture,
  name = "denoise",
  options: OptionValues = {},
): SettledPicture<PictureSource> {
  const task = taskNamed(name);
  const source = pictureSource(file, { name: "a.jpg", task, options, isTruth: false, files: {} });
  return settlePicture(source, task, options);
}

Deno.test("a noisy JPEG file is measured by its coefficients, and all that is said fits", async () => {
  const { file } = await noisyFile();
  for (const name of ["denoise", "denoise + jpeg"]) {
    const { task, source, method } = settled(file, name);
    assertEquals([task.name, task.operator, method["method"], method["form"]], [
      name,
      "noisy_jpeg",
      "ddnm+",
      "spectral",
    ]);
    assertEquals(source.compression!.planes.map(({ reduction }) => reduction), [[1, 1], [2, 2], [2, 2]]);
    const notes = source.notes!.join("\n");
    assert(notes.includes("What the JPEG file stores is taken as measured") && notes.includes("means of 2 x 2"), notes);
    assert(!notes.includes("is taken for detail"), notes);
  }
  assertEquals(settled(file, "denoise", { form: "simplified" }).method["form"], "simplified");
  const spacingOf = (options: OptionValues): unknown => {
    const { spacing, steps } = settled(file, "denoise", options).method;
    return [spacing, steps];
  };
  assertEquals(spacingOf({}), ["noise", 30]);
  assertEquals(spacingOf({ steps: 7 }), ["noise", 7]);
  for (const other of [{ form: "simplified" }, { spacing: "even" }]) {
    assertEquals(spacingOf(other), [(other as OptionValues)["spacing"], undefined], "as it is published");
  }
});

Deno.test("files without noise, and levels of 0, stay as they are", async () => {
  const image = await readImage(casePath("common/good64.png"));
  const clean = await compressed(image);
  assertEquals(settled(clean).task.operator, "identity");
  assertEquals(settled(clean, "denoise", { "noise-level": 0.05 }).task.operator, "noisy_jpeg");
  const { file } = await noisyFile();
  assertEquals(settled(file, "denoise", { "noise-level": 0 }).task.operator, "identity");
  assertEquals(settled(file, "jpeg").task.operator, "jpeg");
  assertThrows(
    () => settled(file, "denoise + sr2 + jpeg"),
    UsageError,
    "no method reckons with noise before a compression",
  );
});

Deno.test("the measurement of a file holds the luminance that it decodes to and the means of its colours, however it is turned", async () => {
  const stored = (await noisyFile(32)).file;
  const runtime = new ReferenceRuntime();
  for (const orientation of [1, 6]) {
    const picture = { ...applyOrientation(stored, orientation), jpeg: stored.jpeg!, orientation };
    const input = settled(picture, "denoise", { "noise-level": 0.196 });
    const { problem: { operator, y }, sigmaY } = await preparePicture(runtime, MODEL, { ...input, seed: 0 });
    assertEquals(sigmaY, 0.196);
    const solved = await (await applyOperator(runtime, operator, "estimate", y)).read();
    const decoded = input.source.compression!.decoded!.data;
    const difference = solved.map((value, i) => value - decoded[i]!);
    const means = new Float64Array(16 * 16 * 3);
    for (let pixel = 0; pixel < 32 * 32; pixel++) {
      const [r, g, b] = difference.subarray(3 * pixel, 3 * pixel + 3) as unknown as [number, number, number];
      const luminance = 0.299 * r + 0.587 * g + 0.114 * b;
      assert(Math.abs(luminance) < 1e-3, `orientation ${orientation}: luminance of ${pixel} by ${luminance}`);
      const block = 16 * Math.floor(pixel / 64) + Math.floor(pixel % 32 / 2);
      [r, g, b].forEach((value, c) => means[3 * block + c]! += value / 4);
    }
    assert(means.every((mean) => Math.abs(mean) < 1e-3), `orientation ${orientation}: means of 2 x 2 pixels`);
  }
});

Deno.test("a noisy file that is made smaller is a noisy picture like others", async () => {
  const input = settled((await noisyFile()).file);
  const prepared = await preparePicture(new ReferenceRuntime(), MODEL, { ...input, size: 32, seed: 0 });
  assertEquals([prepared.task.operator, prepared.problem.operator.name], ["identity", "identity"]);
  assertEquals(prepared.canvas.working.width, 32);
});

gpuTest("noise that was compressed with a picture is removed beyond what the picture alone tells", async (gpu) => {
  const model = await openModel(gpu);
  const { truth, file } = await noisyFile(48);
  const psnr = ({ data }: Raster): number => {
    const square = truth.data.reduce((sum, value, i) => sum + (value - data[i]!) ** 2, 0) / data.length;
    return 10 * Math.log10(4 / square);
  };
  const input = settled(file, "denoise", { steps: 10, "noise-level": 0.196 });
  const { problem, sigmaY, ...rest } = await preparePicture(gpu, model, { ...input, seed: 0 });
  const image = await restoreBy(gpu, chooseMethod(input.method, input.task), { ...problem, sigmaY }, { seed: 0 });
  const { raster } = await finishPicture(gpu, { problem, sigmaY, ...rest }, Float32Array.from(image.data));
  problem.y.free();
  const [before, after] = [psnr(colourRaster(file)), psnr(raster)];
  // 28.04 dB of 24.57; 27.17 where nothing is known of the file.
  assert(after > before + 3, `${after} dB of ${before}`);
});
