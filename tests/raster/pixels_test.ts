import { assertAlmostEquals, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  allocateSamples,
  alphaRaster,
  colourRaster,
  decodeSamples,
  encodeSamples,
  grayImage,
  grayToRgb,
  type Image,
  isGrayContent,
  rgbToGray,
  toImage,
} from "../../raster/mod.ts";

Deno.test("encodeSamples() inverts decodeSamples() for every value of 8 and 16 bits, rounded and cut", () => {
  for (const bitDepth of [8, 16] as const) {
    const all = allocateSamples(2 ** bitDepth, bitDepth).map((_, i) => i);
    const values = decodeSamples(all, bitDepth);
    assertEquals([values[0], values.at(-1)], [-1, 1]);
    for (const rounding of ["nearest", "down"] as const) {
      assertEquals(encodeSamples(values, { bitDepth, rounding }), all, `${bitDepth} bits, ${rounding}`);
    }
  }
});

Deno.test("decodeSamples() is x = 2 v / max - 1", () => {
  assertAlmostEquals(decodeSamples(Uint8Array.of(51), 8)[0]!, -0.6, 1e-7);
  assertAlmostEquals(decodeSamples(Uint16Array.of(13107), 16)[0]!, -0.6, 1e-7);
});

Deno.test("encodeSamples() rounds to the nearest level or cuts, and clamps", () => {
  const level = (value: number): number => 2 * value / 255 - 1;
  const values = Float32Array.of(level(10.4), level(10.6), level(99.99), -1.5, 7, Infinity, -Infinity);
  assertEquals([...encodeSamples(values)], [10, 11, 100, 0, 255, 255, 0]);
  assertEquals([...encodeSamples(values, { rounding: "down" })], [10, 10, 99, 0, 255, 255, 0]);
  assertEquals([...encodeSamples(Float32Array.of(0, 2), { bitDepth: 16 })], [32768, 65535]);
});

Deno.test("encodeSamples() refuses values that are not numbers", () => {
  assertThrows(() => encodeSamples(Float32Array.of(0, NaN)), RangeError, "value 1 of 2 is not a number");
});

const IMAGE: Image = {
  width: 2,
  height: 1,
  channels: 3,
  bitDepth: 16,
  samples: Uint16Array.of(0, 1, 2, 65533, 65534, 65535),
  alpha: Uint16Array.of(7, 65000),
};

Deno.test("toImage() puts colour and alpha rasters back together exactly", () => {
  const alpha = alphaRaster(IMAGE)!;
  assertEquals([alpha.width, alpha.height, alpha.channels], [2, 1, 1]);
  assertEquals(toImage(colourRaster(IMAGE), { bitDepth: 16, alpha }), IMAGE);
  assertEquals("alpha" in toImage(colourRaster(IMAGE)), false);
});

Deno.test("toImage() refuses other channel counts and an alpha plane of another size", () => {
  const colour = colourRaster(IMAGE);
  assertThrows(() => toImage({ ...colour, channels: 2 }), TypeError, "an image of 2 channels");
  const alpha = { width: 1, height: 1, channels: 1, data: new Float32Array(1) };
  assertThrows(() => toImage(colour, { alpha }), TypeError, "its alpha plane has 1 x 1 pixels");
});

Deno.test("grayToRgb() repeats gray and rgbToGray() is the mean that inverts it", () => {
  const gray = { width: 2, height: 1, channels: 1, data: Float32Array.of(-0.25, 0.5) };
  const rgb = grayToRgb(gray);
  assertEquals([...rgb.data], [-0.25, -0.25, -0.25, 0.5, 0.5, 0.5]);
  assertEquals(rgbToGray(rgb), gray);
  assertAlmostEquals(
    rgbToGray({ ...gray, width: 1, channels: 3, data: Float32Array.of(0.5, 0, -0.2) }).data[0]!,
    0.1,
    1e-7,
  );
  assertStrictEquals(grayToRgb(rgb), rgb);
  assertStrictEquals(rgbToGray(gray), gray);
  assertThrows(() => grayToRgb({ ...gray, width: 1, channels: 2 }), TypeError);
  assertThrows(() => rgbToGray({ ...gray, width: 1, channels: 2 }), TypeError);
});

Deno.test("isGrayContent() looks at all three channels of every pixel, with a tolerance in the units of the values", () => {
  const gray = { channels: 3, data: [5, 5, 5, 9, 9, 9] };
  assertEquals(isGrayContent(gray), true);
  for (let at = 0; at < 6; at++) {
    const data = gray.data.with(at, gray.data[at]! + 3);
    assertEquals([isGrayContent({ channels: 3, data }), isGrayContent({ channels: 3, data }, 3)], [false, true]);
  }
  assertEquals(isGrayContent({ channels: 1, data: [1, 2] }), false);
});

Deno.test("grayImage() is the luma of BT.601 and keeps equal channels and alpha", () => {
  const samples = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 77, 77, 77);
  const alpha = Uint8Array.of(1, 2, 3, 4);
  const gray = grayImage({ width: 4, height: 1, channels: 3, bitDepth: 8, samples, alpha });
  assertEquals([gray.channels, ...gray.samples], [1, 76, 150, 29, 77]);
  assertEquals(gray.alpha, alpha);
});
