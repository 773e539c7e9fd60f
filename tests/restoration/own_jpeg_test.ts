/** Pictures that were compressed as JPEG: the tables of their files are the measurement, wherever their blocks lie. */
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { hostTensor, ReferenceRuntime, type Runtime } from "../../engine/mod.ts";
import { type ImageFile, openModel, readImage, writePicture } from "../../io/mod.ts";
import type { OpenedModel } from "../../models/mod.ts";
import type { OptionValues } from "../../parameters/mod.ts";
import {
  applyOperator,
  chooseMethod,
  finishPicture,
  PictureQuestion,
  type PictureSource,
  pictureSource,
  preparePicture,
  restoreBy,
  taskNamed,
} from "../../restoration/mod.ts";
import { applyOrientation, colourRaster, crop } from "../../raster/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";

const CASES = new URL("../cases/", import.meta.url).pathname;

/** A model of which nothing but its sizes is asked; pictures are padded to multiples of 60. */
const MODEL = {
  downsampling: 60,
  config: { imageSize: 64, superResolution: false, inChannels: 3 },
  noiseModel: ({ height, width }: { height: number; width: number }) => ({ imageShape: [height, width, 3] }),
} as unknown as OpenedModel;

async function source(file: string, name: string, options: OptionValues = {}): Promise<PictureSource> {
  const task = taskNamed(name);
  return pictureSource(await readImage(CASES + file), { name: file, task, options, isTruth: false, files: {} });
}

/** 84 x 52 pixels, which are no whole blocks, of waves and noise, saved with a quality of 12. */
async function coarseFile(): Promise<ImageFile> {
  const folder = await Deno.makeTempDir();
  try {
    const noise = randomValues(84 * 52 * 3, 5);
    const data = Float32Array.from(noise, (value, i) => 0.4 * Math.sin(i / 37) + 0.3 * Math.cos(i / 500) + 0.1 * value);
    await writePicture(`${folder}/a.jpg`, hostTensor(data, [52, 84, 3]), { quality: 12 });
    return await readImage(`${folder}/a.jpg`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("compressing what a file decodes to changes nothing, however it is turned and wherever it lies", async () => {
  const stored = await coarseFile();
  const task = taskNamed("jpeg");
  const runtime = new ReferenceRuntime();
  assert(stored.jpeg!.tables[0]![0]! > 40, "steps that are larger than what rounding to 8 bits does");
  for (let orientation = 1; orientation <= 8; orientation++) {
    const picture = { ...applyOrientation(stored, orientation), jpeg: stored.jpeg!, orientation };
    const source = pictureSource(picture, { name: "a.jpg", task, options: {}, isTruth: false, files: {} });
    const prepared = await preparePicture(runtime, MODEL, { source, task, options: {}, seed: 0 });
    const { problem: { operator, y }, canvas: { place, padded } } = prepared;
    assert(place.x % 16 !== 0 && place.y % 16 !== 0, "blocks that do not begin where those of the canvas would");
    // Blocks at the border hold what is not in the picture.
    const inner = { x: place.x + 16, y: place.y + 16, width: place.width - 32, height: place.height - 32 };
    const again = await (await applyOperator(runtime, operator, "forward", y)).read();
    const [before, after] = [await y.read(), again].map((data) =>
      crop({ ...padded, channels: 3, data: Float32Array.from(data) }, inner).data
    );
    const most = Math.max(...before!.map((value, i) => 127.5 * Math.abs(value - after![i]!)));
    assert(most < 3, `orientation ${orientation}: ${most} levels`);
  }
});

Deno.test("every kind of sampling is read, and colours that are not converted", async () => {
  const kinds = { "411": [1, 4], "420-odd": [2, 2], "422-odd": [1, 2], "440": [2, 1], "444-odd": [1, 1] };
  for (const [kind, reduction] of Object.entries(kinds)) {
    const { planes, color } = (await source(`jpeg-kinds/${kind}.jpg`, "jpeg")).compression!;
    assertEquals([color, ...planes.map((plane) => plane.reduction)], ["ycbcr", [1, 1], reduction, reduction], kind);
  }
  assertEquals((await source("jpeg-kinds/rgb-jpeg.jpg", "jpeg")).compression!.color, "rgb");
  assertEquals((await source("jpeg-kinds/gray.jpg", "jpeg")).compression!.planes.length, 1);
  await assertRejects(
    () => source("jpeg-kinds/cmyk-adobe.jpg", "jpeg"),
    PictureQuestion,
    "of a kind that is not known",
  );
});

Deno.test("a picture that is no JPEG file needs the quality with which it was saved", async () => {
  await source("common/small16.png", "sr4");
  const name = "common/small16.png";
  const image = await readImage(CASES + name);
  for (const task of ["jpeg", "sr4 + jpeg"]) {
    const read = (options: OptionValues): PictureSource =>
      pictureSource(image, { name, task: taskNamed(task), options, isTruth: false, files: {} });
    assertThrows(() => read({}), PictureQuestion, "needs --quality N");
    const { compression } = read({ quality: 50 });
    assertEquals([compression!.planes.length, compression!.planes[0]!.steps[0]], [3, 16]);
  }
});

Deno.test("a JPEG file whose compression shows is said, with the command that counts it in", async () => {
  const notes = async (name: string): Promise<string> =>
    (await source("common/small16-q40.jpg", name)).notes!.join("\n");
  assert(
    (await notes("sr4")).includes(
      'JPEG quality of about 40: what that did to the picture is taken for detail; --task "sr4 + jpeg"',
    ),
  );
  assert((await notes("denoise")).includes("--task jpeg repairs them"));
  assertEquals(await notes("sr4 + jpeg"), "");
});

async function psnrOf(
  runtime: Runtime,
  model: OpenedModel,
  file: string,
  name: string,
  steps?: number,
): Promise<number> {
  const task = taskNamed(name);
  const options = steps === undefined ? {} : { steps };
  const method = chooseMethod(options, task);
  const picture = await preparePicture(runtime, model, {
    source: await source(file, name),
    task,
    options: {},
    seed: 0,
  });
  const image = await restoreBy(runtime, method, picture.problem && { ...picture.problem, sigmaY: 0 }, { seed: 0 });
  const { raster } = await finishPicture(runtime, picture, Float32Array.from(image.data));
  picture.problem.y.free();
  return await psnr(raster.data);
}

async function psnr(data: Float32Array): Promise<number> {
  const truth = colourRaster(await readImage(`${CASES}common/good64.png`)).data;
  const square = truth.reduce((sum, value, i) => sum + (value - data[i]!) ** 2, 0) / truth.length;
  return 10 * Math.log10(4 / square);
}

gpuTest(
  "a JPEG file is repaired beyond what it decodes to, and a small one enlarged beyond what it shows",
  async (gpu) => {
    const model = await openModel(gpu);
    const decoded = await psnr(colourRaster(await readImage(`${CASES}common/good64-q15.jpg`)).data);
    assertAlmostEquals(decoded, 25.69, 0.01);
    // 27.75 dB.
    const repaired = await psnrOf(gpu, model, "common/good64-q15.jpg", "jpeg", 12);
    assert(repaired > decoded + 1.5, `${repaired} dB of ${decoded}`);
    // 22.03 dB; sr4 alone, for which artefacts are detail, gives 21.38.
    const counted = await psnrOf(gpu, model, "common/small16-q40.jpg", "sr4 + jpeg");
    assert(counted > 21.38 + 0.4, `${counted} dB with the compression, 21.38 dB without`);
  },
);
