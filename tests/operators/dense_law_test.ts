/** Every linear operator of the register against the dense matrices of its definition, at 8 x 8 pixels and less. */
import { assert, assertEquals } from "@std/assert";
import { elementCount } from "../../engine/mod.ts";
import { createOperator, type LinearOperator, OPERATORS } from "../../operators/mod.ts";
import { relativeError } from "../support/close.ts";
import { randomValues } from "../support/random.ts";
import {
  type Dense,
  dense,
  kronecker,
  matrixOf,
  product,
  pseudoInverse,
  singularValues,
  transposed,
  truncated,
  unit,
  valuesOf,
} from "./dense.ts";
import { DENSE_CASES, inverseOf } from "./dense_cases.ts";

/** Relative error that f32 leaves in a matrix. */
const ROUNDING = 1e-5;

/** Relative error that f32 leaves after a few steps of conjugate gradients, which amplify it. */
const ITERATED = 1e-4;

function assertNear(found: ArrayLike<number>, expected: ArrayLike<number>, limit: number, what: string): void {
  assertEquals(found.length, expected.length, what);
  const error = relativeError(Float32Array.from(found), Float32Array.from(expected));
  assert(error <= limit, `${what}: relative error ${error}`);
}

/** Random measurements, which no picture need have. */
function measurements(operator: LinearOperator): Dense {
  const size = elementCount(operator.measurementShape);
  return { rows: 3, columns: size, data: Float64Array.from(randomValues(3 * size, 17)) };
}

for (const { name, shape, options, matrices } of DENSE_CASES) {
  const brief = JSON.stringify(options, (_, value) => value?.dtype || value?.length > 9 ? "given" : value);
  const what = `${name} of [${shape.join(", ")}] with ${brief}`;

  Deno.test(`${what} is the matrix of its definition, as are A^T and A^+`, async () => {
    const operator = createOperator(name, shape, options);
    const { imageShape, measurementShape } = operator;
    const { a, inverse } = matrices();
    assertEquals([a.rows, a.columns], [elementCount(measurementShape), elementCount(imageShape)]);
    const forward = await matrixOf((x) => operator.forward(x), imageShape, measurementShape);
    assertNear(forward.data, a.data, ROUNDING, "A");
    const adjoint = await matrixOf((y) => operator.adjoint(y), measurementShape, imageShape);
    assertNear(adjoint.data, transposed(a).data, ROUNDING, "A^T");
    const y = measurements(operator);
    const found = await valuesOf((y) => operator.pseudoInverse(y), y, measurementShape);
    const isIterated = operator.spectral === undefined;
    assertNear(found, inverseOf(a, inverse, y).data, isIterated ? ITERATED : ROUNDING, "A^+");
  });

  const form = createOperator(name, shape, options).spectral?.();
  if (!form) continue;

  Deno.test(`${what} has the singular values and vectors of its matrix`, async () => {
    const { imageShape, measurementShape } = createOperator(name, shape, options);
    const coefficients = form.singularValues.shape;
    const s = form.singularValues.data;
    const { a } = matrices();
    const vt = await matrixOf((x) => form.toSpectrum(x), imageShape, coefficients);
    const v = await matrixOf((c) => form.fromSpectrum(c), coefficients, imageShape);
    const u = await matrixOf((c) => form.toMeasurement(c), coefficients, measurementShape);
    const ut = await matrixOf((y) => form.fromMeasurement(y), measurementShape, coefficients);
    assertNear(v.data, transposed(vt).data, ROUNDING, "V is the transpose of V^T");
    assertNear(product(vt, v).data, unit(a.columns).data, ROUNDING, "V is orthogonal");
    const scaled = dense(u.rows, u.columns, (i, k) => u.data[i * u.columns + k]! * s[k]!);
    assertNear(product(scaled, vt).data, a.data, ROUNDING, "U S V^T");
    const found = Array.from(s).filter((value) => value !== 0).sort((x, y) => y - x);
    assertNear(found, singularValues(a), ROUNDING, "singular values");
    const measured = (m: Dense): Dense =>
      dense(m.rows, m.columns, (i, k) => s[k] === 0 ? 0 : m.data[i * m.columns + k]!);
    const kept = measured(u);
    const known = dense(a.columns, a.columns, (i, k) => i === k && s[k] !== 0 ? 1 : 0);
    assertNear(product(transposed(kept), kept).data, known.data, ROUNDING, "columns of U are orthonormal");
    assertNear(measured(transposed(ut)).data, kept.data, ROUNDING, "U^T is the transpose of U");
  });
}

Deno.test("every linear operator of the register, and every option of each, is compared with a matrix", () => {
  // A mask that is drawn has a distribution, which is tested by itself; what published blur is given has its own test, and
  // so have blurs with an unknown border.
  const elsewhere: Readonly<Record<string, readonly string[]>> = {
    "old_photo": ["box", "missing", "seed"],
    "deblur_gauss": ["permutation", "factors", "factorsWidth"],
    "deblur_kernel": ["measured"],
    "deblur_motion": ["measured"],
  };
  for (const [name, { parameters }] of OPERATORS) {
    const cases = DENSE_CASES.filter((each) => each.name === name);
    const used = new Set([...cases.flatMap((each) => Object.keys(each.options)), ...elsewhere[name] ?? []]);
    assert(cases.length > 0, name);
    assertEquals(Object.keys(parameters).filter((parameter) => !used.has(parameter)), [], name);
  }
});

Deno.test("deblur_gauss published takes a decomposition and an order of singular values that are given", async () => {
  const turn = (angle: number): Dense =>
    dense(2, 2, (i, j) => i === j ? Math.cos(angle) : (i > j ? 1 : -1) * Math.sin(angle));
  const [u, v] = [turn(0.3), turn(1.1)];
  const [p, q] = [turn(0.7), turn(2)];
  const operator = createOperator("deblur_gauss", [2, 2, 2], {
    variant: "published",
    factors: { u: u.data, s: [0.9, 0.5], v: v.data },
    factorsWidth: { u: p.data, s: [0.8, 0.02], v: q.data },
    kernelWidth: [0.2, 0.5, 0.3],
    permutation: [2, 0, 1, 3],
  });
  const forward = await matrixOf((x) => operator.forward(x), [2, 2, 2], [2, 2, 2]);
  // Products by position: 0.72, 0, 0.4, 0; in the given order d = 0.4, 0.72, 0, 0; place k of channel c takes 2 k + c.
  const d = [0.4, 0.72, 0, 0];
  const gains = new Float64Array(8);
  [2, 0, 1, 3].forEach((position, place) => {
    for (let c = 0; c < 2; c++) gains[position * 2 + c] = d[(2 * place + c) % 4]!;
  });
  const left = kronecker(kronecker(u, p), unit(2));
  const right = kronecker(kronecker(v, q), unit(2));
  const expected = product(dense(8, 8, (i, k) => left.data[i * 8 + k]! * gains[k]!), transposed(right));
  assertNear(forward.data, expected.data, ROUNDING, "A");
});

Deno.test("the dense algebra finds a known decomposition, loses what is below a threshold and inverts the rest", () => {
  const diagonal = dense(3, 4, (i, j) => i === j ? [2, 0.5, 0.01][i]! : 0);
  assertEquals(singularValues(diagonal).map((s) => Number(s.toFixed(12))), [2, 0.5, 0.01]);
  const inverse = pseudoInverse(diagonal, 0.1);
  assertEquals([inverse.rows, inverse.columns], [4, 3]);
  assertNear(inverse.data, dense(4, 3, (i, j) => i === j ? [0.5, 2, 0][i]! : 0).data, 1e-12, "A^+");
  assertNear(truncated(diagonal, 0.1).data, dense(3, 4, (i, j) => i === j ? [2, 0.5, 0][i]! : 0).data, 1e-12, "A");
  const a = { rows: 5, columns: 4, data: Float64Array.from(randomValues(20, 3)) };
  assertNear(product(pseudoInverse(a), a).data, unit(4).data, 1e-6, "A^+ A");
});
