/** Soft thresholds of vectors, the proximal step of a total variation. */
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
import { floatBits, movedBytes, requireF32 } from "../operands.ts";
import { elementwise } from "../text/wgsl.ts";
import { fill } from "./fill.ts";

/** Definition of `shrink`: two inputs, two outputs. */
export const shrinkOp: Op<{ readonly threshold: number }> = defineOp<{ readonly threshold: number }>({
  name: "shrink",
  infer(inputs, { threshold }): readonly TensorType[] {
    requireF32("shrink", inputs, ["dx", "dy"]);
    const [dx, dy] = [inputs[0]!, inputs[1]!];
    if (!sameShape(dx.shape, dy.shape)) {
      throw new TypeError(
        `Cannot build shrink: dx has shape ${formatShape(dx.shape)}, dy has ${formatShape(dy.shape)}, ` +
          `one shape is needed`,
      );
    }
    if (!(threshold >= 0 && Number.isFinite(threshold))) {
      throw new RangeError(`Cannot build shrink: threshold is ${threshold}, a number of at least 0 is needed`);
    }
    return [{ shape: dx.shape, dtype: "f32" }, { shape: dx.shape, dtype: "f32" }];
  },
  reference({ attrs: { threshold } }, [dx, dy]): readonly Float32Array[] {
    const factors = Float64Array.from(dx!, (value, i) => {
      const length = Math.hypot(value, dy![i]!);
      return length > threshold ? 1 - threshold / length : 0;
    });
    return [dx!.map((value, i) => factors[i]! * value), dy!.map((value, i) => factors[i]! * value)];
  },
  lower({ inputs, outputs, attrs: { threshold } }, target): readonly Dispatch[] {
    return [
      elementwise("shrink", target, {
        read: { dx: inputs[0]!, dy: inputs[1]! },
        write: { sx: outputs[0]!, sy: outputs[1]! },
        params: { threshold: floatBits(threshold) },
        body: `let v = vec2f(dx[i], dy[i]);
let limit = bitcast<f32>(params.threshold);
let size = sqrt(dot(v, v));
var factor = 0.0;
if (size > limit) { factor = 1.0 - limit / size; }
sx[i] = factor * v.x;
sy[i] = factor * v.y;`,
      }),
    ];
  },
  vjp({ inputs: [dx, dy], outputs: [sx], attrs }, cotangents): readonly Tensor[] {
    const [gx, gy] = cotangents.map((given) => given ?? fill(sx!.shape, 0));
    return shrinkGradientOp([dx!, dy!, gx!, gy!], attrs);
  },
  cost: (call) => ({ flops: 8 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[2, 5, 7, 3], [2, 5, 7, 3]], attrs: { threshold: 0.4 } },
    { inputs: [[131], [131]], attrs: { threshold: 0 } },
  ],
});

/**
 * Shortens the vectors (dx, dy) by a threshold: v max(0, 1 - threshold/|v|), the minimum of
 * |u - v|^2/2 + threshold |u|.
 * @param dx any shape, f32
 * @param dy the same shape
 * @param threshold at least 0
 * @returns both components
 * @throws {TypeError} if the shapes differ
 * @throws {RangeError} if the threshold is negative or not finite
 */
export function shrink(dx: Tensor, dy: Tensor, threshold: number): readonly [Tensor, Tensor] {
  const [sx, sy] = shrinkOp([dx, dy], { threshold });
  return [sx!, sy!];
}

/** Definition of `shrinkGradient`: the inputs of `shrink` and the cotangents of its outputs give those of its inputs. */
export const shrinkGradientOp: Op<{ readonly threshold: number }> = defineOp<{ readonly threshold: number }>({
  name: "shrinkGradient",
  infer(inputs): readonly TensorType[] {
    requireF32("shrinkGradient", inputs, ["dx", "dy", "gx", "gy"]);
    const { shape } = inputs[0]!;
    if (!inputs.every((input) => sameShape(input.shape, shape))) {
      throw new TypeError(
        `Cannot build shrinkGradient: the shapes are ${inputs.map((input) => formatShape(input.shape)).join(", ")}, ` +
          `one shape is needed`,
      );
    }
    return [{ shape, dtype: "f32" }, { shape, dtype: "f32" }];
  },
  // The derivative of v (1 - t / |v|) is (1 - t / |v|) I + t v v^T / |v|^3, which is symmetric.
  reference({ attrs: { threshold } }, [dx, dy, gx, gy]): readonly Float32Array[] {
    const along = (own: Float32Array, cotangent: Float32Array): Float32Array =>
      own.map((value, i) => {
        const length = Math.hypot(dx![i]!, dy![i]!);
        if (!(length > threshold)) return 0;
        const pull = threshold * (dx![i]! * gx![i]! + dy![i]! * gy![i]!) / length ** 3;
        return (1 - threshold / length) * cotangent[i]! + pull * value;
      });
    return [along(dx!, gx!), along(dy!, gy!)];
  },
  lower({ inputs: [dx, dy, gx, gy], outputs: [rx, ry], attrs: { threshold } }, target): readonly Dispatch[] {
    return [
      elementwise("shrinkGradient", target, {
        read: { dx: dx!, dy: dy!, gx: gx!, gy: gy! },
        write: { rx: rx!, ry: ry! },
        params: { threshold: floatBits(threshold) },
        body: `let v = vec2f(dx[i], dy[i]);
let g = vec2f(gx[i], gy[i]);
let limit = bitcast<f32>(params.threshold);
let size = sqrt(dot(v, v));
var result = vec2f(0.0);
if (size > limit) {
  let unit = v / size;
  result = (1.0 - limit / size) * g + (limit / size) * dot(unit, g) * unit;
}
rx[i] = result.x;
ry[i] = result.y;`,
      }),
    ];
  },
  cost: (call) => ({ flops: 16 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[2, 5, 7, 3], [2, 5, 7, 3], [2, 5, 7, 3], [2, 5, 7, 3]], attrs: { threshold: 0.4 } },
    { inputs: [[131], [131], [131], [131]], attrs: { threshold: 0 } },
  ],
});
