/** Running the examples of operations. */
import { assert } from "@std/assert";
import {
  constant,
  type DeviceTensor,
  elementCount,
  type Op,
  type Runtime,
  type Scalar,
  type Tensor,
} from "../../engine/mod.ts";
import { randomValues } from "./random.ts";

/**
 * Runs an example of an operation on seeded numbers.
 * @param fixed whether all inputs but the first are constants, as weights are
 * @returns the elements of each output
 */
export async function runExample(
  runtime: Runtime,
  op: Op<unknown>,
  index: number,
  fixed = false,
): Promise<readonly Float32Array[]> {
  const example = op.definition.examples[index];
  assert(example);
  const inputs: Record<string, DeviceTensor> = Object.fromEntries(example.inputs.map((input, k) => {
    if ("data" in input) return [`x${k}`, runtime.upload(input.data, input.shape, input.dtype)];
    return [`x${k}`, runtime.upload(randomValues(elementCount(input), 31 * index + k), input)];
  }));
  const stage = runtime.stage(
    op.definition.name,
    (tensors: Record<string, Tensor>, _scalars: Record<string, Scalar>) => {
      const operands = Object.entries(tensors).map(([name, tensor]) =>
        fixed && name !== "x0" ? constant(inputs[name]!) : tensor
      );
      const outputs = op(operands, example.attrs);
      return Object.fromEntries(outputs.map((tensor, k) => [`y${k}`, tensor]));
    },
  );
  // An alias alone computes nothing: it is no output of a stage.
  if (op.definition.alias) return await Promise.all(Object.values(inputs).map((tensor) => tensor.read()));
  try {
    const outputs = await stage(inputs, example.scalars ?? {});
    return await Promise.all(Object.values(outputs).map((tensor) => tensor.read()));
  } finally {
    stage.release();
    for (const tensor of Object.values(inputs)) tensor.free();
  }
}
