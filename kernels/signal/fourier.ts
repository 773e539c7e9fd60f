/** The two-dimensional Fourier transform of images, and products of complex images. */
import {
  defineOp,
  type Dispatch,
  elementCount,
  type Op,
  sameShape,
  type Shape,
  type Target,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { f32, type Image, movedBytes, requireF32, requireFit, requireRank } from "../operands.ts";
import { pointwise } from "../pointwise/pointwise.ts";
import { sumRepeats } from "../layout/repeats.ts";
import { hostFourier } from "./fourier_host.ts";
import { fourierPass, type Pass, radices } from "./fourier_stage.ts";

/** Attributes of `fourier`. */
export interface FourierAttrs {
  /** Whether the transform is the inverse one. */
  readonly inverse: boolean;
  /** Whether the input has no imaginary parts. */
  readonly fromReal: boolean;
  /** Whether the imaginary parts of the output are dropped. */
  readonly toReal: boolean;
}

/** The passes over both axes; the width comes first, so that its result is complex for the height. */
function passes([, height, width]: Image, complexChannels: number, attrs: FourierAttrs): readonly Pass[] {
  const along = (extent: number, inner: number): Omit<Pass, "fromReal" | "toReal">[] => {
    let done = 1;
    return radices(extent).map((radix) => {
      const pass = { radix, done, lines: { extent, inner }, inverse: attrs.inverse };
      done *= radix;
      return pass;
    });
  };
  const all = [...along(width, complexChannels), ...along(height, width * complexChannels)];
  // A picture of one pixel is its own transform: a pass of one value moves it between real and complex.
  if (all.length === 0) {
    all.push({ radix: 1, done: 1, lines: { extent: 1, inner: complexChannels }, inverse: attrs.inverse });
  }
  return all.map((pass, index) => ({
    ...pass,
    fromReal: attrs.fromReal && index === 0,
    toReal: attrs.toReal && index === all.length - 1,
  }));
}

function lowerFourier(x: Tensor, y: Tensor, attrs: FourierAttrs, target: Target): readonly Dispatch[] {
  const shape = x.shape as Image;
  const complexChannels = attrs.fromReal ? shape[3] : shape[3] / 2;
  const all = passes(shape, complexChannels, attrs);
  const complexShape = [...shape.slice(0, 3), 2 * complexChannels];
  let from = x;
  return all.map((pass, index) => {
    const to = index === all.length - 1 ? y : target.scratch(complexShape);
    const dispatch = fourierPass(from, to, pass, target);
    from = to;
    return dispatch;
  });
}

/** Definition of `fourier`. */
export const fourierOp: Op<FourierAttrs> = defineOp<FourierAttrs>({
  name: "fourier",
  infer(inputs, { fromReal, toReal }): readonly TensorType[] {
    requireF32("fourier", inputs, ["x"]);
    const x = inputs[0]!;
    requireRank("fourier", "x", x, 4, "[N, H, W, C]");
    const channels = x.shape[3]!;
    const needed = "an even number of channels is needed (real and imaginary parts in turn)";
    requireFit("fourier", { x }, fromReal || channels % 2 === 0, needed);
    const complexChannels = fromReal ? channels : channels / 2;
    return [f32([...x.shape.slice(0, 3), toReal ? complexChannels : 2 * complexChannels])];
  },
  reference({ inputs, attrs: { inverse, fromReal, toReal } }, [x]): readonly Float32Array[] {
    const [images, height, width, channels] = inputs[0]!.shape as Image;
    const stride = fromReal ? 1 : 2;
    const count = x!.length / stride;
    const input = {
      re: Float64Array.from({ length: count }, (_, i) => x![i * stride]!),
      im: Float64Array.from({ length: count }, (_, i) => fromReal ? 0 : x![2 * i + 1]!),
    };
    const { re, im } = hostFourier(input, [images, height, width, channels / stride], inverse);
    if (toReal) return [Float32Array.from(re)];
    return [Float32Array.from({ length: 2 * count }, (_, i) => i % 2 === 0 ? re[i / 2]! : im[(i - 1) / 2]!)];
  },
  lower: ({ inputs, outputs, attrs }, target) => lowerFourier(inputs[0]!, outputs[0]!, attrs, target),
  // The transform is unitary, and dropping imaginary parts is the adjoint of having none.
  vjp: ({ attrs: { inverse, fromReal, toReal } }, [dy]) => [
    fourier(dy!, { inverse: !inverse, fromReal: toReal, toReal: fromReal }),
  ],
  cost: (call) => {
    const [, height, width] = call.inputs[0]!.shape as Image;
    const count = elementCount(call.inputs[0]!.shape) / (call.attrs.fromReal ? 1 : 2);
    return { flops: 5 * count * Math.max(1, Math.log2(height * width)), bytes: movedBytes(call) };
  },
  examples: [
    { inputs: [[2, 8, 12, 2]], attrs: { inverse: false, fromReal: false, toReal: false } },
    { inputs: [[1, 15, 7, 4]], attrs: { inverse: true, fromReal: false, toReal: false } },
    { inputs: [[2, 22, 13, 3]], attrs: { inverse: false, fromReal: true, toReal: false } },
    { inputs: [[1, 34, 19, 6]], attrs: { inverse: true, fromReal: false, toReal: true } },
    { inputs: [[1, 64, 48, 1]], attrs: { inverse: false, fromReal: true, toReal: true } },
    { inputs: [[3, 1, 1, 2]], attrs: { inverse: false, fromReal: false, toReal: true } },
    { inputs: [[1, 578, 1, 2]], attrs: { inverse: true, fromReal: false, toReal: false } },
  ],
});

/** How complex numbers come in and go out of a transform. */
export interface FourierOptions {
  /** Whether the exponent has the sign of the inverse; default false. */
  readonly inverse?: boolean;
  /** Whether x holds real numbers, one channel each; default false. */
  readonly fromReal?: boolean;
  /** Whether only the real parts of the result are kept, one channel each; default false. */
  readonly toReal?: boolean;
}

/**
 * The orthonormal discrete Fourier transform of every image and complex channel:
 * y[p, q] = (H W)^(-1/2) sum over h, w of x[h, w] exp(-2 pi i (h p / H + w q / W)); the inverse has +. The zero
 * frequency stands first. Any sizes; factors up to 13 are fast, larger primes p cost p steps a value.
 * @param x [N, H, W, 2 C] with real and imaginary parts in turn, or [N, H, W, C] if real; f32
 * @returns [N, H, W, 2 C], or [N, H, W, C] if real
 * @throws {TypeError} if the shape does not fit
 */
export function fourier(x: Tensor, { inverse = false, fromReal = false, toReal = false }: FourierOptions = {}): Tensor {
  return fourierOp([x], { inverse, fromReal, toReal })[0]!;
}

/** Attributes of `complexMul`. */
export interface MulAttrs {
  /** Whether the second factor is conjugated. */
  readonly conjugate: boolean;
}

/** Definition of `complexMul`. */
export const complexMulOp: Op<MulAttrs> = pointwise<MulAttrs>({
  name: "complexMul",
  inputs: ["a", "b"],
  shape([a, b]): Shape {
    const tail = a!.shape.slice(Math.max(0, a!.shape.length - b!.shape.length));
    const fits = sameShape(tail, b!.shape) && b!.shape.at(-1)! % 2 === 0;
    const needed = "b must be the trailing part of a and end in pairs of real and imaginary parts";
    requireFit("complexMul", { a, b }, fits, needed);
    return a!.shape;
  },
  kernel: ({ inputs: [a, b], attrs: { conjugate } }) => ({
    label: `complexMul${conjugate ? ".conjugate" : ""}`,
    count: elementCount(a!.shape) / 2,
    params: { period: elementCount(b!.shape) / 2 },
    body: `let k = 2u * (i % params.period);
let p = vec2f(a[2u * i], a[2u * i + 1u]);
let q = vec2f(b[k], ${conjugate ? "-" : ""}b[k + 1u]);
y[2u * i] = p.x * q.x - p.y * q.y;
y[2u * i + 1u] = p.x * q.y + p.y * q.x;`,
  }),
  software: {
    reference({ attrs: { conjugate } }, [a, b]): readonly Float32Array[] {
      const y = new Float32Array(a!.length);
      for (let i = 0; i < y.length; i += 2) {
        const k = i % b!.length;
        const [c, d] = [b![k]!, conjugate ? -b![k + 1]! : b![k + 1]!];
        y[i] = a![i]! * c - a![i + 1]! * d;
        y[i + 1] = a![i]! * d + a![i + 1]! * c;
      }
      return [y];
    },
  },
  gradient: ({ inputs: [a, b], attrs: { conjugate } }, [dy], wanted) => [
    wanted[0] ? complexMul(dy!, b!, !conjugate) : undefined,
    wanted[1] ? sumRepeats(conjugate ? complexMul(a!, dy!, true) : complexMul(dy!, a!, true), b!.shape) : undefined,
  ],
  flops: 3,
  examples: [
    { inputs: [[2, 5, 7, 6], [5, 7, 6]], attrs: { conjugate: false } },
    { inputs: [[3, 67, 2], [67, 2]], attrs: { conjugate: true } },
  ],
});

/**
 * The product of complex numbers a b, or a conj(b), where b repeats over the leading dimensions of a.
 * @param a [..., 2 C] with real and imaginary parts in turn, f32
 * @param b the trailing part of the shape of a
 * @param conjugate whether b is conjugated first; default false
 * @returns the shape of a
 * @throws {TypeError} if the shapes do not fit
 */
export function complexMul(a: Tensor, b: Tensor, conjugate = false): Tensor {
  return complexMulOp([a, b], { conjugate })[0]!;
}
