import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { psnr } from "../../metrics/mod.ts";
import { rampImage, rampImageWithError, SHAPE, signed, steepImage, steepImageWithError } from "./images.ts";

// Expected numbers: skimage.metrics.peak_signal_noise_ratio of scikit-image 0.19.3 on the same 8-bit images.
const BYTES = { shape: SHAPE, range: [0, 255] } as const;

Deno.test("psnr() equals scikit-image on 8-bit images", () => {
  assertAlmostEquals(psnr(steepImage(), steepImageWithError(), BYTES), 32.6186864461286, 1e-10);
  assertAlmostEquals(psnr(rampImage(), rampImageWithError(), BYTES), 35.35094588989751, 1e-10);
});

Deno.test("psnr() leaves out a border", () => {
  assertAlmostEquals(psnr(steepImage(), steepImageWithError(), { ...BYTES, border: 4 }), 32.65119286991667, 1e-10);
});

Deno.test("psnr() takes images in [-1, 1] by default", () => {
  const [a, b] = [signed(steepImage()), signed(steepImageWithError())];
  assertAlmostEquals(psnr(a, b, { shape: SHAPE }), 32.6186864461286, 1e-5);
  assertAlmostEquals(psnr(a, b, { shape: SHAPE, rounding: "round" }), 32.6186864461286, 1e-10);
});

Deno.test("psnr() truncates to 8 bits the way images are saved without rounding", () => {
  // skimage on floor(255 u), u and v being (37 i mod 1000)/1000 and (53 i mod 1000)/1000 in f32.
  const wave = (factor: number): Float32Array =>
    Float32Array.from({ length: 19 * 23 * 3 }, (_, i) => (i * factor % 1000) / 1000);
  const options = { shape: SHAPE, range: [0, 1], rounding: "floor" } as const;
  assertAlmostEquals(psnr(wave(37), wave(53), options), 7.798068375999819, 1e-10);
});

Deno.test("psnr() clamps before it rounds and not otherwise", () => {
  const [outside, white] = [new Float32Array(3).fill(1.5), new Float32Array(3).fill(1)];
  assertEquals(psnr(outside, white, { shape: [1, 1, 3], rounding: "floor" }), Infinity);
  assertAlmostEquals(psnr(outside, white, { shape: [1, 1, 3] }), 10 * Math.log10(4 / 0.25), 1e-12);
});

Deno.test("psnr() of equal images is infinite", () => {
  assertEquals(psnr(steepImage(), steepImage(), BYTES), Infinity);
});

Deno.test("psnr() refuses images of another shape, an empty interior and an empty range", () => {
  const image = steepImage();
  assertThrows(() => psnr(image, image, { shape: [19, 23, 1] }), TypeError, "437 are needed");
  assertThrows(() => psnr(image, image, { shape: [19 * 23, 3] }), TypeError, "[H, W, C] is needed");
  assertThrows(() => psnr(image, image, { shape: SHAPE, border: 10 }), RangeError, "border is 10 pixels");
  assertThrows(() => psnr(image, image, { shape: SHAPE, border: 0.5 }), RangeError, "border is 0.5 pixels");
  assertThrows(() => psnr(image, image, { shape: SHAPE, range: [1, 1] }), RangeError, "white must be above black");
});
