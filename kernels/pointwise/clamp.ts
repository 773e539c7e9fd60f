/** Limits of the image range. */
import { defineOp, elementCount, type Op, type Tensor, type TensorType } from "../../engine/mod.ts";
import { floatBits, movedBytes, requireF32 } from "../operands.ts";
import { elementwise } from "../text/wgsl.ts";
import { clampGradient } from "./slopes.ts";

/** Definition of `clamp`. */
export const clampOp: Op<{ readonly low: number; readonly high: number }> = defineOp<
  { readonly low: number; readonly high: number }
>({
  name: "clamp",
  infer(inputs, { low, high }): readonly TensorType[] {
    requireF32("clamp", inputs, ["x"]);
    if (!(Number.isFinite(low) && Number.isFinite(high) && low <= high)) {
      throw new RangeError(
        `Cannot build clamp: low is ${low} and high is ${high}, finite numbers low <= high are needed`,
      );
    }
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  // Comparisons with NaN are false, so a NaN passes through and can be found where it arose.
  reference: ({ attrs: { low, high } }, [x]) => [x!.map((v) => v < low ? low : v > high ? high : v)],
  // The bits tell NaN: some compilers turn comparisons of floats into a minimum and a maximum, which drop it.
  lower: ({ inputs, outputs, attrs: { low, high } }, target) => [
    elementwise("clamp", target, {
      read: { x: inputs[0]! },
      write: { y: outputs[0]! },
      params: { low: floatBits(low), high: floatBits(high) },
      body: `let v = x[i];
let low = bitcast<f32>(params.low);
let high = bitcast<f32>(params.high);
let is_nan = (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
y[i] = select(clamp(v, low, high), v, is_nan);`,
    }),
  ],
  vjp: ({ inputs: [x], attrs: { low, high } }, [dy]) => [clampGradient(x!, dy!, low, high)],
  cost: (call) => ({ flops: 2 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[1, 5, 7, 3]], attrs: { low: -0.5, high: 1 } },
    { inputs: [[2, 33]], attrs: { low: 0.25, high: 0.25 } },
  ],
});

/**
 * The nearest number in [low, high], as x0 is limited to the image range; NaN stays NaN.
 * @param x any shape, f32
 * @param low smallest result
 * @param high greatest result
 * @returns the same shape
 * @throws {RangeError} if low > high or a limit is not finite
 */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  return clampOp([x], { low, high })[0]!;
}
