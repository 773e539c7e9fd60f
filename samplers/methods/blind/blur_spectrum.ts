/**
 * Blurs at a black border in the Fourier domain of a larger picture: with K = fft(kernel) of a kernel in the corner,
 * s = |K| and p = K/|K|, V^T x = p fft(x in the corner), and U^T Y = fft(Y) of the whole convolution Y. V V^T x = x.
 */
import { constant, counted, type HostTensor, hostTensor, type Shape, type Tensor } from "../../../engine/mod.ts";
import { complexMul, concatChannels, fourier, hostFourier, mul, separable, weightedSum } from "../../../kernels/mod.ts";
import { APPLICATIONS } from "../../../operators/mod.ts";

/** The sizes of a blur of images [H, W, C] by kernels [K, K]. */
export interface BlurFrame {
  readonly image: readonly [height: number, width: number, channels: number];
  readonly taps: number;
  /** Powers of two that hold the whole convolution. */
  readonly size: readonly [height: number, width: number];
}

/** The frame of a blur. */
export function blurFrame([height, width, channels]: Shape, taps: number): BlurFrame {
  const above = (extent: number): number => 2 ** Math.ceil(Math.log2(extent + taps - 1));
  return { image: [height!, width!, channels!], taps, size: [above(height!), above(width!)] };
}

/** A matrix [rows, columns] that puts line i of what it is given at line i + offset. */
function placing(rows: number, columns: number, offset: number): Tensor {
  const data = Float32Array.from(
    { length: rows * columns },
    (_, i) => Math.floor(i / columns) === i % columns + offset ? 1 : 0,
  );
  return constant(hostTensor(data, [rows, columns]));
}

/**
 * A picture within a black one of the frame's size.
 * @param x [N, h, w, C]
 * @param offset place of its corner
 */
export function embedded({ size: [height, width] }: BlurFrame, x: Tensor, offset = 0): Tensor {
  return separable(placing(height, x.shape[1]!, offset), x, placing(width, x.shape[2]!, offset));
}

/** The part [N, H, W, C] of a picture of the frame's size whose corner is at `offset`. */
export function cut({ image: [height, width] }: BlurFrame, x: Tensor, offset = 0): Tensor {
  return separable(placing(height, x.shape[1]!, -offset), x, placing(width, x.shape[2]!, -offset));
}

/** V^T x. */
export function toCoefficients(frame: BlurFrame, x: Tensor, phase: Tensor): Tensor {
  return spectral(x, () => complexMul(fourier(embedded(frame, x), { fromReal: true }), phase));
}

/** V c, the real part within the image. */
export function fromCoefficients(frame: BlurFrame, coefficients: Tensor, phase: Tensor): Tensor {
  return spectral(
    coefficients,
    () => cut(frame, fourier(complexMul(coefficients, phase, true), { inverse: true, toReal: true })),
  );
}

/** U^T Y of a whole convolution. */
export function measuredCoefficients(whole: Tensor): Tensor {
  return spectral(whole, () => fourier(whole, { fromReal: true }));
}

/** What `body` records, an application of a factor of the singular value decomposition to a batch. */
function spectral(batch: Tensor, body: () => Tensor): Tensor {
  return counted(APPLICATIONS.spectral, batch.shape[0]!, body);
}

/** The whole convolution of images [N, H, W, C] with a transfer function [N, Fh, Fw, 2 C]. */
export function convolved(frame: BlurFrame, x: Tensor, transfer: Tensor): Tensor {
  return counted(APPLICATIONS.forward, x.shape[0]!, () => {
    const product = complexMul(fourier(embedded(frame, x), { fromReal: true }), transfer);
    return fourier(product, { inverse: true, toReal: true });
  });
}

/** The transfer function [N, Fh, Fw, 2 C] of kernels [N, K, K, 1], inside a stage. */
export function transferOf(frame: BlurFrame, kernel: Tensor): Tensor {
  const { size: [height, width], image: [, , channels] } = frame;
  const single = weightedSum([[Math.sqrt(height * width), fourier(embedded(frame, kernel), { fromReal: true })]]);
  return Array.from({ length: channels - 1 }).reduce<Tensor>((all) => concatChannels(all, single), single);
}

/** A part of an image. */
export interface WindowPart {
  /** Its first row. */
  readonly top: number;
  /** Its first column. */
  readonly left: number;
  /** Its rows. */
  readonly height: number;
  /** Its columns. */
  readonly width: number;
}

/**
 * x with what lies within a window of the image's size at `offset` replaced.
 * @param part of the window that replaces; all of it by default
 */
export function withWindow(frame: BlurFrame, x: Tensor, window: Tensor, offset: number, part?: WindowPart): Tensor {
  const { size: [height, width], image: [h, w, channels] } = frame;
  const { top, left, ...inner } = part ?? { top: 0, left: 0, height: h, width: w };
  const isInside = (place: number, first: number, extent: number): boolean => place >= first && place < first + extent;
  const outside = Float32Array.from({ length: height * width * channels }, (_, i) => {
    const [row, column] = [Math.floor(i / (width * channels)), Math.floor(i / channels) % width];
    return isInside(row, offset + top, inner.height) && isInside(column, offset + left, inner.width) ? 0 : 1;
  });
  const [mask, rest] = [outside, outside.map((value) => 1 - value)].map((values) =>
    constant(hostTensor(values, [height, width, channels]))
  ) as [Tensor, Tensor];
  const inside = embedded(frame, window, offset);
  return weightedSum([[1, mul(x, mask)], [1, part ? mul(inside, rest) : inside]]);
}

/** What kernels are in the Fourier domain, for a batch. */
export interface BlurSpectrum {
  /** s of every frequency and part [N, Fh, Fw, 2 C]; 0 below the threshold. */
  readonly singularValues: HostTensor;
  /** K and p as factors [N, Fh, Fw, 2 C]. */
  readonly transfer: HostTensor;
  readonly phase: HostTensor;
}

/** Gains below this count as 0. */
const LEAST_GAIN = 0.05;

/** The spectrum of kernels [N, K, K]. */
export function blurSpectrum({ size: [height, width], taps, image }: BlurFrame, kernels: Float32Array): BlurSpectrum {
  const [area, channels] = [height * width, image[2]];
  const count = kernels.length / (taps * taps);
  const re = new Float64Array(count * area);
  kernels.forEach((tap, i) => {
    const [n, row, column] = [Math.floor(i / (taps * taps)), Math.floor(i / taps) % taps, i % taps];
    re[n * area + row * width + column] = tap;
  });
  const spectrum = hostFourier({ re, im: new Float64Array(re.length) }, [count, height, width, 1]);
  const scale = Math.sqrt(area);
  const gains = spectrum.re.map((value, i) => scale * Math.hypot(value, spectrum.im[i]!));
  const factors = (of: (part: number, gain: number) => number, atZero: number): HostTensor =>
    hostTensor(
      Float32Array.from({ length: 2 * channels * gains.length }, (_, i) => {
        const [place, isReal] = [Math.floor(i / (2 * channels)), i % 2 === 0];
        const gain = gains[place]!;
        if (gain === 0) return isReal ? atZero : 0;
        return of(scale * (isReal ? spectrum.re : spectrum.im)[place]!, gain);
      }),
      [count, height, width, 2 * channels],
    );
  return {
    singularValues: factors((_part, gain) => gain < LEAST_GAIN ? 0 : gain, 0),
    transfer: factors((part) => part, 0),
    phase: factors((part, gain) => part / gain, 1),
  };
}
