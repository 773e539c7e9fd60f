/** Single products of operators, outside a sampler. */
import type { DeviceTensor, Runtime, Tensors } from "../engine/mod.ts";
import { estimate, type Operator } from "../operators/mod.ts";

/**
 * Runs one method of an operator.
 * @param method A x, or A^+ y and what stands for it where the operator is not linear
 * @param argument [N, ...] for `forward` images, for `estimate` measurements
 * @returns [N, ...], to be freed by the caller
 */
export async function applyOperator(
  runtime: Runtime,
  operator: Operator,
  method: "forward" | "estimate",
  argument: DeviceTensor,
): Promise<DeviceTensor> {
  const stage = runtime.stage(`${operator.name} ${method}`, (inputs: Tensors<"x">) => ({
    y: method === "forward" ? operator.forward(inputs.x) : estimate(operator, inputs.x),
  }));
  const result = (await stage({ x: argument }, {})).y.keep();
  stage.release();
  return result;
}
