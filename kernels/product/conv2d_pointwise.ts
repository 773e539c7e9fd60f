/** Pointwise convolutions: products of pixels [N H W, Cin] and the weight [Cin, Cout]. */
import { type Dispatch, elementCount, type Target, type Tensor } from "../../engine/mod.ts";
import { type ConvolutionLayer, plainInput, plainResidual, statisticsAfter } from "./conv2d_layer.ts";
import { matmulChosen } from "./matmul_choice.ts";

/** Channels of a part are whole texels of a weight, or the parts are joined first. */
const PART_STEP = 4;

/**
 * The dispatches of a pointwise convolution of stride 1 without padding. Each part of the input is multiplied by its own
 * rows of the weight, the second adds to what the first has left.
 */
export function conv2dPointwise(layer: ConvolutionLayer, target: Target): readonly Dispatch[] {
  const { weight, out, bias, shift, input } = layer;
  const fits = !input.silu && (input.resample ?? "none") === "none" &&
    input.parts.slice(0, -1).every(({ shape }) => shape[3]! % PART_STEP === 0) &&
    (input.parts.length === 1 || !input.factors);
  const before: Dispatch[] = [];
  const tensor = fits ? undefined : plainInput(input, target, before);
  const parts = tensor ? [tensor] : input.parts;
  const residual = plainResidual(layer, target, before);
  const [images = 1, , , columns = 1] = out.shape;
  const factors = tensor ? undefined : input.factors;
  const perImage = factors !== undefined;
  let firstRow = 0;
  let sum: Tensor | undefined;
  const products = parts.flatMap((a, index) => {
    const [, , , inner = 1] = a.shape;
    const [isFirst, isLast] = [index === 0, index === parts.length - 1];
    const to = isLast ? out : target.scratch(out.shape);
    const dispatches = matmulChosen({
      a,
      b: weight,
      out: to,
      batch: perImage ? images : 1,
      images: perImage ? 1 : images,
      rows: elementCount(out.shape) / columns / (perImage ? images : 1),
      inner,
      columns,
      sharesB: true,
      firstRow,
      factors,
      bias: isFirst ? bias : undefined,
      shift: isFirst ? shift : undefined,
      residual: isFirst ? residual : sum,
    }, target);
    firstRow += inner;
    sum = to;
    return dispatches;
  });
  return [...before, ...products, ...statisticsAfter(layer, target)];
}
