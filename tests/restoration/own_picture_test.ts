/** Pictures that somebody has: old, overexposed, and to be continued. */
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type HostTensor, hostTensor, ReferenceRuntime, type Tensors } from "../../engine/mod.ts";
import type { OpenedModel } from "../../models/mod.ts";
import { createDegradation, createOperator, type NonlinearOperator, project } from "../../operators/mod.ts";
import type { OptionValues } from "../../parameters/mod.ts";
import type { Raster } from "../../raster/mod.ts";
import { fadedContrast, stretched } from "../../restoration/own/fading.ts";
import { asExposed, clippingFrom, findClipping, withHighlights } from "../../restoration/own/highlights.ts";
import {
  checkPictureOptions,
  finishPicture,
  type PictureSource,
  type PreparedPicture,
  preparePicture,
  type SettledPicture,
  settlePicture,
  TASKS,
} from "../../restoration/mod.ts";
import { randomValues } from "../support/random.ts";

/** A model of which nothing but its sizes is asked. */
const MODEL = {
  downsampling: 4,
  config: { imageSize: 64, superResolution: false, inChannels: 3 },
  noiseModel: ({ height, width }: { height: number; width: number }) => ({ imageShape: [height, width, 3] }),
} as unknown as OpenedModel;

function raster(width: number, height: number, channels: number, value: (i: number) => number): Raster {
  return {
    width,
    height,
    channels,
    data: Float32Array.from({ length: width * height * channels }, (_, i) => value(i)),
  };
}

function settled(
  task: string,
  colour: Raster,
  options: OptionValues,
  more: Partial<PictureSource> = {},
): SettledPicture<PictureSource> {
  const channels = colour.channels === 1 ? 1 : 3;
  const source: PictureSource = { name: "a.png", channels, bitDepth: 8, colour, ...more };
  return settlePicture(source, TASKS.get(task)!, { task, ...options });
}

async function prepared(picture: SettledPicture<PictureSource>, size?: number): Promise<PreparedPicture> {
  return await preparePicture(new ReferenceRuntime(), MODEL, { ...picture, seed: 0, size });
}

const levels = (...values: readonly number[]): readonly number[] => values.map((value) => 2 * value / 255 - 1);

Deno.test("a faded photo is stretched between the values beyond which half a percent of its known pixels are", () => {
  // 1000 values of 50 to 149, four at each end, and a scratch that is no part of it.
  const gray = raster(1004, 1, 1, (i) => i < 4 ? 1 : levels(50 + (i - 4) % 100)[0]!);
  const known = Array.from({ length: 1004 }, (_, i) => i < 4 ? 0 : 1);
  const found = fadedContrast(gray, known)!;
  assertAlmostEquals(found.black, levels(50)[0]!, 1e-6);
  assertAlmostEquals(found.white, levels(149)[0]!, 1e-6);
  const { data } = stretched(gray, found);
  assertAlmostEquals(data[4]!, -1, 1e-6);
  assertAlmostEquals(data[103]!, 1, 1e-6);
  assertAlmostEquals(data[4 + 49]!, 2 * 49 / 99 - 1, 1e-6);
  assertEquals(fadedContrast(raster(256, 1, 1, (i) => levels(i)[0]!)), undefined, "a whole range");
  assertEquals(fadedContrast(raster(9, 1, 1, () => 0.25)), undefined, "one value has no contrast");
});

Deno.test("an old photo is its gray picture, of its own size or twice as large, and says what becomes of it", () => {
  const sepia = raster(4, 4, 3, (i) => [0.2, 0, -0.2][i % 3]! + Math.floor(i / 3) / 40);
  const { task, options, source } = settled("old-photo", sepia, {});
  assertEquals([task.scale, task.fixed, options["mask-random"]], [1, { scale: 1 }, 0]);
  assertEquals([source.colour.channels, source.mask], [1, undefined]);
  const said = source.notes!.join("\n");
  assertStringIncludes(said, "diagnose --sheet proposes a mask of scratches, --mask FILE gives it");
  assertStringIncludes(said, "are restored in new colours");
  assertStringIncludes(
    said,
    "The photo is faded: 99 % of its gray values are from 128 to 175 of 255, which are stretched",
  );
  assertAlmostEquals(source.colour.data[5]!, 2 * 5 / 15 - 1, 1e-6);
  const kept = settled("old-photo", sepia, { fading: "keep", "old-photo-scale": "2" });
  assertAlmostEquals(kept.source.colour.data[5]!, 5 / 40, 1e-6);
  assertEquals(kept.task.fixed, { scale: 2 });
  assertStringIncludes(kept.source.notes!.join(), "which is kept");
});

Deno.test("the known pixels of an old photo are the means of the result's, at both scales; missing ones say nothing", async () => {
  const gray = raster(6, 4, 1, (i) => 0.5 * Math.sin(i));
  const known = hostTensor(Float32Array.from({ length: 24 }, (_, i) => i % 5 === 0 ? 0 : 1), [4, 6]);
  for (const scale of [1, 2]) {
    const options = { "old-photo-scale": String(scale), fading: "keep" };
    const { problem: { operator, y }, options: values, canvas } = await prepared(
      settled("old-photo", gray, options, { mask: { parameter: "mask", known } }),
    );
    assertEquals([canvas.natural, canvas.working], Array(2).fill({ width: 6 * scale, height: 4 * scale }));
    const runtime = new ReferenceRuntime();
    const x = randomValues(operator.imageShape.reduce((a, b) => a * b), 1);
    const stage = runtime.stage("project", (inputs: Tensors<"x" | "y">) => ({
      again: operator.forward(project(operator as never, inputs.x, inputs.y)),
    }));
    const shown = await y.read();
    const inputs = {
      x: runtime.upload(x, [1, ...operator.imageShape]),
      y: runtime.upload(shown, [1, ...operator.measurementShape]),
    };
    const again = await (await stage(inputs, {})).again.read();
    shown.forEach((value, i) => assertAlmostEquals(again[i]!, value, 1e-6));
    const mask = values["mask"] as HostTensor;
    assertEquals(mask.shape, operator.imageShape.slice(0, 2));
    // The canvas begins where the picture does, up to half of what pads it.
    const [left, top] = [canvas.place.x / scale, canvas.place.y / scale];
    const across = operator.measurementShape[1]!;
    for (let i = 0; i < 24; i++) {
      const [row, column] = [top + Math.floor(i / 6), left + i % 6];
      assertAlmostEquals(shown[row * across + column]!, i % 5 === 0 ? 0 : gray.data[i]!, 1e-6);
      const block = [0, scale - 1].map((at) => mask.data[(scale * row + at) * scale * across + scale * column + at]);
      assertEquals(block, Array(2).fill(i % 5 === 0 ? 0 : 1));
    }
  }
});

Deno.test("an old photo that was restored smaller gets back what its known pixels say", async () => {
  const gray = raster(16, 16, 1, (i) => 0.6 * Math.sin(i / 7));
  const known = hostTensor(Float32Array.from({ length: 256 }, (_, i) => i < 32 ? 0 : 1), [16, 16]);
  for (const scale of [1, 2]) {
    const options = { "old-photo-scale": String(scale), fading: "keep" };
    const one = settled("old-photo", gray, options, { mask: { parameter: "mask", known } });
    const picture = await prepared(one, 8 * scale);
    const image = new Float32Array(picture.problem.operator.imageShape.reduce((a, b) => a * b)).fill(0.1);
    const { raster: result } = await finishPicture(new ReferenceRuntime(), picture, image);
    assertEquals([result.width, result.height, result.channels], [16 * scale, 16 * scale, 3]);
    for (const [row, column] of [[2, 0], [7, 9], [15, 15]] as const) {
      let sum = 0;
      for (let y = row * scale; y < (row + 1) * scale; y++) {
        for (let i = column * scale * 3; i < (column + 1) * scale * 3; i++) sum += result.data[y * 48 * scale + i]!;
      }
      assertAlmostEquals(sum / (3 * scale ** 2), gray.data[row * 16 + column]!, 1e-5);
    }
    assertAlmostEquals(result.data[0]!, 0.1, 1e-5, "what is missing is the result's");
  }
});

Deno.test("a mask that cuts no block of an old photo makes A^+ of its factors exact", async () => {
  const mask = hostTensor(Float32Array.from({ length: 16 }, (_, i) => (i >> 1) % 2 === 0 && i < 8 ? 0 : 1), [4, 4]);
  const operator = createOperator("old_photo", [4, 4, 3], { mask });
  assertEquals(operator.isApproximate, undefined);
  const runtime = new ReferenceRuntime();
  const stage = runtime.stage("inverse", ({ y }: Tensors<"y">) => ({ x: operator.pseudoInverse(y) }));
  const y = runtime.upload(Float32Array.of(0.1, 0.2, 0.3, 0.4), [1, 2, 2, 1]);
  const x = await (await stage({ y }, {})).x.read();
  const blocks = [0, 0.2, 0.3, 0.4];
  x.forEach((value, i) => {
    const pixel = Math.floor(i / 3);
    assertAlmostEquals(value, blocks[2 * Math.floor(pixel / 8) + (pixel % 4 >> 1)]!, 1e-6);
  });
});

/** A channel of a bright photo: levels 0 to 199 equally often, and so many values of others. */
function bright(others: Readonly<Record<number, number>>, bitDepth: 8 | 16 = 8): Raster {
  const full = 2 ** bitDepth - 1;
  const data = [
    ...Array.from({ length: 2000 }, (_, i) => i % 200 / 255),
    ...Object.entries(others).flatMap(([level, count]) => Array<number>(count).fill(Number(level) / full)),
  ].map((value) => 2 * value - 1);
  return { width: data.length, height: 1, channels: 1, data: Float32Array.from(data) };
}

Deno.test("clipped values are those at the end of the range, or in a plateau below it", () => {
  const whites = (photo: Raster, bitDepth: 8 | 16 = 8): readonly number[] =>
    findClipping(photo, bitDepth).map(({ white }) => Math.round((white + 1) / 2 * (2 ** bitDepth - 1)));
  assertEquals(whites(bright({ 255: 300 })), [255]);
  assertAlmostEquals(findClipping(bright({ 255: 300 }), 8)[0]!.share, 300 / 2300, 1e-9);
  // Lossy coding spreads a plateau.
  assertEquals(whites(bright({ 233: 5, 234: 60, 235: 200, 236: 50, 237: 3 })), [234]);
  assertEquals(whites(bright({ 253: 40, 254: 60, 255: 300 })), [253]);
  assertEquals(whites(bright({ 60000: 300 }, 16), 16), [60000]);
  const none = findClipping(bright({}), 8)[0]!;
  assertEquals([none.white > 1, none.share], [true, 0]);
  assertEquals(findClipping(bright({ 210: 10, 220: 12, 230: 9 }), 8)[0]!.share, 0, "no spike");
  assertEquals(clippingFrom(bright({ 230: 500 }), 2 * 230 / 255 - 1), [{ white: 2 * 230 / 255 - 1, share: 0.2 }]);
});

Deno.test("an overexposed photo is what its operator makes of a darker picture, which is exact where it is not clipped", async () => {
  // Red is clipped at 255, green at 230, blue nowhere.
  const scene = Float32Array.from({ length: 300 }, (_, i) => -1 + [1.6, 1.5, 0.7][i % 3]! * Math.floor(i / 3) / 100);
  const whites = [1, 2 * 230 / 255 - 1, Infinity];
  const photo = raster(100, 1, 3, (i) => Math.min(whites[i % 3]!, 2 * (scene[i]! + 1) - 1));
  const found = findClipping(photo, 8);
  assertEquals(found.map(({ white }) => Math.min(2, white).toFixed(3)), ["1.000", "0.804", "2.000"]);
  const { picture, exposures } = asExposed(photo, found, 2);
  const operator = createDegradation("hdr", [1, 100, 3], { exposures }) as NonlinearOperator;
  const runtime = new ReferenceRuntime();
  const stage = runtime.stage("y", ({ x }: Tensors<"x">) => ({ y: operator.forward(x), back: operator.estimate(x) }));
  const { y, back } = await stage({ x: runtime.upload(scene, [1, 1, 100, 3]) }, {});
  const seen = await y.read();
  picture.data.forEach((value, i) => assertAlmostEquals(seen[i]!, value, 1e-5, `${i}`));
  (await back.read()).forEach((value, i) => assertAlmostEquals(value, (scene[i]! + 1) / exposures[i % 3]! - 1, 1e-5));
  const guess = { ...photo, data: scene.map((value, i) => i % 2 === 0 ? value + 0.05 : -1) };
  const { data } = withHighlights(guess, picture, exposures);
  let clipped = 0;
  data.forEach((value, i) => {
    const white = Math.min(1, whites[i % 3]!);
    if (photo.data[i]! < white) assertAlmostEquals(value, scene[i]!, 1e-5);
    else assertAlmostEquals(value, Math.max(guess.data[i]!, (white + 1) / 2 - 1), 1e-5, `${clipped++}`);
  });
  assert(clipped > 40);
});

Deno.test("the exact values of an overexposed photo are in its result, also if that was restored smaller", async () => {
  const photo = raster(16, 16, 3, (i) => Math.min(1, -1 + 0.01 * i));
  for (const size of [16, 8]) {
    const one = settled("hdr", photo, { gain: 4 });
    assertStringIncludes(one.source.notes!.join(), "red from level 255 of 255 (74 % of its values)");
    assertStringIncludes(one.source.notes!.join(), "the result is 4 times darker");
    const picture = await prepared(one, size);
    assertEquals([picture.options["gain"], picture.options["exposures"]], [4, [4]]);
    const { raster: { data } } = await finishPicture(
      new ReferenceRuntime(),
      picture,
      new Float32Array(size * size * 3).fill(-0.2),
    );
    data.forEach((value, i) => {
      if (i < 200) assertAlmostEquals(value, 0.01 * i / 4 - 1, 1e-5);
      else if (size === 16 || i >= 576) assertAlmostEquals(value, -0.2, 1e-5);
      else assert(value >= 2 / 4 - 1 - 1e-6, "beside known pixels, at least what the photo tells");
    });
  }
  const dark = settled("hdr", raster(4, 4, 1, (i) => i / 20 - 1), {});
  assertStringIncludes(dark.source.notes!.join(), "No value of the photo is clipped, so nothing is to be recovered");
  assertEquals(dark.task.fixed["exposures"], [2]);
});

Deno.test("a picture that is to be continued lies on a larger canvas, of which the rest is missing", async () => {
  const colour = raster(5, 3, 3, (i) => i / 45);
  const alpha = raster(5, 3, 1, () => 0);
  const { task, source } = settled("outpaint", colour, { left: 2, bottom: 4 }, { alpha });
  assertEquals([task.name, task.operator, task.kind], ["outpaint", "inpaint", "inpainting"]);
  assertEquals([source.colour.width, source.colour.height, source.alpha!.width], [7, 7, 7]);
  const known = source.mask!.known;
  assertEquals(known.shape, [7, 7]);
  known.data.forEach((value, i) => {
    const [row, column] = [Math.floor(i / 7), i % 7];
    const isInside = row < 3 && column >= 2;
    assertEquals(value, isInside ? 1 : 0);
    assertEquals(source.alpha!.data[i], isInside ? 0 : 1, "what is new is opaque");
    if (isInside) assertEquals(source.colour.data[3 * i], colour.data[3 * (5 * row + column - 2)]);
  });
  const said = source.notes!.join("\n");
  assertStringIncludes(said, "grows from 5x3 to 7x7: 69 % of the result is new");
  assertStringIncludes(said, "More is added at the bottom than the picture is large");
  const picture = await prepared(settled("outpaint", colour, { top: 2, right: 1 }));
  const { raster: result } = await finishPicture(
    new ReferenceRuntime(),
    picture,
    await appliedTo(picture, new Float32Array(8 * 8 * 3).fill(0.9)),
  );
  assertEquals([result.width, result.height], [6, 5]);
  result.data.forEach((value, i) => {
    const [row, column] = [Math.floor(i / 18), Math.floor(i / 3) % 6];
    const inside = row >= 2 && column < 5;
    assertAlmostEquals(value, inside ? colour.data[3 * (5 * (row - 2) + column) + i % 3]! : 0.9, 1e-6);
  });
  assertThrows(() => settled("outpaint", colour, { left: 65535, top: 65535 }), RangeError, "at most 64 megapixels");
});

/** x - A^+ A x + A^+ y. */
async function appliedTo(
  { problem: { operator, y } }: PreparedPicture,
  x: Float32Array,
): Promise<Float32Array<ArrayBuffer>> {
  const runtime = new ReferenceRuntime();
  const stage = runtime.stage("project", (inputs: Tensors<"x" | "y">) => ({
    x: project(operator as never, inputs.x, inputs.y),
  }));
  const inputs = {
    x: runtime.upload(x, [1, ...operator.imageShape]),
    y: runtime.upload(await y.read(), [1, ...operator.measurementShape]),
  };
  return Float32Array.from(await (await stage(inputs, {})).x.read());
}

Deno.test("options of pictures that somebody has are refused where they say nothing", () => {
  const refused = (options: OptionValues, isTruth: boolean, said: string): void => {
    assertThrows(() => checkPictureOptions(options, isTruth), Error, said);
  };
  refused({ task: "outpaint" }, false, "--task outpaint adds nothing to the picture; give --left N");
  refused({ task: "outpaint", left: 0, top: 0 }, false, "adds nothing");
  refused({ task: "outpaint", keep: 0.5 }, false, "--keep needs --degrade");
  refused({ task: "outpaint", left: 4 }, true, "--left belongs to --task outpaint without --degrade");
  refused({ task: "inpaint", left: 4, mask: "m.png" }, false, "--left belongs to --task outpaint");
  refused({ task: "old-photo", "mask-random": 0.5 }, false, "--mask-random needs --degrade");
  refused({ task: "hdr", gain: 1 }, false, "--gain is 1, more than 1 is needed");
  refused({ task: "phase" }, false, "--task phase needs --degrade");
  checkPictureOptions({ task: "hdr", gain: 1 }, true);
  checkPictureOptions({ task: "outpaint", right: 1 }, false);
});
