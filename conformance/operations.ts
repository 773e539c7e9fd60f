/** Every operation of the register on its own examples, against its reference on the CPU. */
import {
  type DeviceTensor,
  elementCount,
  type Example,
  type Op,
  ReferenceRuntime,
  type Runtime,
} from "../engine/mod.ts";
import * as register from "../kernels/mod.ts";
import { relativeError } from "../metrics/mod.ts";
import { type Finding, measured, refusal } from "./row.ts";

/** Relative L2 error that the order of sums in f32 explains. */
const LIMIT = 1e-5;

/** Draws noise from integers alone, so that it has equal bits everywhere. */
const EXACT = "randomNormal";

/** The operations that compute something; the others give memory another shape. */
function operations(): readonly Op<unknown>[] {
  return Object.values<unknown>(register).filter((entry): entry is Op<unknown> =>
    typeof entry === "function" && "definition" in entry && !(entry as Op<unknown>).definition.alias
  );
}

/**
 * Runs the examples of every operation and compares each with the reference, accumulated in f64; the largest error of an
 * operation counts. Between them they run every kind of kernel.
 * @param runtime where the operations run
 */
export async function* verifyOperations(runtime: Runtime): AsyncGenerator<Finding, void> {
  const reference = new ReferenceRuntime();
  for (const op of operations()) {
    const { name, examples } = op.definition;
    try {
      let error = 0;
      for (const [index, example] of examples.entries()) {
        const expected = await outputsOf(reference, op, example, index);
        const actual = await outputsOf(runtime, op, example, index);
        for (const [k, values] of actual.entries()) error = Math.max(error, relativeError(values, expected[k]!));
      }
      yield measured(name, error, name === EXACT ? 0 : LIMIT);
    } catch (error) {
      yield refusal(name, error);
    }
  }
}

/** What an operation makes of an example with seeded numbers. */
async function outputsOf(
  runtime: Runtime,
  op: Op<unknown>,
  { inputs: given, attrs, scalars = {} }: Example<unknown>,
  seed: number,
): Promise<readonly Float32Array[]> {
  const inputs: Record<string, DeviceTensor> = {};
  for (const [k, input] of given.entries()) {
    inputs[`x${k}`] = "data" in input
      ? runtime.upload(input.data, input.shape, input.dtype)
      : runtime.upload(seededValues(elementCount(input), 31 * seed + k), input);
  }
  const stage = runtime.stage<string, string, string>(
    op.definition.name,
    (tensors) => Object.fromEntries(op(Object.values(tensors), attrs).map((tensor, k) => [`y${k}`, tensor])),
  );
  try {
    const outputs = await stage(inputs, scalars);
    return await Promise.all(Object.values(outputs).map((tensor) => tensor.read()));
  } finally {
    stage.release();
    for (const tensor of Object.values(inputs)) tensor.free();
  }
}

/** Numbers in [-1, 1) from a multiplicative congruential generator (Lehmer, modulus 2^31 - 1, multiplier 48271). */
function seededValues(count: number, seed: number): Float32Array {
  let state = seed + 1;
  return Float32Array.from({ length: count }, () => {
    state = 48271 * state % 0x7fffffff;
    return state / 0x40000000 - 1;
  });
}
