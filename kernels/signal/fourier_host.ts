/** The discrete Fourier transform in f64 on the host: for transfer functions, and as reference of the kernels. */

/** Complex numbers, real and imaginary parts apart. */
export interface ComplexArray {
  /** Real parts. */
  readonly re: Float64Array;
  /** Imaginary parts, as many. */
  readonly im: Float64Array;
}

/** The smallest prime factor of n, n itself if it is prime. */
export function smallestFactor(n: number): number {
  for (let p = 2; p * p <= n; p++) if (n % p === 0) return p;
  return n;
}

/** exp(-2 pi i k / n) for k = 0, ..., n - 1. */
function roots(n: number): ComplexArray {
  const angle = (k: number): number => (-2 * Math.PI * k) / n;
  return {
    re: Float64Array.from({ length: n }, (_, k) => Math.cos(angle(k))),
    im: Float64Array.from({ length: n }, (_, k) => Math.sin(angle(k))),
  };
}

/** The unscaled transform of `count` values from `start` on, `stride` apart; `table` holds roots of 1 of a multiple. */
function transform(x: ComplexArray, start: number, stride: number, count: number, table: ComplexArray): ComplexArray {
  if (count === 1) return { re: Float64Array.of(x.re[start]!), im: Float64Array.of(x.im[start]!) };
  const p = smallestFactor(count);
  const part = count / p;
  const step = table.re.length / count;
  const parts = Array.from({ length: p }, (_, s) => transform(x, start + s * stride, stride * p, part, table));
  const re = new Float64Array(count);
  const im = new Float64Array(count);
  for (let t = 0; t < count; t++) {
    for (let s = 0; s < p; s++) {
      const at = ((s * t) % count) * step;
      const [a, b] = [parts[s]!.re[t % part]!, parts[s]!.im[t % part]!];
      const [c, d] = [table.re[at]!, table.im[at]!];
      re[t]! += a * c - b * d;
      im[t]! += a * d + b * c;
    }
  }
  return { re, im };
}

/** Replaces the lines along one axis by their orthonormal transforms. */
function alongAxis(x: ComplexArray, outer: number, extent: number, inner: number, inverse: boolean): void {
  const table = roots(extent);
  const scale = 1 / Math.sqrt(extent);
  const sign = inverse ? -1 : 1;
  const line = { re: new Float64Array(extent), im: new Float64Array(extent) };
  for (let o = 0; o < outer; o++) {
    for (let j = 0; j < inner; j++) {
      for (let k = 0; k < extent; k++) {
        const at = (o * extent + k) * inner + j;
        line.re[k] = x.re[at]!;
        line.im[k] = sign * x.im[at]!;
      }
      const result = transform(line, 0, 1, extent, table);
      for (let k = 0; k < extent; k++) {
        const at = (o * extent + k) * inner + j;
        x.re[at] = result.re[k]! * scale;
        x.im[at] = sign * result.im[k]! * scale;
      }
    }
  }
}

/**
 * The orthonormal 2-D transform (H W)^(-1/2) sum of x[h, w] exp(-2 pi i (h p / H + w q / W)), or its inverse, in f64.
 * @param x [N, H, W, C]; it is left as it is
 * @param shape N, H, W and C
 * @param inverse whether the exponent has the other sign
 */
export function hostFourier(
  x: ComplexArray,
  [images, height, width, channels]: readonly [number, number, number, number],
  inverse = false,
): ComplexArray {
  const result = { re: x.re.slice(), im: x.im.slice() };
  alongAxis(result, images * height, width, channels, inverse);
  alongAxis(result, images, height, width * channels, inverse);
  return result;
}
