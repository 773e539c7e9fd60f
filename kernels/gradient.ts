/** Reverse mode: the derivative of a loss, appended to the trace being recorded. */
import { formatShape, reverse, type Tensor } from "../engine/mod.ts";
import { add, fill } from "./pointwise/elementwise.ts";

/**
 * The gradient d(sum of the loss) / d wrt. No operation mixes the images of a batch unless the formula of the loss does,
 * so the gradient of N losses is that of N separate runs.
 * @param loss [1], or one number for each image [N], f32
 * @param wrt the tensors to differentiate by, any shape, f32
 * @param held values inside the loss that count as fixed, though they may depend on `wrt`
 * @returns one tensor for each, of its shape; zeros where the loss does not depend on it
 * @throws {TypeError} if the loss is no vector of f32, something in `wrt` is not f32, or an operation between them has no
 * gradient; {Error} outside a trace
 */
export function gradient(
  loss: Tensor,
  wrt: readonly Tensor[],
  held: readonly Tensor[] = [],
): readonly Tensor[] {
  if (loss.shape.length !== 1 || loss.dtype !== "f32") {
    throw new TypeError(
      `Cannot build gradient: the loss has shape ${formatShape(loss.shape)} and ${loss.dtype} elements, ` +
        `f32 [1] or [N] is needed; reduce it to one number for each image`,
    );
  }
  for (const [index, { dtype }] of wrt.entries()) {
    if (dtype === "f32") continue;
    throw new TypeError(`Cannot build gradient: tensor ${index} of wrt holds ${dtype} elements, f32 is needed`);
  }
  return reverse(loss, wrt, { add, fill }, held);
}
