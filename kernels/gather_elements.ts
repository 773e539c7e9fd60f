/** Elements of every item in another order, some left out or zero. */
import {
  defineOp,
  type Dispatch,
  elementCount,
  hostTensor,
  type Op,
  type Tensor,
  type TensorType,
} from "../engine/mod.ts";
import { movedBytes } from "./operands.ts";
import { elementwise } from "./wgsl.ts";

/** Index that stands for no element: the result is 0 there. */
export const NO_ELEMENT = 0xffffffff;

/** Definition of `gatherElements`. */
export const gatherElementsOp: Op<Record<string, never>> = defineOp<Record<string, never>>({
  name: "gatherElements",
  infer(inputs): readonly TensorType[] {
    const [x, index] = inputs;
    if (inputs.length !== 2 || x?.dtype !== "f32" || index?.dtype !== "u32" || x.shape.length < 1) {
      throw new TypeError(
        `Cannot build gatherElements: ${inputs.map(({ dtype }) => dtype).join(" and ") || "nothing"} was given, ` +
          `x (f32, [N, ...]) and index (u32) are needed`,
      );
    }
    return [{ shape: [x.shape[0]!, ...index.shape], dtype: "f32" }];
  },
  reference({ inputs }, [x, bits]): readonly Float32Array[] {
    const index = new Uint32Array(bits!.buffer, bits!.byteOffset, bits!.length);
    const size = elementCount(inputs[0]!.shape.slice(1));
    const y = new Float32Array(inputs[0]!.shape[0]! * index.length);
    for (let i = 0; i < y.length; i++) {
      const at = index[i % index.length]!;
      y[i] = at < size ? x![Math.floor(i / index.length) * size + at]! : 0;
    }
    return [y];
  },
  lower({ inputs, outputs }, target): readonly Dispatch[] {
    const [x, index] = [inputs[0]!, inputs[1]!];
    return [
      elementwise("gatherElements", target, {
        read: { x, index },
        write: { y: outputs[0]! },
        params: { size: elementCount(x.shape.slice(1)), period: elementCount(index.shape) },
        body: `let item = i / params.period;
let at = index[i - item * params.period];
y[i] = select(0.0, x[item * params.size + min(at, params.size - 1u)], at < params.size);`,
      }),
    ];
  },
  cost: (call) => ({ flops: 0, bytes: 2 * movedBytes({ inputs: [], outputs: call.outputs }) }),
  examples: [
    { inputs: [[3, 5], hostTensor(Uint32Array.of(4, NO_ELEMENT, 0, 0, 3, 1, 5), [7])], attrs: {} },
    {
      inputs: [[2, 4, 9, 2], hostTensor(Uint32Array.from({ length: 66 }, (_, i) => (i * 37) % 73), [11, 6])],
      attrs: {},
    },
  ],
});

/**
 * Elements of every item by their place: y[n, i] = x[n, index[i]], where x and i are counted in row-major order; 0 where
 * the index is past the last element, such as `NO_ELEMENT`.
 * @param x [N, ...], f32
 * @param index any shape, u32
 * @returns [N, ...index.shape]
 * @throws {TypeError} if an element type is another one
 */
export function gatherElements(x: Tensor, index: Tensor): Tensor {
  return gatherElementsOp([x, index], {})[0]!;
}
