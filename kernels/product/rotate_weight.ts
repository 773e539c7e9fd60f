/** The weight of the convolution that takes cotangents back through a convolution. */
import { defineOp, type Dispatch, type Op, type Tensor, type TensorType, wordCount } from "../../engine/mod.ts";
import { halfExample, movedBytes, requireRank, requireWeight } from "../operands.ts";
import { elementwise } from "../text/wgsl.ts";

/**
 * A weight turned by 180 degrees with its channels exchanged: y[ky, kx, o, i] = x[KH - 1 - ky, KW - 1 - kx, i, o].
 * Weights are constants, so that it is computed once, when a stage is built.
 */
export const rotateWeightOp: Op<Record<string, never>> = defineOp<Record<string, never>>({
  name: "rotateWeight",
  infer(inputs): readonly TensorType[] {
    requireWeight("rotateWeight", inputs, ["weight"], "weight");
    const [weight] = inputs as readonly [TensorType];
    requireRank("rotateWeight", "weight", weight, 4, "[KH, KW, Cin, Cout]");
    const [height, width, channels, outChannels] = weight.shape as [number, number, number, number];
    return [{ shape: [height, width, outChannels, channels], dtype: weight.dtype }];
  },
  reference({ inputs }, [weight]): readonly Float32Array[] {
    const [height, width, channels, outChannels] = inputs[0]!.shape as [number, number, number, number];
    const taps = height * width;
    const rotated = new Float32Array(weight!.length);
    for (let at = 0; at < rotated.length; at++) {
      const i = at % channels;
      const o = Math.floor(at / channels) % outChannels;
      const tap = taps - 1 - Math.floor(at / (channels * outChannels));
      rotated[at] = weight![(tap * channels + i) * outChannels + o]!;
    }
    return [rotated];
  },
  // Mapping: an invocation writes one word; one of an f16 weight holds rows o and o + 1 of column i.
  lower({ inputs: [weight], outputs: [rotated] }, target): readonly Dispatch[] {
    const [height, width, channels, outChannels] = weight!.shape as [number, number, number, number];
    const half = weight!.dtype === "f16";
    return [
      elementwise(`rotateWeight${half ? ".f16" : ""}`, target, {
        read: { weight: weight! },
        write: { rotated: rotated! },
        count: wordCount(rotated!),
        params: {
          taps: height * width,
          channels,
          outChannels,
          rows: half ? Math.ceil(outChannels / 2) : outChannels,
          pitch: half ? Math.ceil(channels / 2) : channels,
        },
        body: `let line = i / params.channels;
let column = i - line * params.channels;
let tap = line / params.rows;
let row = line - tap * params.rows;
let turned = (params.taps - 1u - tap) * params.pitch;
${half ? HALF_WORD : "rotated[i] = weight[(turned + column) * params.outChannels + row];"}`,
      }),
    ];
  },
  cost: (call) => ({ flops: 0, bytes: movedBytes(call) }),
  examples: [
    { inputs: [[3, 3, 5, 7]], attrs: {} },
    { inputs: [[1, 1, 33, 6]], attrs: {} },
    { inputs: [[5, 2, 4, 3]], attrs: {} },
    { inputs: [halfExample([3, 3, 5, 7])], attrs: {} },
    { inputs: [halfExample([2, 5, 6, 4])], attrs: {} },
  ],
});

/** Elements (column, 2 row) and (column, 2 row + 1) of the weight, the second 0 beyond an odd number of columns. */
const HALF_WORD = `let place = (turned + column / 2u) * params.outChannels + 2u * row;
let shift = 16u * (column % 2u);
let isPair = 2u * row + 1u < params.outChannels;
let low = (weight[place] >> shift) & 0xffffu;
let high = (weight[select(place, place + 1u, isPair)] >> shift) & 0xffffu;
rotated[i] = low | select(0u, high << 16u, isPair);`;

/**
 * The weight that takes cotangents back: turned by 180 degrees, with its channels exchanged.
 * @param weight [KH, KW, Cin, Cout], f32 or f16
 * @returns [KH, KW, Cout, Cin] of the same element type
 * @throws {TypeError} if the weight has another rank
 */
export function rotateWeight(weight: Tensor): Tensor {
  return rotateWeightOp([weight], {})[0]!;
}
