import { assert, assertEquals, assertThrows } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { createOperator, type OperatorOptions } from "../../operators/mod.ts";
import { gaussianKernel } from "../../operators/blur/gaussian_blur.ts";
import { relativeError } from "../support/close.ts";
import { apply, randomPair } from "./laws.ts";

async function blur(imageShape: readonly number[], options: OperatorOptions, x?: Float32Array): Promise<Float32Array> {
  const operator = createOperator("deblur_gauss", imageShape, options);
  const pair = randomPair(operator, 1);
  const { ax } = await apply(new ReferenceRuntime(), operator, x ?? pair.x, pair.y, (x) => ({
    ax: operator.forward(x),
  }));
  return ax;
}

Deno.test("gaussianKernel() has sum 1, is symmetric and falls as a Gaussian", () => {
  const kernel = gaussianKernel(9, 15);
  assert(Math.abs(kernel.reduce((a, b) => a + b) - 1) < 1e-15);
  for (let k = 0; k < 9; k++) assertEquals(kernel[k], kernel[8 - k]);
  assert(Math.abs(kernel[0]! / kernel[4]! - Math.exp(-8 / 225)) < 1e-15);
});

Deno.test("deblur_gauss true leaves a constant picture as it is", async () => {
  const constant = new Float32Array(20 * 12 * 3).fill(0.75);
  assert(relativeError(await blur([20, 12, 3], {}, constant), constant) < 1e-6);
});

Deno.test("deblur_gauss true convolves with the whole kernel, centred and mirrored", async () => {
  // The smallest singular value of [1 2 1] / 4 on n pixels, cos^2(pi (n - 1) / (2 n)), is below 0.03 only for n > 9.
  const x = new Float32Array(5);
  x[0] = 1;
  const column = await blur([5, 1, 1], { kernel: [0.25, 0.5, 0.25] }, x);
  assert(relativeError(column, [0.75, 0.25, 0, 0, 0]) < 1e-6, column.join(", "));
});

Deno.test("deblur_gauss published loses the last tap and darkens to 0.89 along each side", async () => {
  const size = 64;
  const constant = new Float32Array(size * size * 3).fill(1);
  const blurred = await blur([size, size, 3], { variant: "published_matched" }, constant);
  const middle = blurred[(32 * size + 32) * 3]!;
  assert(Math.abs(middle - 0.7942) < 1e-3, `middle ${middle}`);
});

Deno.test("deblur_gauss published differs from the blur that was meant by its pairing alone", async () => {
  const meant = await blur([32, 32, 3], { variant: "published_matched" });
  assert(relativeError(await blur([32, 32, 3], { variant: "published" }), meant) > 0.1);
  // With one channel there is nothing to mispair.
  const gray = await blur([32, 32, 1], { variant: "published_matched" });
  assert(relativeError(await blur([32, 32, 1], { variant: "published" }), gray) < 1e-5);
});

Deno.test("deblur_gauss refuses parameters out of range", () => {
  const build = (options: OperatorOptions, shape = [8, 8, 3]) => () => createOperator("deblur_gauss", shape, options);
  assertThrows(build({ taps: 8 }), RangeError, "taps is 8, an odd integer");
  assertThrows(build({ taps: -1 }), RangeError, "taps is -1, an odd integer");
  assertThrows(build({ sigma: 0 }), RangeError, "sigma is 0");
  assertThrows(() => gaussianKernel(8, 1), RangeError, "8 taps");
  assertThrows(() => gaussianKernel(-1, 1), RangeError, "-1 taps");
  assertThrows(() => gaussianKernel(9, 0), RangeError, "sigma 0");
  assertThrows(build({ threshold: -0.1 }), RangeError, "threshold is -0.1");
  assertThrows(build({ threshold: NaN }), RangeError, "threshold is NaN");
  assertThrows(build({ kernel: [0.5, 0.5] }), RangeError, "2 taps");
  assertThrows(build({ kernel: [] }), RangeError, "empty");
  assertThrows(build({ kernel: [1, NaN, 1] }), RangeError, "1, NaN, 1");
  assertThrows(build({ kernel: [0, 0, 0] }), RangeError, "not all 0");
  assertThrows(build({ permutation: [0] }), RangeError, 'only "published"');
  assertThrows(build({ variant: "published", permutation: [0] }), TypeError, "64 are needed");
  assertThrows(build({ variant: "published", permutation: new Array(64).fill(0) }), RangeError, "holds 0");
  const factors = { u: new Float32Array(64), s: new Float32Array(8), v: new Float32Array(64) };
  assertThrows(build({ variant: "published", factors }, [8, 9, 3]), TypeError, "8 x 9 pixels");
  assertThrows(build({ variant: "published", factors: { ...factors, s: [1] } }), TypeError, "64, 1 and 64");
  assertThrows(build({ variant: "sharp" as "true" }), RangeError, '"sharp"');
  assertThrows(build({ variant: "published", boundary: "unknown" }), RangeError, '"published" has zeros outside');
  assertThrows(build({ boundary: "unknown" }), RangeError, "the image has 8 x 8 pixels");
  const measured = { top: 1, left: 2, height: 4, width: 4 };
  assertThrows(build({ taps: 5, boundary: "unknown", measured }), RangeError, "the measured part has 4 x 4 pixels");
  assertThrows(build({ kernel: [0.5, 0.5], boundary: "unknown" }), RangeError, "2 taps");
});

Deno.test("deblur_gauss bounds the gain of A^+ by its threshold, and keeps less of the picture with a larger one", async () => {
  const norm = (values: Float32Array): number => Math.hypot(...values);
  for (const variant of ["true", "published_matched", "published"] as const) {
    let before = 1;
    for (const threshold of [0.03, 0.1, 0.3]) {
      const operator = createOperator("deblur_gauss", [24, 24, 1], { variant, threshold });
      const { x, y } = randomPair(operator, 1);
      const { solved, kept } = await apply(new ReferenceRuntime(), operator, x, y, (x, y) => ({
        solved: operator.pseudoInverse(y),
        kept: operator.pseudoInverse(operator.forward(x)),
      }));
      assert(norm(solved) <= norm(y) / threshold ** 2, `${variant} ${threshold}: ${norm(solved) / norm(y)}`);
      const share = norm(kept) / norm(x);
      assert(share > 0.1 && share < before, `${variant} ${threshold}: ${share} after ${before}`);
      before = share;
    }
  }
});

Deno.test("deblur_gauss with threshold 0 keeps every singular value", async () => {
  const x = new Float32Array(12);
  x[5] = 1;
  // [1 2 1] / 4 on 12 pixels has a singular value below 0.03, which the default threshold takes out.
  const exact = Float32Array.from({ length: 12 }, (_, i) => [0.25, 0.5, 0.25][i - 4] ?? 0);
  assert(relativeError(await blur([12, 1, 1], { kernel: [0.25, 0.5, 0.25], threshold: 0 }, x), exact) < 1e-6);
  assert(relativeError(await blur([12, 1, 1], { kernel: [0.25, 0.5, 0.25] }, x), exact) > 1e-4);
});
