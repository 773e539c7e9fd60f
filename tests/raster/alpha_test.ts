import { assertAlmostEquals, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { fillUnderAlpha, type Raster } from "../../raster/mod.ts";

function raster(
  width: number,
  height: number,
  channels: number,
  value: (x: number, y: number, c: number) => number,
): Raster {
  const data = Float32Array.from({ length: width * height * channels }, (_, i) => {
    const pixel = Math.floor(i / channels);
    return value(pixel % width, Math.floor(pixel / width), i % channels);
  });
  return { width, height, channels, data };
}

Deno.test("fillUnderAlpha() gives transparent pixels the visible colour and leaves opaque ones", () => {
  const colour = raster(13, 7, 3, (x, _, c) => x < 4 ? 0.2 * c - 0.1 : 0.9);
  const alpha = raster(13, 7, 1, (x) => x < 4 ? 1 : -1);
  const filled = fillUnderAlpha(colour, alpha);
  filled.data.forEach((value, i) => assertAlmostEquals(value, 0.2 * (i % 3) - 0.1, 1e-6));
});

Deno.test("fillUnderAlpha() stays within the visible range, prefers near colours and mixes half-transparent ones", () => {
  const colour = raster(16, 4, 1, (x) => x === 0 ? -0.5 : x === 15 ? 0.5 : 1);
  const filled = fillUnderAlpha(colour, raster(16, 4, 1, (x) => x === 0 || x === 15 ? 1 : -1)).data;
  assertAlmostEquals(filled[1]!, -0.5, 1e-6);
  assertAlmostEquals(filled[14]!, 0.5, 1e-6);
  assertEquals(filled.every((value) => value >= -0.5 && value <= 0.5), true);
  const half = fillUnderAlpha(raster(2, 1, 1, (x) => x), raster(2, 1, 1, (x) => x === 0 ? 1 : 0)).data;
  // Coarse mean: (1 * 0 + 0.5 * 1) / 1.5 = 1/3; the half-transparent pixel: 0.5 * 1 + 0.5 / 3.
  assertAlmostEquals(half[1]!, 2 / 3, 1e-6);
});

Deno.test("fillUnderAlpha() changes nothing where everything or nothing is visible", () => {
  const colour = raster(5, 3, 3, (x, y, c) => (x + y + c) / 10);
  assertEquals(fillUnderAlpha(colour, raster(5, 3, 1, () => 1)), colour);
  assertStrictEquals(fillUnderAlpha(colour, raster(5, 3, 1, () => -1)), colour);
  assertThrows(() => fillUnderAlpha(colour, raster(4, 3, 1, () => 1)), TypeError, "an alpha plane of 4 x 3");
});
