import { assertAlmostEquals, assertEquals, assertLess, assertStrictEquals, assertThrows } from "@std/assert";
import { fitWithin, type Raster, resize, type ResizeFilter } from "../../raster/mod.ts";

/** A rough 7 x 5 picture with values of four decimals. */
const SOURCE: Raster = {
  width: 7,
  height: 5,
  channels: 1,
  data: Float32Array.from({ length: 35 }, (_, i) => Math.round((((7 * i * i + 3 * i) % 23) / 11.5 - 1) * 1e4) / 1e4),
};

/** SOURCE resized by Pillow 9.4 in mode "F" with BICUBIC, BILINEAR and BOX, to six decimals. */
const REFERENCE: readonly (readonly [ResizeFilter, number, number, readonly number[]])[] = [
  ["bicubic", 3, 2, [-0.06087, -0.135245, -0.254518, -0.060467, -0.074847, -0.126976]],
  ["bicubic", 7, 3, [
    -0.321726,
    -0.036758,
    0.29632,
    -0.214682,
    -0.339152,
    -0.353874,
    -0.043442,
    0.415556,
    -0.238811,
    -0.689781,
    -0.267542,
    0.386006,
    -0.412707,
    -0.412707,
    0.107649,
    -0.012698,
    -0.084935,
    -0.047465,
    0.376595,
    -0.043442,
    -0.353874,
  ]],
  ["bicubic", 4, 12, [
    -0.67796,
    -0.305337,
    -0.498463,
    0.125304,
    -0.503867,
    -0.164626,
    -0.443805,
    0.016008,
    -0.051245,
    0.239238,
    -0.324586,
    -0.267707,
    0.364994,
    0.518716,
    -0.159632,
    -0.529683,
    0.277061,
    0.112017,
    0.042508,
    -0.477134,
    -0.012934,
    -0.576871,
    0.23846,
    -0.299747,
    -0.070609,
    -0.894458,
    0.214362,
    -0.277867,
    0.083355,
    -0.910633,
    -0.051549,
    -0.405832,
    0.181199,
    -0.716768,
    -0.169782,
    -0.44888,
    0.098436,
    -0.162624,
    0.103673,
    -0.263689,
    -0.00916,
    0.372703,
    0.415173,
    -0.063221,
    -0.04797,
    0.588449,
    0.532917,
    0.014019,
  ]],
  ["bicubic", 11, 5, [
    -1.061144,
    -0.643528,
    -0.090158,
    0.010409,
    -0.290047,
    -0.7391,
    -0.400703,
    -0.265039,
    -0.497378,
    0.067349,
    0.545561,
    0.694999,
    0.36734,
    0.056044,
    0.509709,
    0.679517,
    0.4783,
    -0.187158,
    -0.473792,
    -0.216293,
    -0.50872,
    -0.775782,
    -0.03739,
    -0.033684,
    -0.184625,
    -0.829473,
    -1.014383,
    -0.6522,
    0.497488,
    0.748776,
    -0.228912,
    -0.368549,
    -0.3043,
    1.023053,
    0.281485,
    -0.734124,
    -1.025879,
    -0.740487,
    -0.1304,
    0.015446,
    -0.209695,
    -0.718653,
    -0.470724,
    -0.180718,
    -0.545561,
    -0.090298,
    0.526452,
    0.682389,
    0.437256,
    0.0435,
    0.437256,
    0.682389,
    0.526452,
    -0.090298,
    -0.545561,
  ]],
  ["bilinear", 3, 2, [-0.046853, -0.123456, -0.241949, -0.060423, -0.095783, -0.140587]],
  ["bilinear", 9, 3, [
    -0.291914,
    -0.134552,
    0.082141,
    0.149765,
    -0.217357,
    -0.304357,
    -0.349921,
    -0.258805,
    -0.043443,
    0.323656,
    -0.030589,
    -0.396659,
    -0.555551,
    -0.285022,
    0.24098,
    -0.03811,
    -0.381611,
    -0.381611,
    0.117971,
    0.03519,
    -0.028283,
    -0.050362,
    -0.031029,
    0.268471,
    0.133217,
    -0.151124,
    -0.366486,
  ]],
  ["area", 3, 2, [-0.101433, -0.120778, -0.26085, 0.0652, 0.029, -0.239125]],
  ["area", 4, 7, [
    -0.5652,
    -0.3913,
    -0.2174,
    0.0,
    0.34785,
    0.56525,
    -0.4783,
    -0.47825,
    0.34785,
    0.56525,
    -0.4783,
    -0.47825,
    -0.08695,
    -0.8261,
    0.913,
    -0.3043,
    0.1304,
    -0.5652,
    -0.0435,
    -0.47825,
    0.1304,
    -0.5652,
    -0.0435,
    -0.47825,
    0.0,
    0.34785,
    0.6522,
    0.0,
  ]],
];

Deno.test("resize() equals the Python Imaging Library, shrinking and enlarging", () => {
  for (const [filter, width, height, expected] of REFERENCE) {
    const { data } = resize(SOURCE, { width, height }, filter);
    assertEquals(data.length, expected.length);
    expected.forEach((value, i) => assertAlmostEquals(data[i]!, value, 2e-6, `${filter} ${width} x ${height} at ${i}`));
  }
});

Deno.test("resize() treats channels apart", () => {
  const data = Float32Array.from({ length: 105 }, (_, i) => SOURCE.data[Math.floor(i / 3)]! * ((i % 3) - 1));
  const size = { width: 4, height: 9 };
  const one = resize(SOURCE, size).data;
  const three = resize({ ...SOURCE, channels: 3, data }, size).data;
  one.forEach((value, i) => {
    assertEquals([three[3 * i]!, Math.abs(three[3 * i + 1]!), three[3 * i + 2]!], [-value, 0, value]);
  });
});

Deno.test("resize() keeps a constant picture constant for every filter", () => {
  for (const filter of ["bicubic", "bilinear", "area"] as const) {
    const constant = { ...SOURCE, data: new Float32Array(35).fill(0.3) };
    for (const size of [{ width: 1, height: 1 }, { width: 3, height: 17 }, { width: 50, height: 2 }]) {
      resize(constant, size, filter).data.forEach((value) => assertLess(Math.abs(value - 0.3), 1e-6));
    }
  }
});

Deno.test("resize() commutes with mirroring", () => {
  const mirror = (raster: Raster): Raster => ({ ...raster, data: Float32Array.from(raster.data).reverse() });
  for (const size of [{ width: 3, height: 2 }, { width: 12, height: 8 }]) {
    const a = resize(mirror(SOURCE), size).data;
    const b = mirror(resize(SOURCE, size)).data;
    a.forEach((value, i) => assertAlmostEquals(value, b[i]!, 1e-6));
  }
});

Deno.test("resize() returns the same picture for the same size and refuses impossible sizes", () => {
  assertStrictEquals(resize(SOURCE, SOURCE), SOURCE);
  for (const width of [0, -1, 1.5, NaN]) {
    assertThrows(() => resize(SOURCE, { width, height: 1 }), RangeError, "whole numbers from 1 are needed");
  }
});

Deno.test("fitWithin() keeps the aspect ratio inside the box, shrinking and enlarging", () => {
  const box = { width: 64, height: 64 };
  assertEquals(fitWithin({ width: 500, height: 375 }, box), { width: 64, height: 48 });
  assertEquals(fitWithin({ width: 20, height: 40 }, box), { width: 32, height: 64 });
  assertEquals(fitWithin({ width: 64, height: 64 }, box), box);
  assertEquals(fitWithin({ width: 1000, height: 1 }, box), { width: 64, height: 1 });
});
