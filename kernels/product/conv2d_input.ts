/**
 * What a convolution reads: one image, or two side by side in their channels, normalised, activated and resampled on
 * the way. A kernel either does all of it while loading (`InputLoad`), or reads what `materialised` has written.
 */
import { type Dispatch, type Shape, type Target, type Tensor, type TensorType } from "../../engine/mod.ts";
import { SILU_WGSL, siluOf } from "../pointwise/activations.ts";
import { elementwise, type KernelSource } from "../text/wgsl.ts";

/**
 * Whether an image is read as it is, with every pixel as a block of 2 x 2, or as the means of blocks of 2 x 2. The last
 * row or column of an odd side is in no block and left out.
 */
export type Resample = "none" | "up" | "down";

/** What a convolution reads where that is no plain tensor: see the fields, which apply in this order. */
export interface ImageInput {
  /** [N, H, W, C_k]: one image, or two whose channels follow each other. */
  readonly parts: readonly Tensor[];
  /** [3, N, C]: origin o and factors a, b of each channel, which becomes (x - o) a + b; see `groupNormFactors`. */
  readonly factors?: Tensor | undefined;
  /** Whether SiLU follows. */
  readonly silu?: boolean;
  /** `up` makes each pixel a block of 2 x 2, `down` takes the means of blocks of 2 x 2; none by default. */
  readonly resample?: Resample;
}

/** Shape of an image that is resampled. */
export function resampledShape([images = 1, height = 1, width = 1, channels = 1]: Shape, resample: Resample): Shape {
  if (resample === "up") return [images, 2 * height, 2 * width, channels];
  const half = (side: number): number => Math.floor(side / 2);
  return resample === "down" ? [images, half(height), half(width), channels] : [images, height, width, channels];
}

/** Shape of images whose channels follow each other. */
export function joinedShape(parts: readonly TensorType[]): Shape {
  return [...parts[0]!.shape.slice(0, 3), parts.reduce((sum, { shape }) => sum + shape[3]!, 0)];
}

/** Shape of the image that the convolution sees. */
export function inputShape({ parts, resample = "none" }: ImageInput): Shape {
  return resampledShape(joinedShape(parts), resample);
}

/** Whether the convolution sees a tensor as it is. */
export function isPlain({ parts, factors, silu, resample = "none" }: ImageInput): boolean {
  return parts.length === 1 && !factors && !silu && resample === "none";
}

/** The image that the convolution sees, on the CPU. */
export function inputValues(
  input: ImageInput,
  parts: readonly Float32Array[],
  factors: Float32Array | undefined,
): Float32Array {
  if (isPlain(input)) return parts[0]!;
  const shape = joinedShape(input.parts);
  const [images = 1, height = 1, width = 1, channels = 1] = shape;
  const joined = new Float32Array(images * height * width * channels);
  for (let i = 0; i < joined.length; i++) {
    const c = i % channels;
    const pixel = Math.floor(i / channels);
    const firstWidth = input.parts[0]!.shape[3]!;
    const value = c < firstWidth
      ? parts[0]![pixel * firstWidth + c]!
      : parts[1]![pixel * (channels - firstWidth) + c - firstWidth]!;
    const at = Math.floor(pixel / (height * width)) * channels + c;
    const plane = images * channels;
    const normalised = factors ? (value - factors[at]!) * factors[plane + at]! + factors[2 * plane + at]! : value;
    joined[i] = input.silu ? siluOf(normalised) : normalised;
  }
  return resampledValues(joined, shape, input.resample ?? "none");
}

/** An image resampled on the CPU. */
export function resampledValues(x: Float32Array, shape: Shape, resample: Resample): Float32Array {
  if (resample === "none") return x;
  const [, height = 1, width = 1, channels = 1] = shape;
  const [images = 1, outHeight = 1, outWidth = 1] = resampledShape(shape, resample);
  const y = new Float32Array(images * outHeight * outWidth * channels);
  const read = (image: number, row: number, column: number, c: number): number =>
    x[((image * height + row) * width + column) * channels + c]!;
  for (let i = 0; i < y.length; i++) {
    const c = i % channels;
    const column = Math.floor(i / channels) % outWidth;
    const row = Math.floor(i / (channels * outWidth)) % outHeight;
    const image = Math.floor(i / (channels * outWidth * outHeight));
    y[i] = resample === "up"
      ? read(image, row >> 1, column >> 1, c)
      : (read(image, 2 * row, 2 * column, c) + read(image, 2 * row, 2 * column + 1, c) +
        read(image, 2 * row + 1, 2 * column, c) + read(image, 2 * row + 1, 2 * column + 1, c)) / 4;
  }
  return y;
}

/** One part of an input as a kernel loads it, with the place of its first channel among those of the input. */
export interface InputLoad {
  readonly x: Tensor;
  readonly firstChannel: number;
  /** Suffix of the kernel's name, such as `.norm.silu`. */
  readonly suffix: string;
  readonly read: KernelSource["read"];
  /** `channels` of the part, `firstChannel`, and `allChannels` of the input. */
  readonly params: Readonly<Record<string, number>>;
  readonly declarations: string;
  /** Lines that load the factors of `channel` (of the part) of image `item`; to be put outside all loops over pixels. */
  readonly begin: string;
  /** Expression of the value that an element of the part becomes. */
  readonly value: (element: string) => string;
}

/** The loads of each part of an input. */
export function inputLoads({ parts, factors, silu }: ImageInput): readonly InputLoad[] {
  const [images = 1, , , allChannels = 1] = joinedShape(parts);
  let firstChannel = 0;
  return parts.map((x) => {
    const [, , , channels = 1] = x.shape;
    const own = firstChannel;
    firstChannel += channels;
    return {
      x,
      firstChannel: own,
      suffix: `${factors ? ".norm" : ""}${silu ? ".silu" : ""}`,
      read: { x, ...(factors ? { factors } : {}) },
      params: { channels, firstChannel: own, ...(factors ? { factorPitch: allChannels, images } : {}) },
      declarations: silu ? SILU_WGSL : "",
      begin: factors
        ? `let factorAt = item * params.factorPitch + min(params.firstChannel + channel, params.factorPitch - 1u);
let origin = factors[factorAt];
let factorA = factors[params.images * params.factorPitch + factorAt];
let factorB = factors[2u * params.images * params.factorPitch + factorAt];`
        : "",
      value: (element) => {
        const normalised = factors ? `fma(${element} - origin, factorA, factorB)` : element;
        return silu ? `silu(${normalised})` : normalised;
      },
    };
  });
}

/** Pixels along a row that one invocation writes: factors are loaded and divisions paid once for all of them. */
const STRIP = 4;

/**
 * Writes the image that a convolution sees, one dispatch for each part. Mapping: an invocation takes one channel of 4
 * neighbouring pixels of the result; neighbouring invocations take neighbouring channels.
 * @param out [N, H', W', C], written
 */
export function materialised(input: ImageInput, out: Tensor, target: Target): readonly Dispatch[] {
  const { resample = "none" } = input;
  const [images = 1, height = 1, width = 1, pitch = 1] = out.shape;
  const across = Math.ceil(width / STRIP);
  return inputLoads(input).map(({ x, read, params, suffix, declarations, begin, value }) => {
    const [, inHeight = 1, inWidth = 1, channels = 1] = x.shape;
    const element = (row: string, column: string): string =>
      value(`x[((item * params.inHeight + ${row}) * params.inWidth + ${column}) * params.channels + channel]`);
    const values: Readonly<Record<Resample, string>> = {
      none: element("row", "column"),
      up: element("row / 2u", "column / 2u"),
      down: `0.25 * ((${element("2u * row", "2u * column")} + ${element("2u * row", "2u * column + 1u")}) + ` +
        `(${element("2u * row + 1u", "2u * column")} + ${element("2u * row + 1u", "2u * column + 1u")}))`,
    };
    return elementwise(`conv2d.input${suffix}${resample === "none" ? "" : `.${resample}`}`, target, {
      read,
      write: { y: out },
      count: images * height * across * channels,
      params: { ...params, height, width, pitch, inHeight, inWidth, across },
      declarations,
      body: `let strip = i / params.channels;
let channel = i - strip * params.channels;
let line = strip / params.across;
let item = line / params.height;
let row = line - item * params.height;
let first = (strip - line * params.across) * ${STRIP}u;
${begin}
for (var column = first; column < min(first + ${STRIP}u, params.width); column += 1u) {
  y[(line * params.width + column) * params.pitch + params.firstChannel + channel] = ${values[resample]};
}`,
    });
  });
}
