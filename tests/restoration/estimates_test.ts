/** Noise and blur that were made here must be found again. */
import { assert, assertEquals } from "@std/assert";
import { readImage } from "../../io/mod.ts";
import { colourRaster, type Raster, rgbToGray } from "../../raster/mod.ts";
import { estimateBlurWidth, estimateNoiseLevel } from "../../restoration/mod.ts";
import { normalValues } from "../support/random.ts";

const SAMPLE = new URL("../../models/default/sample.png", import.meta.url).pathname;

/** A picture with added noise, as a file of 8 bits holds it. */
function noisy(picture: Raster, sigma: number): Raster {
  const noise = normalValues(picture.data.length, 5);
  const data = picture.data.map((value, i) =>
    Math.min(1, Math.max(-1, Math.round((value + sigma * noise[i]! + 1) * 127.5) / 127.5 - 1))
  );
  return { ...picture, data };
}

/** A picture blurred by a Gaussian, its border repeated, as a file of 8 bits holds it. */
function soft({ width, height, channels, data }: Raster, sigma: number): Raster {
  const radius = Math.ceil(4 * sigma);
  const taps = Array.from({ length: 2 * radius + 1 }, (_, k) => Math.exp(-((k - radius) ** 2) / (2 * sigma ** 2)));
  const sum = taps.reduce((all, tap) => all + tap, 0);
  const at = (from: Float32Array, x: number, y: number, c: number): number =>
    from[(Math.min(height - 1, Math.max(0, y)) * width + Math.min(width - 1, Math.max(0, x))) * channels + c]!;
  const pass = (from: Float32Array, dx: number, dy: number): Float32Array<ArrayBuffer> =>
    Float32Array.from(from, (_, i) => {
      const [x, y] = [Math.floor(i / channels) % width, Math.floor(i / channels / width)];
      return taps.reduce(
        (all, tap, k) => all + tap * at(from, x + dx * (k - radius), y + dy * (k - radius), i % channels),
        0,
      ) /
        sum;
    });
  return {
    width,
    height,
    channels,
    data: pass(pass(data, 1, 0), 0, 1).map((v) => Math.round((v + 1) * 127.5) / 127.5 - 1),
  };
}

Deno.test("the level of added noise is found within its spread and a twentieth", async () => {
  const picture = colourRaster(await readImage(SAMPLE));
  for (const sigma of [0.03, 0.1, 0.196]) {
    for (const one of [picture, rgbToGray(picture)]) {
      const found = estimateNoiseLevel(noisy(one, sigma))!;
      const error = Math.abs(found.sigma - sigma);
      assert(error < 0.05 * sigma + 2 * found.spread, `${sigma}: ${found.sigma} +- ${found.spread}`);
      assert(found.spread < 0.1 * sigma, `${sigma}: spread ${found.spread}`);
    }
  }
  assert(estimateNoiseLevel(picture)!.sigma < 0.01);
});

Deno.test("a picture that is too small, or cut off everywhere, tells no level", () => {
  const flat = (side: number, value: number): Raster => (
    { width: side, height: side, channels: 1, data: new Float32Array(side * side).fill(value) }
  );
  assertEquals(estimateNoiseLevel(flat(8, 0)), undefined);
  assertEquals(estimateNoiseLevel(flat(64, 1)), undefined);
  assertEquals(estimateNoiseLevel(flat(64, 0.5))!.sigma, 0);
});

Deno.test("the width of a Gaussian blur is found, and grows with it", async () => {
  const picture = colourRaster(await readImage(SAMPLE));
  assert(estimateBlurWidth(picture)!.sigma < 0.7);
  for (const sigma of [1.2, 2, 3]) {
    const found = estimateBlurWidth(soft(picture, sigma))!;
    assert(Math.abs(found.sigma - sigma) < 0.15 * sigma, `${sigma}: ${found.sigma} +- ${found.spread}`);
    assert(found.edges > 100);
  }
  const flat: Raster = { width: 64, height: 64, channels: 1, data: new Float32Array(4096) };
  assertEquals(estimateBlurWidth(flat), undefined);
});
