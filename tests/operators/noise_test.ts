import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { type HostTensor, hostTensor } from "../../engine/mod.ts";
import { sampleNormal } from "../../kernels/mod.ts";
import { addNoise, jpegNoise, jpegQuality, jpegSteps, type JpegTables, NOISES } from "../../operators/mod.ts";
import { draws } from "../../operators/draws.ts";
import { poisson } from "../../operators/noise.ts";
import { randomValues } from "../support/random.ts";

/** A picture from a formula for its values 0 to 255. */
function picture(height: number, width: number, channels: number, value: (i: number, j: number) => number): HostTensor {
  const data = Float32Array.from({ length: height * width * channels }, (_, k) => {
    const pixel = Math.floor(k / channels);
    return value(Math.floor(pixel / width), pixel % width) / 127.5 - 1;
  });
  return hostTensor(data, [1, height, width, channels]);
}

Deno.test("jpegNoise() rounds the mean of a flat picture to the step of its quality", () => {
  for (const quality of [10, 60, 90]) {
    const step = 16 * (quality < 50 ? 50 / quality : 2 - quality / 50) / 8;
    const expected = Math.round((77 - 128) / step) * step + 128;
    for (const channels of [1, 3]) {
      const result = jpegNoise(picture(16, 32, channels, () => 77), { quality });
      for (const value of result.data) assertAlmostEquals((value + 1) * 127.5, expected, 1e-3);
    }
  }
});

Deno.test("whole tables are those that libjpeg writes, and tell their quality", () => {
  // What Pillow 9.4 writes into files: the first row, and the step of (4, 4).
  const written = {
    50: [16, 11, 10, 16, 24, 40, 51, 61, 68],
    75: [8, 6, 5, 8, 12, 20, 26, 31, 34],
    90: [3, 2, 2, 3, 5, 8, 10, 12, 14],
  };
  for (const [quality, expected] of Object.entries(written)) {
    const { luminance } = jpegSteps({ quality: Number(quality), tables: "whole" });
    assertEquals([...luminance.slice(0, 8), luminance[36]], expected);
  }
  for (let quality = 3; quality <= 100; quality++) {
    assertEquals(jpegQuality(jpegSteps({ quality, tables: "whole" }).luminance), quality);
  }
});

Deno.test("jpegNoise() uses the tables transposed unless told otherwise", () => {
  // One horizontal frequency of amplitude 8: its step is 11 by the standard, 12 transposed, times 2 - 60 / 50.
  const wave = (j: number): number => 0.5 * Math.cos((2 * j + 1) * Math.PI / 16);
  const source = picture(16, 16, 1, (_, j) => 128 + 25 * wave(j % 8));
  const amplitude = (tables: JpegTables): number => {
    const { data } = jpegNoise(source, { quality: 60, tables });
    let sum = 0;
    for (let j = 0; j < 8; j++) sum += (data[j]! + 1) * 127.5 * wave(j);
    return sum * Math.sqrt(8);
  };
  const coefficient = 25 * Math.sqrt(8);
  const rounded = (step: number): number => Math.round(coefficient / step) * step;
  assertAlmostEquals(amplitude("standard"), rounded(11 * 0.8), 1e-3);
  assertAlmostEquals(amplitude("published"), rounded(12 * 0.8), 1e-3);
});

Deno.test("jpegNoise() loses more at lower quality, nothing the second time, and keeps odd sizes", () => {
  const source = picture(19, 37, 3, (i, j) => 128 + 90 * Math.sin(i / 3) * Math.cos(j / 5));
  const change = (a: HostTensor, b: HostTensor): number =>
    Math.sqrt((a.data as Float32Array).reduce((sum, value, i) => sum + (value - b.data[i]!) ** 2, 0) / a.data.length);
  const [poor, good, best] = [10, 60, 100].map((quality) => jpegNoise(source, { quality }));
  assertEquals(good!.shape, [1, 19, 37, 3]);
  assert(change(source, poor!) > change(source, good!));
  assert(change(source, good!) > change(source, best!));
  assert(change(source, best!) < 0.01);
  const whole = jpegNoise(picture(32, 48, 3, (i, j) => 128 + 90 * Math.sin(i / 3) * Math.cos(j / 5)), { quality: 60 });
  assert(change(whole, jpegNoise(whole, { quality: 60 })) < 1e-6);
});

Deno.test("poisson() has the mean and the variance of its parameter", () => {
  const { uniform } = draws(3);
  for (const mean of [0, 0.7, 11.9, 12.1, 40, 255]) {
    const counts = Array.from({ length: 20000 }, () => poisson(mean, uniform));
    const average = counts.reduce((a, b) => a + b, 0) / counts.length;
    const variance = counts.reduce((sum, count) => sum + (count - average) ** 2, 0) / counts.length;
    assertAlmostEquals(average, mean, 5 * Math.sqrt(mean / counts.length) + 1e-12);
    assertAlmostEquals(variance, mean, 0.06 * mean + 1e-12);
    assert(counts.every((count) => Number.isSafeInteger(count) && count >= 0));
  }
});

Deno.test("addNoise() of a batch is that of its items, and differs between seeds", () => {
  const y = hostTensor(randomValues(2 * 16 * 16, 5), [2, 16, 16, 1]);
  for (const kind of NOISES.keys()) {
    const noise = kind === "gaussian"
      ? { kind, sigma: 0.2 }
      : kind === "poisson"
      ? { kind, rate: 0.5 }
      : kind === "jpeg"
      ? { kind, quality: 40 }
      : { kind };
    const both = addNoise(y, noise, [7, 2 ** 40 + 3]);
    const second = hostTensor(y.data.slice(256) as Float32Array, [1, 16, 16, 1]);
    assertEquals(both.data.slice(256), addNoise(second, noise, [2 ** 40 + 3]).data);
    const isRandom = kind === "gaussian" || kind === "poisson";
    const other = addNoise(second, noise, [2 ** 40 + 4]).data;
    assertEquals(other.some((value, i) => value !== both.data[256 + i]), isRandom, kind);
  }
});

Deno.test("addNoise() adds the deviates of its draw, and gives photons of the right spread", () => {
  const y = hostTensor(new Float32Array(4096), [1, 64, 64, 1]);
  const z = sampleNormal(11, 4096);
  const noisy = addNoise(y, { kind: "gaussian", sigma: 0.5 }, [11]).data;
  assertEquals(noisy, z.map((value) => 0.5 * value));
  const photons = addNoise(y, { kind: "poisson", rate: 1 }, [11]).data;
  const variance = (photons as Float32Array).reduce((sum, value) => sum + value * value, 0) / 4096;
  // Half of 255 photons: a standard deviation of sqrt(127.5) of them, 2 / 255 each.
  assertAlmostEquals(variance, 127.5 * (2 / 255) ** 2, 0.1 * 127.5 * (2 / 255) ** 2);
});

Deno.test("addNoise() refuses strengths out of range and measurements that are no pictures", () => {
  const y = hostTensor(new Float32Array(8), [1, 2, 2, 2]);
  assertThrows(() => addNoise(y, { kind: "gaussian", sigma: -1 }, [0]), RangeError, "standard deviation");
  assertThrows(() => addNoise(y, { kind: "poisson", rate: 0 }, [0]), RangeError, "the rate is 0");
  assertThrows(() => addNoise(y, { kind: "jpeg", quality: 60 }, [0]), TypeError, "shape [1, 2, 2, 2]");
  assertThrows(() => jpegNoise(picture(2, 2, 3, () => 0), { quality: 0 }), RangeError, "the quality is 0");
  assertThrows(() => addNoise(y, { kind: "none" }, []), TypeError, "0 seeds");
});
