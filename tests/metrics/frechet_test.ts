import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  FeatureStatistics,
  frechetDistance,
  type GaussianStatistics,
  readStatistics,
  statisticsBytes,
} from "../../metrics/mod.ts";
import { congruence, squareFactor, symmetricEigenvalues } from "../../metrics/symmetric_matrix.ts";
import { bytesByteSource, CheckpointError, openSafetensors } from "../../models/mod.ts";
import { fileOf } from "../models/random_checkpoint.ts";
import { assertClose } from "../support/close.ts";
import { randomValues } from "../support/random.ts";
import { RECORDED } from "./recorded.ts";

/** Rows of random features times a matrix, as record.py makes them. */
function features(): { readonly x: Float32Array; readonly y: Float32Array; readonly mixing: Float32Array } {
  const mixing = randomValues(81, 3);
  const drawn = randomValues(40 * 9, 1);
  const x = Float32Array.from({ length: 40 * 9 }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < 9; k++) sum += drawn[Math.floor(i / 9) * 9 + k]! * mixing[k * 9 + i % 9]!;
    return sum;
  });
  return { x, y: randomValues(23 * 9, 2).map((v) => v + 0.25), mixing };
}

function statistics(data: Float32Array, dimension: number, source = "test"): GaussianStatistics {
  const gathered = new FeatureStatistics(dimension, source);
  gathered.add(data);
  return gathered.result();
}

Deno.test("symmetricEigenvalues() equals SciPy, also of matrices that are diagonal, singular or of one row", () => {
  const { mixing } = features();
  const symmetric = Float64Array.from(mixing, (v, i) => v + mixing[(i % 9) * 9 + Math.floor(i / 9)]!);
  assertClose(symmetricEigenvalues(symmetric, 9), RECORDED.features.eigenvalues, 1e-13);
  assertEquals(symmetricEigenvalues(Float64Array.of(3, 0, 0, -2), 2), Float64Array.of(-2, 3));
  assertEquals(symmetricEigenvalues(Float64Array.of(5), 1), Float64Array.of(5));
  assertEquals(symmetricEigenvalues(new Float64Array(9), 3), new Float64Array(3));
  const [least, greatest] = symmetricEigenvalues(Float64Array.of(1, 1, 1, 1), 2) as unknown as [number, number];
  assertAlmostEquals(least, 0, 1e-15);
  assertAlmostEquals(greatest, 2, 1e-15);
  assertThrows(() => symmetricEigenvalues(Float64Array.of(1, NaN, NaN, 1), 2), RangeError, "does not converge");
});

Deno.test("eigenvalues keep trace and squared norm of a larger matrix", () => {
  const n = 60;
  const half = randomValues(n * n, 8);
  const matrix = Float64Array.from(half, (v, i) => v + half[(i % n) * n + Math.floor(i / n)]!);
  const eigenvalues = symmetricEigenvalues(matrix, n);
  const sum = (values: Float64Array, of: (v: number) => number): number => values.reduce((all, v) => all + of(v), 0);
  const trace = Array.from({ length: n }, (_, i) => matrix[i * n + i]!).reduce((a, b) => a + b);
  assertAlmostEquals(sum(eigenvalues, (v) => v), trace, 1e-11);
  assertAlmostEquals(sum(eigenvalues, (v) => v * v), sum(matrix, (v) => v * v), 1e-9);
});

Deno.test("squareFactor() gives R^T R = A with as many rows as A has rank", () => {
  const [n, rank] = [7, 3];
  const rows = Float64Array.from(randomValues(rank * n, 4));
  const identity = Float64Array.from({ length: rank * rank }, (_, i) => i % (rank + 1) === 0 ? 1 : 0);
  const transposed = Float64Array.from({ length: n * rank }, (_, i) => rows[(i % rank) * n + Math.floor(i / rank)]!);
  const matrix = congruence(transposed, identity, rank);
  const factor = squareFactor(matrix, n);
  assertEquals(factor.rank, rank);
  const back = Float64Array.from({ length: n * n }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < rank; k++) sum += factor.rows[k * n + Math.floor(i / n)]! * factor.rows[k * n + i % n]!;
    return sum;
  });
  assertClose(back, matrix, 1e-14);
});

Deno.test("frechetDistance() equals SciPy with the root of the product", () => {
  const { x, y } = features();
  const found = frechetDistance(statistics(x, 9), statistics(y, 9));
  assertAlmostEquals(found, RECORDED.features.distance, 1e-5);
  assertAlmostEquals(frechetDistance(statistics(y, 9), statistics(x, 9)), found, 1e-12);
});

Deno.test("frechetDistance() of fewer images than features is the nuclear norm of the product of centred features", () => {
  const [d, n1, n2] = [30, 6, 9];
  const [x, y] = [randomValues(n1 * d, 11), randomValues(n2 * d, 12)];
  const found = frechetDistance(statistics(x, d), statistics(y, d));
  const centre = (data: Float32Array, n: number): { rows: Float64Array; mean: Float64Array } => {
    const mean = new Float64Array(d);
    data.forEach((v, i) => mean[i % d]! += v / n);
    return { rows: Float64Array.from(data, (v, i) => v - mean[i % d]!), mean };
  };
  const [a, b] = [centre(x, n1), centre(y, n2)];
  const cross = Float64Array.from({ length: n1 * n2 }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < d; k++) sum += a.rows[Math.floor(i / n2) * d + k]! * b.rows[(i % n2) * d + k]!;
    return sum / Math.sqrt((n1 - 1) * (n2 - 1));
  });
  const unit = Float64Array.from({ length: n2 * n2 }, (_, i) => i % (n2 + 1) === 0 ? 1 : 0);
  const squares = symmetricEigenvalues(congruence(cross, unit, n2), n1);
  const nuclear = squares.reduce((sum, v) => sum + Math.sqrt(Math.max(v, 0)), 0);
  const norm = (rows: Float64Array, n: number): number => rows.reduce((sum, v) => sum + v * v, 0) / (n - 1);
  const means = a.mean.reduce((sum, v, i) => sum + (v - b.mean[i]!) ** 2, 0);
  // The last eigenvalue of the centred product is 0 up to rounding, of which the root is taken.
  assertAlmostEquals(found, means + norm(a.rows, n1) + norm(b.rows, n2) - 2 * nuclear, 1e-6);
});

Deno.test("frechetDistance() of equal sets is 0, of a shift its square, and differing sources are refused", () => {
  const { x } = features();
  const own = statistics(x, 9);
  assertAlmostEquals(frechetDistance(own, own), 0, 1e-10);
  const moved = statistics(x.map((v) => v + 2), 9);
  assertAlmostEquals(frechetDistance(own, moved), 9 * 4, 1e-4);
  assertThrows(() => frechetDistance(own, statistics(x, 9, "other")), TypeError, '9 of "test" and 9 of "other"');
  assertThrows(() => frechetDistance(own, statistics(x, 8)), TypeError, "equal ones are needed");
});

Deno.test("FeatureStatistics gathers batches of any size, and keeps its digits far from zero", () => {
  const { x } = features();
  const gathered = new FeatureStatistics(9, "test");
  for (const [begin, end] of [[0, 1], [1, 20], [20, 40]] as const) gathered.add(x.subarray(9 * begin, 9 * end));
  assertEquals(gathered.count, 40);
  const whole = statistics(x, 9);
  assertClose(gathered.result().covariance, whole.covariance, 1e-14);
  const far = new FeatureStatistics(9, "test");
  far.add(Float64Array.from(x, (v) => v + 1e8));
  assertClose(far.result().covariance, whole.covariance, 1e-7);
  // More images may follow a result.
  gathered.add(x.subarray(0, 9));
  assertEquals(gathered.result().count, 41);
});

Deno.test("FeatureStatistics refuses parts of images, numbers that are not finite, and a single image", () => {
  const gathered = new FeatureStatistics(3, "test");
  assertThrows(() => gathered.add(new Float32Array(4)), TypeError, "4 numbers were given, a multiple of 3 is needed");
  assertThrows(() => gathered.add(Float32Array.of(1, NaN, 2)), RangeError, "number 1");
  gathered.add(new Float32Array(3));
  assertThrows(() => gathered.result(), RangeError, "there is 1 image, at least 2 are needed");
});

Deno.test("statistics come back from their file bit for bit, and other files are refused", async () => {
  const own = statistics(features().x, 9);
  const bytes = await statisticsBytes(own);
  const back = await readStatistics(await openSafetensors(bytesByteSource(bytes, "set.safetensors")));
  assertEquals(back, own);
  assert(back.covariance.length === 81);
  const other = await fileOf([{ name: "mean", dtype: "F64", shape: [2], data: new Float64Array(2) }]);
  await assertRejects(() => readStatistics(other), CheckpointError, "as statistics of features");
});
