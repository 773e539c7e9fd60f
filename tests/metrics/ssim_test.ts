import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { ssim } from "../../metrics/mod.ts";
import { rampImage, rampImageWithError, SHAPE, signed, steepImage, steepImageWithError } from "./images.ts";

// Expected numbers: skimage.metrics.structural_similarity of scikit-image 0.19.3 on the same 8-bit images with
// channel_axis=-1, data_range=255; "gaussian" with gaussian_weights=True, sigma=1.5, use_sample_covariance=False.
const BYTES = { shape: SHAPE, range: [0, 255] } as const;

Deno.test("ssim() equals scikit-image with its default window", () => {
  assertAlmostEquals(ssim(steepImage(), steepImageWithError(), BYTES), 0.9967578009092178, 1e-10);
  assertAlmostEquals(ssim(rampImage(), rampImageWithError(), BYTES), 0.9845384665511828, 1e-10);
});

Deno.test("ssim() equals scikit-image with the Gaussian window", () => {
  const options = { ...BYTES, window: "gaussian" } as const;
  assertAlmostEquals(ssim(steepImage(), steepImageWithError(), options), 0.9965762477308479, 1e-10);
  assertAlmostEquals(ssim(rampImage(), rampImageWithError(), options), 0.9794344520722372, 1e-10);
});

Deno.test("ssim() is the same for images in [-1, 1] and for 8-bit images", () => {
  const [a, b] = [signed(rampImage()), signed(rampImageWithError())];
  assertAlmostEquals(ssim(a, b, { shape: SHAPE }), 0.9845384665511828, 1e-6);
  assertAlmostEquals(ssim(a, b, { shape: SHAPE, rounding: "round" }), 0.9845384665511828, 1e-10);
});

Deno.test("ssim() of equal images is 1, and it is symmetric", () => {
  assertEquals(ssim(steepImage(), steepImage(), BYTES), 1);
  const there = ssim(rampImage(), rampImageWithError(), BYTES);
  assertAlmostEquals(ssim(rampImageWithError(), rampImage(), BYTES), there, 1e-14);
});

Deno.test("ssim() refuses images smaller than its window and images of another shape", () => {
  const small = new Float32Array(10 * 10 * 3);
  assertEquals(ssim(small, small, { shape: [10, 10, 3] }), 1);
  assertThrows(() => ssim(small, small, { shape: [10, 10, 3], window: "gaussian" }), RangeError, "at least 11 x 11");
  assertThrows(() => ssim(small, small, { shape: [10, 10, 1] }), TypeError, "100 are needed");
});
