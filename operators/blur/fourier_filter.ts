/** Circular convolution by products with a transfer function. */
import { constant, type HostTensor, type Tensor } from "../../engine/mod.ts";
import { type ComplexArray, complexMul, fourier, hostFourier, linear } from "../../kernels/mod.ts";
import { pixelValues } from "../layout.ts";
import { matrix, matrixTensor } from "../matrix.ts";

/** Checks a kernel [h, w] of finite numbers that are not all 0. */
export function checkKernel(name: string, kernel: HostTensor): void {
  const size = kernel.shape.length === 2 && kernel.dtype === "f32";
  if (size && kernel.data.every((tap) => Number.isFinite(tap)) && kernel.data.some((tap) => tap !== 0)) return;
  throw new RangeError(
    `Cannot build operator "${name}": the kernel is ${kernel.dtype} with shape ${kernel.shape.join(" x ")}, finite ` +
      `taps [height, width] that are not all 0 are needed; use a Gaussian`,
  );
}

/**
 * The transfer function of a kernel: h[p, q] = sum over a, b of k[a, b] exp(-2 pi i ((a - a0) p / H + (b - b0) q / W))
 * with the middle (a0, b0) = (floor(h / 2), floor(w / 2)); taps beyond the picture wrap around. Opposite frequencies are
 * exactly conjugate.
 * @param kernel [h, w]
 * @returns [height, width]
 */
export function transferFunction(kernel: HostTensor, height: number, width: number): ComplexArray {
  const [rows, columns] = kernel.shape as [number, number];
  const [middleRow, middleColumn] = [Math.floor(rows / 2), Math.floor(columns / 2)];
  const wrap = (place: number, extent: number): number => ((place % extent) + extent) % extent;
  const re = new Float64Array(height * width);
  kernel.data.forEach((tap, i) => {
    const row = wrap(Math.floor(i / columns) - middleRow, height);
    re[row * width + wrap(i % columns - middleColumn, width)]! += tap;
  });
  const spectrum = hostFourier({ re, im: new Float64Array(re.length) }, [1, height, width, 1]);
  const scale = Math.sqrt(height * width);
  const result = { re: spectrum.re.map((value) => value * scale), im: spectrum.im.map((value) => value * scale) };
  for (let i = 0; i < result.re.length; i++) {
    const opposite = wrap(-Math.floor(i / width), height) * width + wrap(-(i % width), width);
    if (opposite < i) {
      result.re[i] = result.re[opposite]!;
      result.im[i] = -result.im[opposite]!;
    } else if (opposite === i) {
      result.im[i] = 0;
    }
  }
  return result;
}

/** |h|, and 0 where it is below a threshold. */
export function magnitudes({ re, im }: ComplexArray, threshold: number): Float64Array {
  return re.map((value, i) => {
    const size = Math.hypot(value, im[i]!);
    return size < threshold ? 0 : size;
  });
}

/** h times a real function of |h|, such as 1 / |h|^2; 0 where |h| is 0. */
export function weighted(
  { re, im }: ComplexArray,
  sizes: Float64Array,
  weight: (size: number) => number,
): ComplexArray {
  const factors = sizes.map((size) => size === 0 ? 0 : weight(size));
  return { re: re.map((value, i) => value * factors[i]!), im: im.map((value, i) => value * factors[i]!) };
}

/** A transfer function [H, W] as factors [H, W, 2 C], the same for every channel. */
export function factorTensor({ re, im }: ComplexArray, [height, width, channels]: readonly number[]): HostTensor {
  return pixelValues([height!, width!, 2 * channels!], (row, column, part) => {
    return (part % 2 === 0 ? re : im)[row * width! + column]!;
  });
}

/**
 * Images filtered by a transfer function, or by its conjugate, which is the adjoint.
 * @param x [N, H, W, C]
 * @param factors [H, W, 2 C]
 */
export function filtered(x: Tensor, factors: HostTensor, conjugate = false): Tensor {
  const spectrum = complexMul(fourier(x, { fromReal: true }), constant(factors), conjugate);
  return fourier(spectrum, { inverse: true, toReal: true });
}

/**
 * The orthonormal Hartley transform of every image and channel, the real part of the Fourier transform less the
 * imaginary one. It is real, symmetric and its own inverse.
 * @param x [N, H, W, C]
 */
export function hartley(x: Tensor): Tensor {
  const channels = x.shape[3]!;
  const difference = matrix(2 * channels, channels, (row, column) => {
    if (Math.floor(row / 2) !== column) return 0;
    return row % 2 === 0 ? 1 : -1;
  });
  return linear(fourier(x, { fromReal: true }), constant(matrixTensor(difference)));
}

/** Values of frequencies [H, W] as a tensor [H, W, C], the same for every channel. */
export function perChannel(values: Float64Array, shape: readonly number[]): HostTensor {
  return pixelValues(shape, (row, column) => values[row * shape[1]! + column]!);
}
