import { assert, assertEquals, assertThrows } from "@std/assert";
import { compose, type Matrix, matrix, matrixTensor, multiply, svd, transpose } from "../../operators/matrix.ts";
import { filterMatrix } from "../../operators/blur/filter_matrix.ts";
import { gaussianKernel } from "../../operators/blur/gaussian_blur.ts";
import { randomValues } from "../support/random.ts";

const ROUNDING = 1e-12;

function random(rows: number, columns: number, seed: number): Matrix {
  return { rows, columns, data: Float64Array.from(randomValues(rows * columns, seed)) };
}

function largestDifference(a: Matrix, b: Matrix): number {
  assertEquals([a.rows, a.columns], [b.rows, b.columns]);
  return a.data.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b.data[i]!)), 0);
}

/** Largest violation of A = U diag(s) V^T and of the orthonormality of U and V. */
function violation(a: Matrix): number {
  const { u, s, v } = svd(a);
  const unit = matrix(s.length, s.length, (i, j) => i === j ? 1 : 0);
  for (let k = 1; k < s.length; k++) assert(s[k]! <= s[k - 1]!, "singular values do not descend");
  return Math.max(
    largestDifference(compose(u, s, v), a),
    largestDifference(multiply(transpose(u), u), unit),
    largestDifference(multiply(transpose(v), v), unit),
  );
}

Deno.test("svd() decomposes tall, wide, square and single-element matrices", () => {
  for (const [rows, columns] of [[7, 4], [4, 7], [9, 9], [1, 5], [5, 1], [1, 1]] as const) {
    assert(violation(random(rows, columns, rows + columns)) < ROUNDING, `${rows} x ${columns}`);
  }
});

Deno.test("svd() gives orthonormal vectors for singular and zero matrices", () => {
  const rankTwo = multiply(random(8, 2, 1), random(2, 6, 2));
  assert(violation(rankTwo) < ROUNDING);
  assertEquals(Array.from(svd(rankTwo).s).filter((value) => value > 1e-12).length, 2);
  assert(violation(matrix(5, 5, () => 0)) < ROUNDING);
  assert(violation(matrix(6, 6, (i, j) => i === j && i < 3 ? 1 : 0)) < ROUNDING);
});

Deno.test("svd() leaves rows of zeros out, and gives as many values as there are others", () => {
  const some = random(4, 7, 3);
  const spread = matrix(9, 7, (i, j) => i % 2 === 1 ? some.data[(i - 1) / 2 * 7 + j]! : 0);
  assert(violation(spread) < ROUNDING);
  const [s, expected] = [svd(spread).s, svd(some).s];
  assertEquals(s.length, 4);
  s.forEach((value, k) => assert(Math.abs(value - expected[k]!) < ROUNDING, `${value} against ${expected[k]}`));
});

Deno.test("svd() gives the singular values of a diagonal matrix sorted and without signs", () => {
  const diagonal = [0.5, -3, 1e-6, 2];
  const { s } = svd(matrix(4, 4, (i, j) => i === j ? diagonal[i]! : 0));
  [3, 2, 0.5, 1e-6].forEach((value, k) => assert(Math.abs(s[k]! - value) < ROUNDING, `${s[k]} against ${value}`));
});

Deno.test("svd() decomposes the blur of 256 pixels with its small singular values", () => {
  const taps = gaussianKernel(9, 15).slice(0, 8);
  const blur = filterMatrix(256, { taps, start: -4, stride: 1, boundary: "zero" });
  assert(violation(blur) < ROUNDING);
  const { s } = svd(blur);
  assert(Math.abs(s[0]! - 0.89084) < 1e-5, `largest ${s[0]}`);
  assert(Math.abs(s[255]! - 2.4e-4) < 5e-6, `smallest ${s[255]}`);
  assertEquals(s.filter((value) => value < 3e-2).length, 29);
});

Deno.test("svd() refuses matrices with elements that are not numbers", () => {
  assertThrows(() => svd(matrix(3, 3, () => NaN)), RangeError, "did not converge");
});

Deno.test("multiply() and transpose() follow their definitions and refuse unequal inner extents", () => {
  const a = matrix(2, 3, (i, j) => 3 * i + j + 1);
  assertEquals(Array.from(transpose(a).data), [1, 4, 2, 5, 3, 6]);
  assertEquals(Array.from(multiply(a, transpose(a)).data), [14, 32, 32, 77]);
  assertThrows(() => multiply(a, a), TypeError, "[2, 3] and [2, 3]");
});

Deno.test("matrixTensor() rounds to f32 and keeps the shape", () => {
  const { shape, data } = matrixTensor(matrix(1, 2, (_, j) => j === 0 ? 0.1 : 2));
  assertEquals(shape, [1, 2]);
  assertEquals(Array.from(data), [Math.fround(0.1), 2]);
});
