/** The laws that every linear operator obeys, as errors that a test can bound. */
import { constant, elementCount, hostTensor, type Runtime, type Tensor } from "../../engine/mod.ts";
import { mul } from "../../kernels/mod.ts";
import { type LinearOperator, project } from "../../operators/mod.ts";
import { relativeError } from "../support/close.ts";
import { randomValues } from "../support/random.ts";

/** Images in a batch of the law tests. */
const BATCH = 2;

/** Runs a traced function of images and measurements once. */
export async function apply<O extends string>(
  runtime: Runtime,
  operator: LinearOperator,
  x: Float32Array,
  y: Float32Array,
  body: (x: Tensor, y: Tensor) => Readonly<Record<O, Tensor>>,
): Promise<Record<O, Float32Array>> {
  const stage = runtime.stage<"x" | "y", never, O>("operator", ({ x, y }) => body(x, y));
  const images = runtime.upload(x, [x.length / elementCount(operator.imageShape), ...operator.imageShape]);
  const measurements = runtime.upload(
    y,
    [y.length / elementCount(operator.measurementShape), ...operator.measurementShape],
  );
  const outputs = await stage({ x: images, y: measurements }, {});
  const names = Object.keys(outputs) as O[];
  const values = await Promise.all(names.map((name) => outputs[name].read()));
  images.free();
  measurements.free();
  return Object.fromEntries(names.map((name, k) => [name, values[k]])) as Record<O, Float32Array>;
}

/** Random images and measurements of an operator. */
export function randomPair(operator: LinearOperator, seed: number): { x: Float32Array; y: Float32Array } {
  return {
    x: randomValues(BATCH * elementCount(operator.imageShape), seed),
    y: randomValues(BATCH * elementCount(operator.measurementShape), seed + 1),
  };
}

/** The error of each law: relative to the norms of the two sides of an inner product, else relative L2. */
export async function lawErrors(runtime: Runtime, operator: LinearOperator): Promise<Record<string, number>> {
  const { x, y } = randomPair(operator, 7);
  const { x: z } = randomPair(operator, 11);
  const { ax, aty, apy, apax, aapax, apaapy } = await apply(runtime, operator, x, y, (x, y) => {
    const ax = operator.forward(x);
    const apax = operator.pseudoInverse(ax);
    const apy = operator.pseudoInverse(y);
    return {
      ax,
      aty: operator.adjoint(y),
      apy,
      apax,
      aapax: operator.forward(apax),
      apaapy: operator.pseudoInverse(operator.forward(apy)),
    };
  });
  const { az, apaz } = await apply(runtime, operator, z, y, (z) => {
    const az = operator.forward(z);
    return { az, apaz: operator.pseudoInverse(az) };
  });
  const { reached } = await apply(runtime, operator, x, az, (x, y) => ({
    reached: operator.forward(project(operator, x, y)),
  }));
  return {
    "<A x, y> = <x, A^T y>": Math.abs(inner(ax, y) - inner(x, aty)) / (norm(ax) * norm(y)),
    "A A^+ A = A": relativeError(aapax, ax),
    "A^+ A A^+ = A^+": relativeError(apaapy, apy),
    "A^+ A is symmetric": Math.abs(inner(apax, z) - inner(x, apaz)) / (norm(x) * norm(z)),
    "A project(x, y) = y": relativeError(reached, az),
  };
}

/** The error of each law of the singular value decomposition, relative L2; empty for operators without one. */
export async function spectralErrors(runtime: Runtime, operator: LinearOperator): Promise<Record<string, number>> {
  const form = operator.spectral?.();
  if (!form) return {};
  const values = form.singularValues;
  const inverse = hostTensor(
    Float32Array.from(values.data, (value) => value === 0 ? 0 : 1 / value),
    values.shape,
  );
  const { x, y } = randomPair(operator, 13);
  const results = await apply(runtime, operator, x, y, (x, y) => {
    const s = constant(values);
    const measured = form.fromMeasurement(y);
    return {
      ax: operator.forward(x),
      usvx: form.toMeasurement(mul(form.toSpectrum(x), s)),
      aty: operator.adjoint(y),
      vsuy: form.fromSpectrum(mul(measured, s)),
      apy: operator.pseudoInverse(y),
      viuy: form.fromSpectrum(mul(measured, constant(inverse))),
      vvx: form.fromSpectrum(form.toSpectrum(x)),
    };
  });
  const { ct } = await apply(runtime, operator, x, y, (x) => ({ ct: form.toSpectrum(x) }));
  return {
    "U S V^T x = A x": relativeError(results.usvx, results.ax),
    "V S U^T y = A^T y": relativeError(results.vsuy, results.aty),
    "V S^+ U^T y = A^+ y": relativeError(results.viuy, results.apy),
    "V V^T x = x": relativeError(results.vvx, x),
    "|V^T x| = |x|": Math.abs(norm(ct) - norm(x)) / norm(x),
  };
}

function inner(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return NaN;
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

function norm(a: Float32Array): number {
  return Math.sqrt(inner(a, a));
}
