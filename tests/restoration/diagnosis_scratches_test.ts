/** Scratches that were drawn over pictures are found with their mask, and lines of a scene are not taken for some. */
import { assert, assertEquals } from "@std/assert";
import { readImage } from "../../io/mod.ts";
import { colourRaster, grayToRgb, type KnownPixels, type Raster, rgbToGray, toImage } from "../../raster/mod.ts";
import {
  type DecodedPicture,
  describeDiagnosis,
  diagnose,
  findScratches,
  proposedMask,
  readingsOf,
  reportedDiagnosis,
  SURE,
} from "../../restoration/mod.ts";
import { mirrored } from "../../restoration/estimates/mirrored.ts";
import { runningMedian } from "../../restoration/estimates/running_median.ts";
import { spotsOf } from "../../restoration/estimates/spots.ts";
import { generator } from "../../tools/diagnosis/damages.ts";
import { scratched } from "../../tools/diagnosis/scratched.ts";
import { casePath } from "../io/cases.ts";
import { normalValues, randomValues } from "../support/random.ts";

const SAMPLE = new URL("../../models/default/sample.png", import.meta.url).pathname;

async function photograph(): Promise<Raster> {
  return grayToRgb(colourRaster(await readImage(SAMPLE)));
}

function stored(raster: Raster): DecodedPicture {
  return toImage(raster) as DecodedPicture;
}

/** Part of what was called hidden that is, and part of what is hidden that was called so. */
function agreement(
  found: KnownPixels,
  known: ArrayLike<number>,
): { readonly precision: number; readonly recall: number } {
  let [both, called, hidden] = [0, 0, 0];
  found.data.forEach((value, pixel) => {
    if (value === 0) called++;
    if (known[pixel] === 0) hidden++;
    if (value === 0 && known[pixel] === 0) both++;
  });
  return { precision: both / called, recall: both / hidden };
}

Deno.test("the scratches of an old photo are found with their mask, and not the lines of the photo itself", async () => {
  const mask = await readImage(casePath("old-photo/scratches.png"));
  const known = Float32Array.from(
    { length: mask.width * mask.height },
    (_, pixel) => mask.samples[pixel * mask.channels]! < 128 ? 0 : 1,
  );
  for (const name of ["scratched-sepia.png", "scratched-sepia.jpg"]) {
    const found = findScratches(colourRaster(await readImage(casePath(`old-photo/${name}`))))!;
    const { precision, recall } = agreement(found.known, known);
    assert(found.confidence > 0.9 && found.isBright, `${name}: ${found.confidence}`);
    assert(precision > 0.75 && recall > 0.95, `${name}: ${precision}, ${recall}`);
  }
  const whole = findScratches(colourRaster(await readImage(casePath("old-photo/sepia.png"))));
  assert((whole?.confidence ?? 0) < SURE, String(whole?.confidence));
});

Deno.test("scratches and dust drawn over a photograph are found, without them nothing is sure", async () => {
  const good = await photograph();
  assert((findScratches(good)?.confidence ?? 0) < SURE);
  for (const seed of [10, 11, 13]) {
    const { raster, known } = scratched(good, generator(seed));
    const found = findScratches(colourRaster(stored(raster)))!;
    const { precision, recall } = agreement(found.known, known);
    assert(found.confidence >= SURE, `${seed}: ${found.confidence}`);
    assert(precision > 0.8 && recall > 0.8, `${seed}: ${precision}, ${recall}`);
  }
});

/** A drawing: a slope of brightness, and what a function says over it. */
function drawn(value: (x: number, y: number) => number | undefined): Raster {
  const data = Float32Array.from({ length: 96 * 96 }, (_, i) => {
    const [x, y] = [i % 96, Math.floor(i / 96)];
    return value(x, y) ?? (x + y) / 400 - 0.4;
  });
  return { width: 96, height: 96, channels: 1, data };
}

Deno.test("a slanted line is a scratch; a pole, a wire, the rim of an edge and the tip of a surface are none", () => {
  const confidence = (picture: Raster): number => findScratches(picture)?.confidence ?? 0;
  const line = drawn((x, y) => Math.abs(y - 0.7 * x - 10) < 1.5 && x > 12 && x < 84 ? 0.9 : undefined);
  assert(confidence(line) >= SURE, String(confidence(line)));
  const pole = drawn((x, y) => Math.abs(x - 40) < 1.5 && y > 60 ? -0.6 + y / 900 : undefined);
  const rim = drawn((x, y) => Math.abs(y - 0.7 * x - 10) < 1.5 ? 0.9 : y > 0.7 * x + 10 ? 0.5 : undefined);
  const tip = drawn((x, y) => Math.abs(y - 48) < x / 12 ? 0.9 : undefined);
  const wire = drawn((x, y) => Math.abs(y + 0.9 * x - 90) < 1.5 && x > 12 && x < 84 ? -0.95 : undefined);
  for (const scene of [pole, wire, rim, tip]) assert(confidence(scene) < SURE, String(confidence(scene)));
});

Deno.test("pictures without lines, flat ones and tiny ones have no scratches", () => {
  assertEquals(findScratches(drawn(() => undefined)), undefined);
  assertEquals(findScratches(drawn(() => 0)), undefined);
  assertEquals(findScratches({ width: 20, height: 20, channels: 1, data: new Float32Array(400) }), undefined);
});

Deno.test("the running median is the median of the mirrored window", () => {
  const [width, height, radius] = [9, 7, 2];
  const data = randomValues(width * height, 3).map((value) => Math.round(Math.tanh(value) * 127.5 + 127.5) / 127.5 - 1);
  const found = runningMedian({ width, height, data }, radius);
  for (let i = 0; i < data.length; i++) {
    const window: number[] = [];
    for (let dy = -radius; dy <= radius; dy++) {
      for (let dx = -radius; dx <= radius; dx++) {
        const row = mirrored(Math.floor(i / width) + dy, height);
        window.push(data[row * width + mirrored(i % width + dx, width)]!);
      }
    }
    const expected = window.toSorted((a, b) => a - b)[window.length >> 1]!;
    assert(Math.abs(found[i]! - expected) < 1e-6, `${i}: ${found[i]} instead of ${expected}`);
  }
});

Deno.test("spots have sharp borders, and no more than 40 pixels", () => {
  const level = (radius: number, soft: number): Float32Array =>
    Float32Array.from({ length: 128 * 128 }, (_, i) => {
      const away = Math.hypot(i % 128 - 30, Math.floor(i / 128) - 30) - radius;
      return Math.min(1, Math.max(-1, -away / soft));
    });
  const found = (plane: Float32Array): number =>
    spotsOf({ level: plane }, { width: 128, height: 128 }, { level: 0.5, contrast: 0.6, isOpen: () => true }).length;
  assertEquals([found(level(2, 1)), found(level(8, 12)), found(level(6, 1))], [1, 0, 0]);
});

Deno.test("scratches are filled by their mask, grain and fading with them are undone in the same run", async () => {
  const { raster } = scratched(await photograph(), generator(11));
  const found = diagnose(stored(raster), "my photo.png");
  assertEquals([found.advice?.task, found.advice?.later], ["inpaint", []]);
  assertEquals(describeDiagnosis(found, "my photo.png").slice(-4), [
    "To undo it:",
    "  deno task diagnose 'my photo.png' --sheet",
    "  deno task restore 'my photo.png' --task inpaint --mask 'my photo-mask.png'",
    "Look at 'my photo-mask.png' before: white is kept, black is filled; what is wrong with it can be painted",
  ]);
  const [reading] = readingsOf(stored(raster), "p", found);
  assertEquals(reading?.known, proposedMask(found));
  const text = JSON.stringify(reportedDiagnosis(found, "my-mask.png"));
  assert(text.length < 2000 && text.includes('"options":{"mask":"my-mask.png"}'), text.slice(0, 400));

  const noise = normalValues(raster.data.length, 3);
  const grain = (one: Raster): Raster => ({ ...one, data: one.data.map((value, i) => value + 0.08 * noise[i]!) });
  assertEquals(diagnose(stored(grain(raster)), "p").advice?.task, "denoise + inpaint");
  // Fading takes the contrast of the photo, what lies over it has its own.
  const faded = rgbToGray(await photograph());
  const gray = scratched({ ...faded, data: faded.data.map((value) => 0.45 * value) }, generator(11)).raster;
  assertEquals(diagnose(stored(gray), "p").advice?.task, "old-photo");
  assertEquals(diagnose(stored(grain(gray)), "p").advice?.task, "old-photo + denoise");
});
