/** Soft thresholds of vectors, the proximal step of a total variation. */
import { type Op, type Shape, type Tensor } from "../../engine/mod.ts";
import { byName, floatBits, requireOneShape, requireValues } from "../operands.ts";
import { fill } from "./elementwise.ts";
import { pointwise } from "./pointwise.ts";

/** What the operation records. */
export interface ShrinkAttrs {
  /** By how much the length of (dx, dy) becomes less, down to 0. */
  readonly threshold: number;
}

/** Definition of `shrink`: two inputs, two outputs. */
export const shrinkOp: Op<ShrinkAttrs> = pointwise<ShrinkAttrs>({
  name: "shrink",
  inputs: ["dx", "dy"],
  outputs: ["sx", "sy"],
  shape(inputs, { threshold }): Shape {
    requireOneShape("shrink", byName(["dx", "dy"], inputs));
    const isAllowed = threshold >= 0 && Number.isFinite(threshold);
    requireValues("shrink", { threshold }, isAllowed, "a number of at least 0 is needed");
    return inputs[0]!.shape;
  },
  kernel: ({ attrs: { threshold } }) => ({
    params: { threshold: floatBits(threshold) },
    body: `let v = vec2f(dx[i], dy[i]);
let limit = bitcast<f32>(params.threshold);
let size = sqrt(dot(v, v));
var factor = 0.0;
if (size > limit) { factor = 1.0 - limit / size; }
sx[i] = factor * v.x;
sy[i] = factor * v.y;`,
  }),
  software: {
    reference({ attrs: { threshold } }, [dx, dy]): readonly Float32Array[] {
      const factors = Float64Array.from(dx!, (value, i) => {
        const length = Math.hypot(value, dy![i]!);
        return length > threshold ? 1 - threshold / length : 0;
      });
      return [dx!.map((value, i) => factors[i]! * value), dy!.map((value, i) => factors[i]! * value)];
    },
  },
  gradient({ inputs: [dx, dy], outputs: [sx], attrs }, cotangents): readonly (Tensor | undefined)[] {
    const [gx, gy] = cotangents.map((given) => given ?? fill(sx!.shape, 0));
    return shrinkGradientOp([dx!, dy!, gx!, gy!], attrs);
  },
  flops: 8,
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
export const shrinkGradientOp: Op<ShrinkAttrs> = pointwise<ShrinkAttrs>({
  name: "shrinkGradient",
  inputs: ["dx", "dy", "gx", "gy"],
  outputs: ["rx", "ry"],
  kernel: ({ attrs: { threshold } }) => ({
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
  // The derivative of v (1 - t / |v|) is (1 - t / |v|) I + t v v^T / |v|^3, which is symmetric.
  software: {
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
  },
  flops: 16,
  examples: [
    { inputs: [[2, 5, 7, 3], [2, 5, 7, 3], [2, 5, 7, 3], [2, 5, 7, 3]], attrs: { threshold: 0.4 } },
    { inputs: [[131], [131], [131], [131]], attrs: { threshold: 0 } },
  ],
});
