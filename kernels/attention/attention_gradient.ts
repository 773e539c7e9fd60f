/** The cotangent of attention, from q, k and v alone: probabilities are computed again, never stored. */
import { defineOp, type Dispatch, type Op, type Tensor, type TensorType } from "../../engine/mod.ts";
import { f32, movedBytes, requireF32, requireRank, requireShape } from "../operands.ts";
import { type AttentionAttrs, eachHead, layoutOf } from "./attention_layout.ts";
import { tilePass } from "./attention_gradient_kernels.ts";
import { serialPass, shufflePass, WIDEST_SHUFFLED } from "./attention_gradient_software.ts";

/** Definition of `attentionGradient`. */
export const attentionGradientOp: Op<AttentionAttrs> = defineOp<AttentionAttrs>({
  name: "attentionGradient",
  infer(inputs): readonly TensorType[] {
    requireF32("attentionGradient", inputs, ["qkv", "y", "dy"]);
    const [qkv, y, dy] = [inputs[0]!, inputs[1]!, inputs[2]!];
    requireRank("attentionGradient", "qkv", qkv, 3, "[N, T, 3C]");
    const [images = 0, length = 0, width = 0] = qkv.shape;
    requireShape("attentionGradient", "y", y, [images, length, width / 3]);
    requireShape("attentionGradient", "dy", dy, [images, length, width / 3]);
    return [f32(qkv.shape)];
  },
  reference({ inputs, attrs }, [qkv, y, dy]): readonly Float32Array[] {
    const layout = layoutOf(inputs[0]!.shape, attrs);
    const { length, head, scale } = layout;
    const sums = new Float64Array(qkv!.length);
    const logits = new Float64Array(length);
    eachHead(layout, (row, result) => {
      for (let t = 0; t < length; t++) {
        const [q, g] = [row(t, 0), result(t)];
        let inner = 0;
        for (let c = 0; c < head; c++) inner += dy![g + c]! * y![g + c]!;
        for (let s = 0; s < length; s++) {
          let dot = 0;
          for (let c = 0; c < head; c++) dot += qkv![q + c]! * qkv![row(s, 1) + c]!;
          logits[s] = scale * dot;
        }
        const greatest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
        const sum = logits.reduce((all, logit) => all + Math.exp(logit - greatest), 0);
        for (let s = 0; s < length; s++) {
          const [k, v] = [row(s, 1), row(s, 2)];
          const p = Math.exp(logits[s]! - greatest) / sum;
          let slope = -inner;
          for (let c = 0; c < head; c++) slope += dy![g + c]! * qkv![v + c]!;
          const factor = scale * p * slope;
          for (let c = 0; c < head; c++) {
            sums[q + c]! += factor * qkv![k + c]!;
            sums[k + c]! += factor * qkv![q + c]!;
            sums[v + c]! += p * dy![g + c]!;
          }
        }
      }
    });
    return [Float32Array.from(sums)];
  },
  lower({ inputs, outputs, attrs }, target): readonly Dispatch[] {
    const [qkv, y, dy, dqkv] = [inputs[0]!, inputs[1]!, inputs[2]!, outputs[0]!];
    const layout = layoutOf(qkv.shape, attrs);
    const rows = target.scratch([3, layout.images, layout.heads, layout.length]);
    const tensors = { qkv, y, dy, dqkv, rows };
    const shuffles = target.subgroupSize > 1 && layout.head <= WIDEST_SHUFFLED;
    const pass = target.software ? (shuffles ? shufflePass : serialPass) : tilePass;
    return [pass("queries", tensors, layout, target), pass("keys", tensors, layout, target)];
  },
  cost(call): { flops: number; bytes: number } {
    const [images, length, channels] = call.inputs[1]!.shape as [number, number, number];
    const logits = images * call.attrs.heads * length * length;
    return { flops: 14 * images * length * length * channels + 12 * logits, bytes: movedBytes(call) };
  },
  examples: [
    example([2, 35, 32], { heads: 4, order: "legacy", scale: 8 ** -0.5 }),
    example([2, 35, 32], { heads: 2, order: "new", scale: 0.25 }),
    example([1, 70, 66], { heads: 2, order: "legacy", scale: 33 ** -0.5 }),
    example([2, 69, 150], { heads: 2, order: "new", scale: 75 ** -0.5 }),
    example([1, 1, 6], { heads: 2, order: "new", scale: 1 }),
  ],
});

function example(
  [images = 1, length = 1, channels = 1]: readonly number[],
  attrs: AttentionAttrs,
): { readonly inputs: readonly (readonly number[])[]; readonly attrs: AttentionAttrs } {
  const result = [images, length, channels];
  return { inputs: [[images, length, 3 * channels], result, result], attrs };
}

/**
 * The cotangent of qkv in y = attention(qkv): with the probabilities p of query i and key j and
 * f = p (dy_i . v_j - dy_i . y_i) it is dq_i = scale sum_j f k_j, dk_j = scale sum_i f q_i and dv_j = sum_i p dy_i.
 * @param qkv [N, T, 3C], f32, arranged as `attrs.order` says
 * @param y [N, T, C]: the result of the attention
 * @param dy its cotangent
 * @returns [N, T, 3C]
 * @throws {TypeError} if the shapes do not fit
 */
export function attentionGradient(qkv: Tensor, y: Tensor, dy: Tensor, attrs: AttentionAttrs): Tensor {
  return attentionGradientOp([qkv, y, dy], attrs)[0]!;
}
