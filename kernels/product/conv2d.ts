/**
 * Two-dimensional convolution over channels-last images. What precedes it in a network (joining of channels,
 * normalisation, activation, resampling) happens while it loads, what follows (bias, embedding shift, residual, the
 * statistics for the next normalisation) before it stores.
 */
import {
  defineOp,
  type Dispatch,
  elementCount,
  formatShape,
  type Op,
  sameShape,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import type { Features } from "../normalization/norm_factors.ts";
import {
  arePositive,
  f32,
  type Image,
  movedBytes,
  refuseWanted,
  requireFit,
  requireRank,
  requireShape,
  requireValues,
  requireWeight,
} from "../operands.ts";
import { sumRepeats } from "../layout/repeats.ts";
import { statisticsGradient } from "../normalization/statistics_gradient.ts";
import { statisticsOf, statisticsType } from "../normalization/statistics_blocks.ts";
import { conv2dChosen } from "./conv2d_choice.ts";
import type { Conv2dAttrs, Padding } from "./conv2d_attrs.ts";
import { EXAMPLES } from "./conv2d_examples.ts";
import {
  type ImageInput,
  inputShape,
  inputValues,
  joinedShape,
  type Resample,
  resampledShape,
  resampledValues,
} from "./conv2d_input.ts";
import { conv2dPointwise } from "./conv2d_pointwise.ts";
import { addRowTimesMatrix, checkSummands, storeRow } from "./matmul.ts";
import { inputGradient } from "./conv2d_input_gradient.ts";
import { imageCotangent, shiftCotangent } from "./conv2d_gradient.ts";

/** Options of `conv2d`. */
export interface Conv2dOptions {
  /** Distance of neighbouring output pixels in the input, 1 or more; 1 by default. */
  readonly stride?: number;
  /** Zeros around the image, one number for all sides; 0 by default. */
  readonly padding?: Padding | number;
  /** [Cout] */
  readonly bias?: Tensor;
  /** [N, at + Cout or more]: the Cout numbers from `at` on are added to all pixels of an image. */
  readonly shift?: { readonly tensor: Tensor; readonly at: number };
  /** Added to the result: of its shape, after it was resampled. */
  readonly residual?: Tensor | { readonly x: Tensor; readonly resample: Resample };
}

interface Operands<T> {
  readonly parts: readonly T[];
  readonly weight: T;
  readonly factors: T | undefined;
  readonly bias: T | undefined;
  readonly shift: T | undefined;
  readonly residual: T | undefined;
}

function operandsOf<T>(inputs: readonly T[], attrs: Conv2dAttrs): Operands<T> {
  const rest = inputs.slice(attrs.parts);
  const next = (present: boolean): T | undefined => present ? rest.shift() : undefined;
  return {
    parts: inputs.slice(0, attrs.parts),
    weight: rest.shift() as T,
    factors: next(attrs.factors),
    bias: next(attrs.bias),
    shift: next(attrs.shift !== "absent"),
    residual: next(attrs.residual !== "absent"),
  };
}

function operandNames(attrs: Conv2dAttrs): readonly string[] {
  const { parts, weight, ...optional } = operandsOf(
    [...["x", "x of the second part"].slice(0, attrs.parts), "weight", "", "", "", ""],
    attrs,
  );
  return [
    ...parts,
    weight,
    ...Object.entries(optional).filter(([, value]) => value !== undefined).map(([name]) => name),
  ];
}

/** Whether a convolution is a product of pixels and a matrix. */
function isPointwise(weight: TensorType, { stride, padding }: Conv2dAttrs): boolean {
  const [kernelHeight, kernelWidth] = weight.shape;
  const padded = padding.top + padding.left + padding.bottom + padding.right > 0;
  return kernelHeight === 1 && kernelWidth === 1 && stride === 1 && !padded;
}

function inputOf({ parts, factors }: Operands<Tensor>, { silu, resample }: Conv2dAttrs): ImageInput {
  return { parts, factors, silu, resample };
}

/**
 * Checks what the convolution reads and the image that it sees.
 * @returns shape of that image
 */
function seenShape({ parts, factors }: Operands<TensorType>, { resample }: Conv2dAttrs): readonly number[] {
  const [first, second] = parts as readonly [TensorType, TensorType?];
  const fits = !second || sameShape(first.shape.slice(0, 3), second.shape.slice(0, 3));
  requireFit("conv2d", { x: first, "its second part": second }, fits, "which may differ in the last extent only");
  const shape = joinedShape(parts);
  requireShape("conv2d", "factors", factors, [3, shape[0]!, shape[3]!]);
  const isHalvable = resample !== "down" || (shape[1]! >= 2 && shape[2]! >= 2);
  requireFit("conv2d", { x: first }, isHalvable, "at least 2x2 pixels are needed to halve it");
  return resampledShape(shape, resample);
}

function checkEpilogue(
  { bias, shift, residual }: Operands<TensorType>,
  { residual: resample, shift: shiftAt }: Conv2dAttrs,
  out: TensorType,
): void {
  const added = residual && resample !== "absent"
    ? { ...residual, shape: residual.shape.length === 4 ? resampledShape(residual.shape, resample) : residual.shape }
    : undefined;
  checkSummands("conv2d", { bias, residual: added }, out);
  const [images, , , columns] = out.shape as Image;
  const last = shiftAt === "absent" ? 0 : shiftAt + columns;
  const hasRows = !shift || (shift.shape.length === 2 && shift.shape[0] === images && shift.shape[1]! >= last);
  requireFit("conv2d", { shift }, hasRows, `[${images}, ${last} or more] is needed`);
}

const NO_PADDING: Padding = { top: 0, left: 0, bottom: 0, right: 0 };

/** The convolution as an operation; see `conv2d`. */
export const conv2dOp: Op<Conv2dAttrs> = defineOp<Conv2dAttrs>({
  name: "conv2d",
  infer(inputs, attrs): readonly TensorType[] {
    requireWeight("conv2d", inputs, operandNames(attrs), "weight");
    const operands = operandsOf(inputs, attrs);
    const { parts, weight } = operands;
    parts.forEach((part, index) => requireRank("conv2d", operandNames(attrs)[index]!, part, 4, "[N, H, W, Cin]"));
    requireRank("conv2d", "weight", weight, 4, "[KH, KW, Cin, Cout]");
    const [batch = 0, height = 0, width = 0, channels = 0] = seenShape(operands, attrs);
    const [kernelHeight = 0, kernelWidth = 0, expected = 0, outChannels = 0] = weight.shape;
    if (channels !== expected) {
      throw new TypeError(
        `Cannot build conv2d: x has ${channels} channels, weight ${formatShape(weight.shape)} expects ${expected}`,
      );
    }
    const { stride, padding } = attrs;
    requireValues("conv2d", { stride }, arePositive([stride]), "an integer of at least 1 is needed");
    for (const [side, extent] of Object.entries(padding)) {
      const isExtent = Number.isInteger(extent) && extent >= 0;
      requireValues("conv2d", { [`${side} padding`]: extent }, isExtent, "an integer of at least 0 is needed");
    }
    const outHeight = Math.floor((height + padding.top + padding.bottom - kernelHeight) / stride) + 1;
    const outWidth = Math.floor((width + padding.left + padding.right - kernelWidth) / stride) + 1;
    if (outHeight < 1 || outWidth < 1) {
      throw new TypeError(
        `Cannot build conv2d: x is ${height}x${width} before padding, weight ${formatShape(weight.shape)} needs at ` +
          `least ${kernelHeight}x${kernelWidth} with padding`,
      );
    }
    const out = f32([batch, outHeight, outWidth, outChannels]);
    checkEpilogue(operands, attrs, out);
    return attrs.statistics ? [out, statisticsType(out)] : [out];
  },
  reference(call, inputs): readonly Float32Array[] {
    const { attrs } = call;
    const types = operandsOf(call.inputs, attrs);
    const { parts, factors, weight: matrix, bias, shift, residual } = operandsOf(inputs, attrs);
    const input = inputOf(types, attrs);
    const image = inputValues(input, parts, factors);
    const added = residual && attrs.residual !== "absent"
      ? resampledValues(residual, types.residual!.shape, attrs.residual)
      : undefined;
    const [batch = 0, height = 0, width = 0, channels = 0] = inputShape(input);
    const [kernelHeight = 0, kernelWidth = 0] = types.weight.shape;
    const [out] = call.outputs as readonly [Tensor];
    const [, outHeight = 0, outWidth = 0, outChannels = 0] = out.shape;
    const { stride, padding } = attrs;
    const result = new Float32Array(elementCount(out.shape));
    const sums = new Float64Array(outChannels);
    let at = 0;
    for (let item = 0; item < batch; item++) {
      for (let oy = 0; oy < outHeight; oy++) {
        for (let ox = 0; ox < outWidth; ox++, at += outChannels) {
          const shiftAt = attrs.shift === "absent" ? 0 : item * (types.shift?.shape[1] ?? 0) + attrs.shift;
          if (shift) sums.set(shift.subarray(shiftAt, shiftAt + outChannels));
          else sums.fill(0);
          const top = oy * stride - padding.top;
          const left = ox * stride - padding.left;
          // Channels of neighbouring columns lie side by side in image and weight: one product per kernel row.
          const first = Math.max(0, -left);
          const count = (Math.min(kernelWidth, width - left) - first) * channels;
          for (let ky = Math.max(0, -top); ky < Math.min(kernelHeight, height - top); ky++) {
            const from = ((item * height + top + ky) * width + left + first) * channels;
            addRowTimesMatrix(sums, image, from, count, matrix, (ky * kernelWidth + first) * channels);
          }
          storeRow(result, at, sums, bias, added);
        }
      }
    }
    return attrs.statistics ? [result, statisticsOf(result, out.shape)] : [result];
  },
  lower(call, target): readonly Dispatch[] {
    const { attrs } = call;
    const operands = operandsOf(call.inputs, attrs);
    const { weight, bias, shift, residual } = operands;
    const [out, statistics] = call.outputs as readonly [Tensor, Tensor?];
    const { stride, padding: { top, left } } = attrs;
    const layer = {
      input: inputOf(operands, attrs),
      weight,
      out,
      statistics,
      bias,
      shift: shift && attrs.shift !== "absent"
        ? { tensor: shift, at: attrs.shift, pitch: elementCount(out.shape.slice(1)) }
        : undefined,
      residual: residual && attrs.residual !== "absent" ? { x: residual, resample: attrs.residual } : undefined,
      stride,
      top,
      left,
    };
    return isPointwise(weight, attrs) ? conv2dPointwise(layer, target) : conv2dChosen(layer, target);
  },
  vjp(call, [dy, dStatistics], wanted): readonly (Tensor | undefined)[] {
    const { attrs } = call;
    const operands = operandsOf(call.inputs, attrs);
    const asked = operandsOf(wanted, attrs);
    refuseWanted("conv2d", "weight", asked.weight);
    const [out, statistics] = call.outputs as readonly [Tensor, Tensor?];
    const cotangent = dStatistics ? statisticsGradient(out, statistics!, dStatistics, dy) : dy!;
    const { bias, shift, residual } = operands;
    const seen = asked.parts.includes(true) || asked.factors
      ? inputGradient(
        inputOf(operands, attrs),
        imageCotangent(cotangent, operands.weight, seenShape(operands, attrs), attrs, conv2d),
      )
      : undefined;
    const skipped = residual && asked.residual && attrs.residual !== "absent"
      ? inputGradient({ parts: [residual], resample: attrs.residual }, cotangent)
      : undefined;
    const optional = [
      [operands.factors, seen?.factors],
      [bias, bias && asked.bias ? sumRepeats(cotangent, bias.shape) : undefined],
      [
        shift,
        shift && asked.shift && attrs.shift !== "absent" ? shiftCotangent(cotangent, shift, attrs.shift) : undefined,
      ],
      [residual, skipped?.parts[0]],
    ] as const;
    return [
      ...operands.parts.map((_, part) => seen?.parts[part]),
      undefined,
      ...optional.filter(([operand]) => operand !== undefined).map(([, given]) => given),
    ];
  },
  cost(call): { readonly flops: number; readonly bytes: number } {
    const { weight } = operandsOf(call.inputs, call.attrs);
    const [kernelHeight = 0, kernelWidth = 0, channels = 0] = weight.shape;
    const [out] = call.outputs as readonly [Tensor];
    return { flops: 2 * elementCount(out.shape) * kernelHeight * kernelWidth * channels, bytes: movedBytes(call) };
  },
  examples: EXAMPLES,
});

/**
 * Convolution y[n, oy, ox, o] = sum x[n, oy s + ky - top, ox s + kx - left, i] weight[ky, kx, i, o] (+ bias[o])
 * (+ shift[n, o]) (+ residual), with zeros outside the image.
 * @param x [N, H, W, Cin], or what becomes such an image
 * @param weight [KH, KW, Cin, Cout]
 * @param options bias, shift, residual, stride, padding
 * @returns [N, OH, OW, Cout], OH = floor((H + top + bottom - KH) / stride) + 1 and OW alike
 * @throws {TypeError} if the shapes do not fit; {RangeError} if stride or padding is not an integer in range
 */
export function conv2d(x: Tensor | ImageInput, weight: Tensor, options: Conv2dOptions = {}): Tensor {
  return record(x, weight, options, false)[0]!;
}

/**
 * The same convolution, whose result is to be normalised by its reader.
 * @returns the result with the statistics of its blocks, see `imageStatistics`
 * @throws {TypeError} as `conv2d`; {RangeError} as `conv2d`
 */
export function conv2dFeatures(x: Tensor | ImageInput, weight: Tensor, options: Conv2dOptions = {}): Features {
  const [result, statistics] = record(x, weight, options, true);
  return { x: result!, statistics: statistics! };
}

function record(
  x: Tensor | ImageInput,
  weight: Tensor,
  { stride = 1, padding = NO_PADDING, bias, shift, residual }: Conv2dOptions,
  statistics: boolean,
): readonly Tensor[] {
  const { parts, factors, silu = false, resample = "none" }: ImageInput = "parts" in x ? x : { parts: [x] };
  const added = residual === undefined || "x" in residual ? residual : { x: residual, resample: "none" as const };
  const optional = [factors, bias, shift?.tensor, added?.x].filter((tensor) => tensor !== undefined);
  return conv2dOp([...parts, weight, ...optional], {
    stride,
    padding: typeof padding === "number" ? { top: padding, left: padding, bottom: padding, right: padding } : padding,
    parts: parts.length,
    factors: factors !== undefined,
    silu,
    resample,
    bias: bias !== undefined,
    shift: shift?.at ?? "absent",
    residual: added?.resample ?? "absent",
    statistics,
  });
}
