/** Single products of operators, outside a sampler. */
import type { DeviceTensor, Runtime, Tensors } from "../engine/mod.ts";
import { estimate, type Operator } from "../operators/mod.ts";
import type { Task } from "./options/tasks.ts";

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

/**
 * A measurement from a picture file: of values these are made of it, and what it shows where pixels are missing is taken
 * out.
 * @returns y itself, or another tensor
 */
export async function asMeasured(
  runtime: Runtime,
  operator: Operator,
  y: DeviceTensor,
  { kind, parts, entry, form }: Task,
): Promise<DeviceTensor> {
  if (form === "values") return await applyOperator(runtime, operator, "forward", y);
  if (!parts) return kind === "inpainting" ? await applyOperator(runtime, operator, "forward", y) : y;
  if (!entry.knownPixels || !entry.isLinear) return y;
  // A A^+ y: what the operator could have measured.
  const image = await applyOperator(runtime, operator, "estimate", y);
  const measured = await applyOperator(runtime, operator, "forward", image);
  image.free();
  return measured;
}
