/** Noise and blur that were made here must be found again. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { encodeJpeg } from "../../io/codecs/jpeg_encode.ts";
import { decodeJpeg } from "../../io/codecs/jpeg_file.ts";
import { readImage } from "../../io/mod.ts";
import { applyOrientation, colourRaster, crop, type Raster, resize, rgbToGray, toImage } from "../../raster/mod.ts";
import { estimateNoiseLevel, resizedNoise } from "../../restoration/mod.ts";
import { casePath } from "../io/cases.ts";
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

Deno.test("the level of added noise is found within its spread and a twentieth", async () => {
  const picture = crop(colourRaster(await readImage(SAMPLE)), { x: 64, y: 64, width: 128, height: 128 });
  for (const sigma of [0.03, 0.1, 0.196]) {
    for (const one of [picture, rgbToGray(picture)]) {
      const found = estimateNoiseLevel(noisy(one, sigma))!;
      const error = Math.abs(found.sigma - sigma);
      assert(error < 0.05 * sigma + 2 * found.spread, `${sigma}: ${found.sigma} +- ${found.spread}`);
      assert(found.spread < 0.1 * sigma, `${sigma}: spread ${found.spread}`);
    }
  }
});

/** A picture with something of everything: smooth parts, edges, and fine stripes that are drawn. */
function drawn(side: number): Raster {
  const data = new Float32Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const inDisc = Math.hypot(x - 0.3 * side, y - 0.6 * side) < 0.2 * side;
      const stripes = x > 0.7 * side && y < 0.3 * side ? 0.4 * ((x + y) % 2) : 0;
      const base = inDisc ? [0.5, -0.2, 0.1] : [-0.7 + x / side, 0.5 - y / side, 0.3];
      for (let c = 0; c < 3; c++) data[(y * side + x) * 3 + c] = base[c]! - stripes;
    }
  }
  return { width: side, height: side, channels: 3, data };
}

/** Levels of 255. */
const LEVEL = 1 / 127.5;

Deno.test("noise of 5 to 50 levels is found within 10 %, in drawn pictures and photographs, colour and gray", async () => {
  const photograph = crop(colourRaster(await readImage(SAMPLE)), { x: 64, y: 64, width: 128, height: 128 });
  for (const picture of [photograph, drawn(64)]) {
    for (const one of [picture, rgbToGray(picture)]) {
      for (const levels of [5, 10, 25, 50]) {
        const found = estimateNoiseLevel(noisy(one, levels * LEVEL))!;
        const sigma = found.sigma / LEVEL;
        assert(Math.abs(sigma - levels) < 0.1 * levels, `${levels}: ${sigma} +- ${found.spread / LEVEL}`);
        assert(found.isPlain, `${levels}`);
        assertEquals(found.kind, "gaussian");
      }
    }
    const clean = estimateNoiseLevel(picture)!;
    assert(clean.sigma < LEVEL && !clean.isPlain, `${clean.sigma / LEVEL}`);
  }
});

Deno.test("noise that all channels share, or that one has alone, counts with its mean variance", () => {
  const picture = drawn(64);
  const noise = normalValues(64 * 64, 3);
  const shared = { ...picture, data: picture.data.map((value, i) => value + 0.1 * noise[Math.floor(i / 3)]!) };
  const single = {
    ...picture,
    data: picture.data.map((value, i) => value + (i % 3 === 2 ? 0.1 : 0) * noise[Math.floor(i / 3)]!),
  };
  assertAlmostEquals(estimateNoiseLevel(shared)!.sigma, 0.1, 0.01);
  assertAlmostEquals(estimateNoiseLevel(single)!.sigma, 0.1 / Math.sqrt(3), 0.006);
});

Deno.test("photon noise is told by its growth with the brightness, and counts with its mean variance", async () => {
  const photograph = crop(colourRaster(await readImage(SAMPLE)), { x: 64, y: 64, width: 128, height: 128 });
  for (const picture of [photograph, drawn(64)]) {
    for (const white of [50, 500]) {
      const noise = normalValues(picture.data.length, 9);
      const data = picture.data.map((value, i) => value + noise[i]! * Math.sqrt(2 * (value + 1) / white));
      const mean = picture.data.reduce((sum, value) => sum + 2 * (value + 1) / white, 0) / picture.data.length;
      const found = estimateNoiseLevel({ ...picture, data })!;
      assertEquals(found.kind, "photons");
      assertAlmostEquals(found.sigma, Math.sqrt(mean), 0.1 * Math.sqrt(mean));
    }
  }
});

Deno.test("tiny pictures tell their noise too, with a wide spread", () => {
  for (const side of [8, 12, 16, 20]) {
    const { sigma, spread, isPlain } = estimateNoiseLevel(noisy(drawn(side), 0.2))!;
    assert(Math.abs(sigma - 0.2) < 0.35 * 0.2, `${side}: ${sigma}`);
    assert(spread > 0.05 * 0.2 && !isPlain, `${side}: ${spread}`);
  }
});

Deno.test("noise before a JPEG compression is found within 25 % from the file's steps, whichever way it lies", async () => {
  const picture = drawn(128);
  for (const [levels, quality] of [[10, 95], [10, 90], [25, 95], [25, 75], [25, 50], [50, 50]] as const) {
    const bytes = await encodeJpeg(toImage(noisy(picture, levels * LEVEL)), quality, {});
    const { image, jpeg } = await decodeJpeg(bytes, 1e6);
    for (const orientation of [1, 6]) {
      const turned = colourRaster(applyOrientation(image, orientation));
      const found = estimateNoiseLevel(turned, { jpeg: { ...jpeg!, orientation } })!;
      const sigma = found.sigma / LEVEL;
      assert(Math.abs(sigma - levels) < 0.25 * levels, `${levels} at ${quality}, turned ${orientation}: ${sigma}`);
      assertEquals([found.kind, found.isPlain], ["compressed", true], `${levels} at ${quality}, turned ${orientation}`);
    }
  }
  for (const quality of [50, 75, 90]) {
    const { image, jpeg } = await decodeJpeg(await encodeJpeg(toImage(picture), quality, {}), 1e6);
    assert(!estimateNoiseLevel(colourRaster(image), { jpeg: jpeg! })!.isPlain, `clean at ${quality}`);
  }
});

Deno.test("pictures without noise are not called noisy", async () => {
  const clean = [
    "common/good64.png",
    "common/small16.png",
    "common/good64-q15.jpg",
    "common/small16-q40.jpg",
    "larger-photo/small128.png",
    "soft/soft-sigma1.2.png",
    "saturated/primaries16.png",
  ];
  for (const path of clean) {
    const file = await readImage(casePath(path));
    assert(!estimateNoiseLevel(colourRaster(file), { jpeg: file.jpeg })?.isPlain, path);
  }
});

Deno.test("fine structure of a small JPEG file is not called noise, and noise of a fine one is", async () => {
  const large = colourRaster(await readImage(casePath("larger-photo/small128.png")));
  const picture = resize(large, { width: 64, height: 64 }, "area");
  for (const [quality, levels, isPlain] of [[75, 0, false], [85, 0, false], [95, 0, false], [95, 10, true]] as const) {
    const bytes = await encodeJpeg(toImage(noisy(picture, levels * LEVEL)), quality, {});
    const { image, jpeg } = await decodeJpeg(bytes, 1e6);
    const found = estimateNoiseLevel(colourRaster(image), { jpeg: jpeg! })!;
    assertEquals(found.isPlain, isPlain, `${levels} levels at ${quality}: ${found.sigma / LEVEL}`);
  }
});

Deno.test("noise of a picture that is made smaller is what resizing leaves of white noise", () => {
  const noise: Raster = { width: 96, height: 60, channels: 1, data: Float32Array.from(normalValues(96 * 60, 4)) };
  for (const [width, height] of [[48, 30], [40, 25], [96, 60]] as const) {
    const small = resize(noise, { width, height });
    const deviation = Math.sqrt(small.data.reduce((sum, value) => sum + value ** 2, 0) / small.data.length);
    const level = { sigma: 1, spread: 0.1, kind: "gaussian", isSeen: true, isPlain: true } as const;
    const sizes = { natural: noise, working: { width, height }, scale: 1 };
    assertAlmostEquals(resizedNoise(level, sizes).sigma, deviation, 0.06);
  }
});

Deno.test("a picture that is too small, or cut off everywhere, tells no level", () => {
  const flat = (side: number, value: number): Raster => (
    { width: side, height: side, channels: 1, data: new Float32Array(side * side).fill(value) }
  );
  assertEquals(estimateNoiseLevel(flat(6, 0)), undefined);
  assertEquals(estimateNoiseLevel(flat(64, 1)), undefined);
  assertEquals(estimateNoiseLevel(flat(64, 0.5))!.sigma, 0);
});
