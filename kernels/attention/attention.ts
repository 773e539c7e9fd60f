/** Multi-head self-attention as a stream over the keys: no matrix of T x T scalars exists anywhere. */
import { defineOp, type Dispatch, type Op, type Tensor, type TensorType } from "../../engine/mod.ts";
import { arePositive, f32, movedBytes, requireF32, requireFit, requireRank, requireValues } from "../operands.ts";
import { attentionGradient } from "./attention_gradient.ts";
import { shuffleKernel, wideKernel } from "./attention_kernels.ts";
import { type AttentionAttrs, eachHead, type HeadOrder, layoutOf, WIDEST_IN_REGISTERS } from "./attention_layout.ts";
import { matrixKernel } from "./attention_matrix.ts";
import { serialKernel } from "./attention_serial.ts";
import { tileKernels } from "./attention_tile.ts";

/** Options of `attention`. */
export interface AttentionOptions {
  /** Number of heads; it divides C. */
  readonly heads: number;
  /** How q, k and v stand in the channels. */
  readonly order: HeadOrder;
  /** Factor of q . k; default (C / heads)^(-1/2). */
  readonly scale?: number;
}

/** Definition of `attention`. */
export const attentionOp: Op<AttentionAttrs> = defineOp<AttentionAttrs>({
  name: "attention",
  infer(inputs, { heads, order, scale }): readonly TensorType[] {
    requireF32("attention", inputs, ["qkv"]);
    const qkv = inputs[0]!;
    requireRank("attention", "qkv", qkv, 3, "[N, T, 3C]");
    const [images, length, width] = qkv.shape as [number, number, number];
    requireFit("attention", { qkv }, width % 3 === 0, "a last extent of 3C is needed (q, k and v of C channels)");
    const channels = width / 3;
    const divides = arePositive([heads]) && channels % heads === 0;
    const needed = `a divisor of the ${channels} channels is needed`;
    requireValues("attention", { "the number of heads": heads }, divides, needed);
    const isOrder = order === "legacy" || order === "new";
    requireValues("attention", { "the head order": `"${order}"` }, isOrder, '"legacy" or "new" is needed');
    requireValues("attention", { "the scale": scale }, Number.isFinite(scale), "a finite number is needed");
    return [f32([images, length, channels])];
  },
  reference({ inputs, attrs }, [qkv]): readonly Float32Array[] {
    const layout = layoutOf(inputs[0]!.shape, attrs);
    const { images, length, channels, head, scale } = layout;
    const y = new Float32Array(images * length * channels);
    const weights = new Float64Array(length);
    const result = new Float64Array(head);
    eachHead(layout, (row, out) => {
      for (let t = 0; t < length; t++) {
        const q = row(t, 0);
        let greatest = -Infinity;
        for (let s = 0; s < length; s++) {
          const k = row(s, 1);
          let dot = 0;
          for (let c = 0; c < head; c++) dot += qkv![q + c]! * qkv![k + c]!;
          weights[s] = scale * dot;
          greatest = Math.max(greatest, scale * dot);
        }
        result.fill(0);
        let sum = 0;
        for (let s = 0; s < length; s++) {
          const weight = Math.exp(weights[s]! - greatest);
          const v = row(s, 2);
          for (let c = 0; c < head; c++) result[c]! += weight * qkv![v + c]!;
          sum += weight;
        }
        y.set(result.map((value) => value / sum), out(t));
      }
    });
    return [y];
  },
  lower({ inputs, outputs, attrs }, target): readonly Dispatch[] {
    const [qkv, y] = [inputs[0]!, outputs[0]!];
    const matrix = matrixKernel(qkv, y, attrs, target);
    if (matrix) return [matrix];
    const layout = layoutOf(qkv.shape, attrs);
    if (target.software) {
      const isWide = layout.head > WIDEST_IN_REGISTERS;
      return [(isWide || target.subgroupSize < 2 ? serialKernel : shuffleKernel)(qkv, y, layout, target)];
    }
    return tileKernels(qkv, y, layout, target) ?? [wideKernel(qkv, y, layout, target)];
  },
  vjp: ({ inputs: [qkv], outputs: [y], attrs }, [dy]) => [attentionGradient(qkv!, y!, dy!, attrs)],
  cost(call): { flops: number; bytes: number } {
    const [images, length, channels] = call.outputs[0]!.shape as [number, number, number];
    const logits = images * call.attrs.heads * length * length;
    return { flops: 4 * images * length * length * channels + 5 * logits, bytes: movedBytes(call) };
  },
  examples: [
    { inputs: [[2, 35, 3 * 32]], attrs: { heads: 4, order: "legacy", scale: 8 ** -0.5 } },
    { inputs: [[2, 35, 3 * 32]], attrs: { heads: 2, order: "new", scale: 0.25 } },
    { inputs: [[1, 70, 3 * 66]], attrs: { heads: 2, order: "legacy", scale: 33 ** -0.5 } },
    { inputs: [[1, 67, 3 * 64]], attrs: { heads: 1, order: "new", scale: 0.5 } },
    { inputs: [[2, 69, 3 * 150]], attrs: { heads: 2, order: "legacy", scale: 75 ** -0.5 } },
    { inputs: [[1, 1, 3 * 6]], attrs: { heads: 2, order: "new", scale: 1 } },
  ],
});

/**
 * Self-attention softmax(scale q k^T) v for every image and head, with the softmax over the keys. Vaswani et al.,
 * "Attention Is All You Need", 2017; channel orders as in the guided-diffusion networks, which multiply q and k each
 * by (C / heads)^(-1/4).
 * @param qkv [N, T, 3C], f32, arranged as `options.order` says
 * @returns [N, T, C], channels in the order (head, channel)
 * @throws {TypeError} if qkv has another rank or its last extent is no multiple of 3
 * @throws {RangeError} if the heads do not divide C
 */
export function attention(qkv: Tensor, options: AttentionOptions): Tensor {
  const { heads, order } = options;
  const head = (qkv.shape[qkv.shape.length - 1] ?? 0) / 3 / heads;
  return attentionOp([qkv], { heads, order, scale: options.scale ?? 1 / Math.sqrt(head) })[0]!;
}
