/**
 * Weights as textures. On a software adapter a load from a buffer fetches one f32 for each lane with a bounds check for
 * each, a load from a texture of four f32 per texel fetches four without: 1.3 against 3.6 ns for 8 lanes and value.
 */
import {
  elementCount,
  type Op,
  type Shape,
  type Target,
  type Tensor,
  type TensorType,
  type WeightForm,
} from "../../engine/mod.ts";
import { preferred } from "../preference.ts";
import { arePositive, requireValues } from "../operands.ts";
import { pointwise, type PointwiseKernel } from "../pointwise/pointwise.ts";
import { prefersBroadcast } from "./register_block.ts";

/** Values of one texel. */
export const TEXEL_VALUES = 4;

/** The width of a texture is a multiple of it, as rows of textures are copied in pieces of 256 bytes. */
const WIDTH_STEP = 16;

/** Attributes of `weightTexelsOp`. */
export interface WeightTexelsAttrs {
  /** Values of k that kernels take in one step, a multiple of 4: every matrix is filled up to whole steps. */
  readonly depth: number;
}

interface MatrixSizes {
  /** Matrices one after another: kernel taps, or batch. */
  readonly count: number;
  readonly inner: number;
  readonly columns: number;
}

function sizesOf({ shape }: TensorType): MatrixSizes {
  const [inner = 1, columns = 1] = shape.slice(-2);
  return { count: elementCount(shape.slice(0, -2)), inner, columns };
}

/** Rows of texels of each matrix [K, N]: K filled up to a multiple of the depth, divided by 4. */
export function texelRows(inner: number, depth: number): number {
  return Math.ceil(inner / depth) * depth / TEXEL_VALUES;
}

/** Shape of the texels of a weight [..., K, N]. */
function texelShape(weight: TensorType, depth: number): [height: number, width: number, values: number] {
  const { count, inner, columns } = sizesOf(weight);
  return [count * texelRows(inner, depth), Math.ceil(columns / WIDTH_STEP) * WIDTH_STEP, TEXEL_VALUES];
}

/**
 * A weight [..., K, N] as texels [rows, columns, 4]: texel (m R + k, n) holds elements 4k to 4k + 3 of column n of
 * matrix m, R = `texelRows`; what lies beyond K or N is zero.
 */
export const weightTexelsOp: Op<WeightTexelsAttrs> = pointwise<WeightTexelsAttrs>({
  name: "weightTexels",
  inputs: ["weight"],
  outputs: ["texels"],
  shape([weight], { depth }): Shape {
    const fits = arePositive([depth]) && depth % TEXEL_VALUES === 0;
    requireValues("weightTexels", { depth }, fits, "a positive multiple of 4 is needed");
    return texelShape(weight!, depth);
  },
  kernel({ inputs: [weight], outputs: [texels], attrs: { depth } }): PointwiseKernel {
    const { inner, columns } = sizesOf(weight!);
    return {
      params: { inner, columns, width: texels!.shape[1]!, rows: texelRows(inner, depth) },
      body: `let texel = i / ${TEXEL_VALUES}u;
let line = texel / params.width;
let column = texel - line * params.width;
let matrix = line / params.rows;
let k = (line - matrix * params.rows) * ${TEXEL_VALUES}u + i % ${TEXEL_VALUES}u;
let inside = k < params.inner && column < params.columns;
texels[i] = select(0.0, weight[select(0u, (matrix * params.inner + k) * params.columns + column, inside)], inside);`,
    };
  },
  software: {
    reference({ inputs, outputs, attrs: { depth } }, [weight]): readonly Float32Array[] {
      const { count, inner, columns } = sizesOf(inputs[0]!);
      const [, width = 0] = outputs[0]!.shape;
      const texels = new Float32Array(elementCount(outputs[0]!.shape));
      for (let row = 0; row < count * inner; row++) {
        const [matrix, k] = [Math.floor(row / inner), row % inner];
        const line = matrix * texelRows(inner, depth) + Math.floor(k / TEXEL_VALUES);
        for (let n = 0; n < columns; n++) {
          texels[(line * width + n) * TEXEL_VALUES + k % TEXEL_VALUES] = weight![row * columns + n]!;
        }
      }
      return [texels];
    },
  },
  flops: 0,
  examples: [
    { inputs: [[6, 16]], attrs: { depth: 4 } },
    { inputs: [[3, 3, 5, 7]], attrs: { depth: 8 } },
    { inputs: [[2, 8, 33]], attrs: { depth: 8 } },
  ],
});

/** Names of the forms in which a product can have its weight, for tuning. */
export const WEIGHT_FORMS: readonly WeightForm[] = ["texture", "buffer"];

/**
 * The form of a weight that can be a texture. The preference `weights` of the target, or the one for the layer, asks for
 * one; without, products of Winograd convolutions take the one that was measured to be faster, others a texture.
 * Both give the same bits.
 * @param operation `winogradWeights` for products of Winograd convolutions, otherwise `weights`
 * @param layer what the product belongs to
 * @throws {RangeError} if the preference names no form
 */
export function weightForm(operation: "weights" | "winogradWeights", layer: string, target: Target): WeightForm {
  const takesFasterWeights = operation === "winogradWeights";
  const choice = { algorithms: WEIGHT_FORMS, candidates: WEIGHT_FORMS, takesFasterWeights };
  const wish = preferred(operation, `${operation} ${layer}`, choice, target);
  return wish ?? (takesFasterWeights ? target.fasterWeights : undefined) ?? "texture";
}

/** Whether a texture of a size can be had, and may pay. */
export function canSample(height: number, width: number, target: Target): boolean {
  return prefersBroadcast(target) && target.subgroupSize % TEXEL_VALUES === 0 &&
    Math.max(height, width) <= target.maxTextureSide;
}

/**
 * The texels of a weight, if it is a constant and a texture is the form to take on this device: not for f16, whose words
 * hold two values and cost 2.8 ns.
 * @param layer what the weight belongs to
 */
export function texelsOf(weight: Tensor, layer: string, target: Target): Tensor | undefined {
  if (!prefersBroadcast(target) || weight.dtype !== "f32") return undefined;
  const depth = target.subgroupSize;
  const [height, width] = texelShape(weight, depth);
  if (!canSample(height, width, target) || weightForm("weights", layer, target) === "buffer") return undefined;
  return target.prepared(weightTexelsOp.definition, [weight], { depth });
}
