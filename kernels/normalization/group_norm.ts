/** Group normalisation with optional scale-shift modulation and SiLU, for channels-last tensors. */
import {
  type Call,
  defineOp,
  type Dispatch,
  elementCount,
  type Op,
  type OpDef,
  type Shape,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { reshape } from "../layout/reshape.ts";
import { f32, movedBytes, refuseWanted, requireF32, requireFit, requireShape } from "../operands.ts";
import { siluOf } from "../pointwise/activations.ts";
import { inputGradient } from "../product/conv2d_input_gradient.ts";
import { elementwise } from "../text/wgsl.ts";
import { applyFactorsOp, factorsApplied } from "./apply_factors.ts";
import {
  type FactorsCall,
  groupNormFactorsOp,
  imageStatistics,
  imageStatisticsOp,
  modulationCotangent,
  requireGroups,
  statisticsCotangents,
} from "./norm_factors.ts";
import { statisticsType } from "./statistics_blocks.ts";
import { statisticsGradient } from "./statistics_gradient.ts";

/** Attributes of a group normalisation. */
export interface GroupNormAttrs {
  /** Groups of channels that are normalised together. */
  readonly groups: number;
  /** Added to the variance of a group. */
  readonly eps: number;
  /** Whether SiLU follows. */
  readonly silu: boolean;
}

/** Options of `groupNorm`. */
export interface GroupNormOptions {
  /** Number of groups; it divides the number of channels. */
  readonly groups: number;
  /** Added to the variance, positive. */
  readonly eps: number;
  /** Whether SiLU follows. */
  readonly silu?: boolean;
  /** [N, 2C]: scale (first half) and shift (second half); the normalised value becomes y (1 + scale) + shift. */
  readonly modulation?: Tensor;
}

/** The shape [N, H, W, C] of a tensor [N, ..., C] as an image. */
function imageShape(shape: Shape): Shape {
  return shape.length === 4 ? shape : [shape[0]!, elementCount(shape.slice(1, -1)), 1, shape.at(-1)!];
}

/** Attributes of the factors that a group normalisation applies. */
function factorsAttrs([x, , , modulation]: readonly Tensor[], { groups, eps }: GroupNormAttrs): FactorsCall["attrs"] {
  const [, height = 1, width = 1] = imageShape(x!.shape);
  return { groups, eps, height, width, parts: 1, ...(modulation ? { modulationAt: 0 } : {}) };
}

/** A group normalisation in three steps: the calls that give statistics and factors, and the tensors of the last. */
function stepsOf(
  { inputs, attrs, scope }: Call<GroupNormAttrs>,
  scratch: (shape: Shape) => Tensor,
): { readonly calls: readonly Call[]; readonly image: Tensor; readonly factors: Tensor } {
  const [{ id, shape, dtype }, ...affine] = inputs as readonly [Tensor, ...Tensor[]];
  const image = { id, shape: imageShape(shape), dtype };
  const statistics = scratch(statisticsType(image).shape);
  const factors = scratch([3, shape[0]!, shape.at(-1)!]);
  const means = scratch([shape[0]!, attrs.groups]);
  const step = <A>({ definition }: Op<A>, inputs: readonly Tensor[], outputs: readonly Tensor[], attrs: A): Call => ({
    op: definition as OpDef<unknown>,
    inputs,
    outputs,
    attrs,
    scope,
  });
  const calls = [
    step(imageStatisticsOp, [image], [statistics], {}),
    step(groupNormFactorsOp, [statistics, ...affine], [factors, means], factorsAttrs(inputs, attrs)),
  ];
  return { calls, image, factors };
}

/** Definition of `groupNorm`; inputs x, gamma, beta and, if there is one, the modulation. */
export const groupNormOp: Op<GroupNormAttrs> = defineOp<GroupNormAttrs>({
  name: "groupNorm",
  infer(inputs, attrs): readonly TensorType[] {
    requireF32("groupNorm", inputs, ["x", "gamma", "beta", "modulation"], 1);
    const [x, gamma, beta, modulation] = inputs as readonly [TensorType, TensorType, TensorType, TensorType?];
    requireFit("groupNorm", { x }, x.shape.length >= 2, "[N, ..., C] is needed");
    const channels = x.shape.at(-1)!;
    requireShape("groupNorm", "gamma", gamma, [channels]);
    requireShape("groupNorm", "beta", beta, [channels]);
    requireShape("groupNorm", "modulation", modulation, [x.shape[0]!, 2 * channels]);
    requireGroups("groupNorm", attrs, channels);
    return [f32(x.shape)];
  },
  reference(call, [x, ...affine]): readonly Float32Array[] {
    let id = -1;
    const { calls: [first, second], image, factors } = stepsOf(call, (shape) => ({ ...f32(shape), id: id-- }));
    const [statistics] = first!.op.reference(first!, [x!], {});
    const [factorValues] = second!.op.reference(second!, [statistics!, ...affine], {});
    const last = {
      op: applyFactorsOp.definition,
      inputs: [image, factors],
      outputs: call.outputs,
      attrs: {},
      scope: "",
    };
    const [y] = applyFactorsOp.definition.reference(last, [x!, factorValues!], {});
    return [call.attrs.silu ? y!.map(siluOf) : y!];
  },
  lower(call, target): readonly Dispatch[] {
    const { calls, image, factors } = stepsOf(call, (shape) => target.scratch(shape));
    const arrays = { read: { x: image, factors }, write: { y: call.outputs[0]! } };
    return [
      ...calls.flatMap((step) => step.op.lower(step, target)),
      elementwise("groupNorm.apply", target, { ...arrays, ...factorsApplied(image, call.attrs.silu) }),
    ];
  },
  vjp(call, [dy], wanted): readonly (Tensor | undefined)[] {
    const { inputs: [x, ...affine], attrs } = call;
    refuseWanted("groupNorm", "gamma", wanted[1]);
    refuseWanted("groupNorm", "beta", wanted[2]);
    const image = reshape(x!, imageShape(x!.shape));
    const statistics = imageStatistics(image);
    // The factors are computed once more, and the cotangents go through what a convolution reads.
    const inputs = [statistics, ...affine];
    const factorsCall = { inputs, attrs: factorsAttrs(call.inputs, attrs) };
    const own = { ...factorsCall, outputs: groupNormFactorsOp(inputs, factorsCall.attrs) };
    const input = { parts: [image], factors: own.outputs[0]!, silu: attrs.silu };
    const { parts: [direct], factors } = inputGradient(input, reshape(dy!, image.shape));
    const dx = statisticsGradient(image, statistics, statisticsCotangents(own, factors!)[0]!, direct);
    return [
      reshape(dx, x!.shape),
      undefined,
      undefined,
      ...(affine.length > 2 ? [wanted[3] ? modulationCotangent(own, factors!) : undefined] : []),
    ];
  },
  cost: (call) => ({
    flops: (call.attrs.silu ? 10 : 6) * elementCount(call.outputs[0]!.shape),
    bytes: movedBytes(call) + 4 * elementCount(call.inputs[0]!.shape),
  }),
  examples: [
    { inputs: [[2, 7, 5, 33], [33], [33], [2, 66]], attrs: { groups: 3, eps: 1e-5, silu: true } },
    { inputs: [[1, 11, 9, 32], [32], [32]], attrs: { groups: 32, eps: 1e-6, silu: false } },
    { inputs: [[2, 3, 130], [130], [130], [2, 260]], attrs: { groups: 1, eps: 1e-5, silu: false } },
    { inputs: [[3, 20], [20], [20]], attrs: { groups: 4, eps: 1e-5, silu: true } },
  ],
});

/**
 * Group normalisation y = (x - mean) / sqrt(variance + eps) gamma + beta, mean and biased variance taken over the
 * pixels and channels of each group of each image; then y (1 + scale) + shift where a modulation is given, then SiLU
 * if asked for. Wu and He, "Group Normalization", 2018; modulation as in Dhariwal and Nichol, "Diffusion Models Beat
 * GANs on Image Synthesis", 2021. Exact also where the mean is far greater than the spread.
 * @param x [N, ..., C], f32
 * @param gamma [C]
 * @param beta [C]
 * @returns the shape of x
 * @throws {TypeError} if a shape does not fit
 * @throws {RangeError} if the groups do not divide C or eps is not positive
 */
export function groupNorm(x: Tensor, gamma: Tensor, beta: Tensor, options: GroupNormOptions): Tensor {
  const { groups, eps, silu = false, modulation } = options;
  return groupNormOp([x, gamma, beta, ...(modulation ? [modulation] : [])], { groups, eps, silu })[0]!;
}
