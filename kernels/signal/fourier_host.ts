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

/** The factor that is split off a length next: 4 costs least, as its roots are 1, -i, -1 and i. */
function nextFactor(n: number): number {
  return n % 4 === 0 ? 4 : smallestFactor(n);
}

/**
 * The unscaled transforms of `inner` interleaved lines, by Stockham's order of passes: each splits a factor off and leaves
 * the values sorted, so that the innermost loop runs over neighbours.
 * @param line [extent, inner]; it is overwritten
 * @param spare as large
 * @param table `roots` of the extent
 * @returns `line` or `spare`, whichever has the transforms
 */
function transform(line: ComplexArray, spare: ComplexArray, inner: number, table: ComplexArray): ComplexArray {
  let [from, to] = [line, spare];
  let stride = inner;
  for (let left = table.re.length; left > 1;) {
    const p = nextFactor(left);
    left /= p;
    if (p === 4) passOfFour(from, to, { part: left, stride, turn: stride / inner }, table);
    else passOf(p, from, to, { part: left, stride, turn: stride / inner }, table);
    stride *= p;
    [from, to] = [to, from];
  }
  return from;
}

/** Where the values of a pass lie. */
interface Pass {
  /** Length of what is left after it. */
  readonly part: number;
  /** Values from one of a line to the next. */
  readonly stride: number;
  /** Product of the factors before. */
  readonly turn: number;
}

/** to[q p + k] = sum over j of from[q + j part] exp(-2 pi i k (q / (p part) + j / p)), for `stride` neighbours at once. */
function passOf(
  p: number,
  from: ComplexArray,
  to: ComplexArray,
  { part, stride, turn }: Pass,
  table: ComplexArray,
): void {
  const extent = table.re.length;
  for (let q = 0; q < part; q++) {
    for (let k = 0; k < p; k++) {
      const out = (q * p + k) * stride;
      to.re.fill(0, out, out + stride);
      to.im.fill(0, out, out + stride);
      for (let j = 0; j < p; j++) {
        const root = (k * (q * turn + j * (extent / p))) % extent;
        const [c, d] = [table.re[root]!, table.im[root]!];
        const at = (q + j * part) * stride;
        for (let r = 0; r < stride; r++) {
          const [a, b] = [from.re[at + r]!, from.im[at + r]!];
          to.re[out + r]! += a * c - b * d;
          to.im[out + r]! += a * d + b * c;
        }
      }
    }
  }
}

/** The same for p = 4. */
function passOfFour(
  { re, im }: ComplexArray,
  to: ComplexArray,
  { part, stride, turn }: Pass,
  table: ComplexArray,
): void {
  const step = part * stride;
  for (let q = 0; q < part; q++) {
    const [w1, w2, w3] = [q * turn, 2 * q * turn, 3 * q * turn];
    const [c1, d1, c2, d2] = [table.re[w1]!, table.im[w1]!, table.re[w2]!, table.im[w2]!];
    const [c3, d3] = [table.re[w3]!, table.im[w3]!];
    const out = 4 * q * stride;
    for (let r = 0; r < stride; r++) {
      const at = q * stride + r;
      const sumRe = re[at]! + re[at + 2 * step]!;
      const sumIm = im[at]! + im[at + 2 * step]!;
      const apartRe = re[at]! - re[at + 2 * step]!;
      const apartIm = im[at]! - im[at + 2 * step]!;
      const otherRe = re[at + step]! + re[at + 3 * step]!;
      const otherIm = im[at + step]! + im[at + 3 * step]!;
      // -i times the difference of the other two.
      const turnedRe = im[at + step]! - im[at + 3 * step]!;
      const turnedIm = re[at + 3 * step]! - re[at + step]!;
      const [a1, b1] = [apartRe + turnedRe, apartIm + turnedIm];
      const [a2, b2] = [sumRe - otherRe, sumIm - otherIm];
      const [a3, b3] = [apartRe - turnedRe, apartIm - turnedIm];
      to.re[out + r] = sumRe + otherRe;
      to.im[out + r] = sumIm + otherIm;
      to.re[out + stride + r] = a1 * c1 - b1 * d1;
      to.im[out + stride + r] = a1 * d1 + b1 * c1;
      to.re[out + 2 * stride + r] = a2 * c2 - b2 * d2;
      to.im[out + 2 * stride + r] = a2 * d2 + b2 * c2;
      to.re[out + 3 * stride + r] = a3 * c3 - b3 * d3;
      to.im[out + 3 * stride + r] = a3 * d3 + b3 * c3;
    }
  }
}

/** Replaces the lines along one axis by their orthonormal transforms. */
function alongAxis(x: ComplexArray, outer: number, extent: number, inner: number, inverse: boolean): void {
  const table = roots(extent);
  const scale = 1 / Math.sqrt(extent);
  const sign = inverse ? -1 : 1;
  const count = extent * inner;
  const empty = (): ComplexArray => ({ re: new Float64Array(count), im: new Float64Array(count) });
  const [line, spare] = [empty(), empty()];
  for (let start = 0; start < outer * count; start += count) {
    for (let i = 0; i < count; i++) {
      line.re[i] = x.re[start + i]!;
      line.im[i] = sign * x.im[start + i]!;
    }
    const result = transform(line, spare, inner, table);
    for (let i = 0; i < count; i++) {
      x.re[start + i] = result.re[i]! * scale;
      x.im[start + i] = sign * result.im[i]! * scale;
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
