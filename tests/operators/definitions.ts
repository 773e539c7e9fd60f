/** Linear operators as dense matrices, written out from their definitions. */
import { introsortDescending } from "../../operators/blur/introsort.ts";
import { elementCount, type HostTensor, type Shape } from "../../engine/mod.ts";
import { decomposed, type Dense, dense, kronecker, product, solve, transposed, unit } from "./dense.ts";

/** Rows, columns and channels of an image. */
export type Sides = readonly [height: number, width: number, channels: number];

/** A map of every channel alone. */
export function everyChannel(a: Dense, channels: number): Dense {
  return kronecker(a, unit(channels));
}

/** L X R^T of every channel. */
export function separableMatrix(left: Dense, right: Dense, channels: number): Dense {
  return everyChannel(kronecker(left, right), channels);
}

/** Means of blocks of s x s pixels. */
export function blockMeans([height, width, channels]: Sides, s: number): Dense {
  const means = dense((height / s) * (width / s), height * width, (block, pixel) => {
    const [row, column] = [Math.floor(pixel / width), pixel % width];
    return Math.floor(row / s) * (width / s) + Math.floor(column / s) === block ? 1 / s ** 2 : 0;
  });
  return everyChannel(means, channels);
}

/** Means of m equal parts of n pixels: every pixel taken m times, then means of n neighbours. */
export function areaFactor(m: number, n: number): Dense {
  const data = new Float64Array(m * n);
  for (let k = 0; k < m * n; k++) data[Math.floor(k / n) * n + Math.floor(k / m)]! += 1 / n;
  return { rows: m, columns: n, data };
}

/** Keys' cubic with a = -1/2. */
function keys(distance: number): number {
  const [u, a] = [Math.abs(distance), -0.5];
  if (u <= 1) return (a + 2) * u ** 3 - (a + 3) * u ** 2 + 1;
  return u < 2 ? a * u ** 3 - 5 * a * u ** 2 + 8 * a * u - 4 * a : 0;
}

/**
 * Antialiased bicubic reduction of n pixels, the edge pixel repeated in the mirror: 4 s taps around floor(s/2) + r s, or
 * 4 s - 1 where s is odd, the middle one on that pixel.
 */
export function bicubicFactor(n: number, s: number): Dense {
  const isOdd = s % 2 === 1;
  const first = isOdd ? 2 * s - 1 : 2 * s;
  const taps = Array.from({ length: isOdd ? 4 * s - 1 : 4 * s }, (_, i) => keys((i - first + (isOdd ? 0 : 0.5)) / s));
  const sum = taps.reduce((a, b) => a + b, 0);
  const data = new Float64Array(n / s * n);
  for (let row = 0; row < n / s; row++) {
    const middle = Math.floor(s / 2) + row * s;
    taps.forEach((tap, i) => {
      const j = middle - first + i;
      const column = j < 0 ? -j - 1 : j >= n ? n - 1 - (j - n) : j;
      data[row * n + column]! += tap / sum;
    });
  }
  return { rows: n / s, columns: n, data };
}

/** Samples of exp(-k^2 / (2 sigma^2)) of sum 1. */
export function bell(taps: number, sigma: number): number[] {
  const values = Array.from({ length: taps }, (_, k) => Math.exp(-((k - (taps - 1) / 2) ** 2) / (2 * sigma * sigma)));
  return values.map((value) => value / values.reduce((a, b) => a + b, 0));
}

/** A blur of n pixels with all taps, centred; the picture is mirrored with the edge pixel repeated. */
export function mirroredBlur(n: number, taps: readonly number[]): Dense {
  const data = new Float64Array(n * n);
  for (let row = 0; row < n; row++) {
    taps.forEach((tap, k) => {
      let column = row + k - (taps.length - 1) / 2;
      while (column < 0 || column >= n) column = column < 0 ? -column - 1 : 2 * n - 1 - column;
      data[row * n + column]! += tap;
    });
  }
  return { rows: n, columns: n, data };
}

/** A blur of n pixels with all taps, centred; the picture goes on at its other side. */
export function wrappedBlur(n: number, taps: readonly number[]): Dense {
  const data = new Float64Array(n * n);
  for (let row = 0; row < n; row++) {
    taps.forEach((tap, k) => data[row * n + wrapped(row + k - (taps.length - 1) / 2, n)]! += tap);
  }
  return { rows: n, columns: n, data };
}

/** The published blur of n pixels: columns i - floor(K/2) to i + floor(K/2) - 1, zeros outside. */
export function publishedFactor(n: number, taps: readonly number[]): Dense {
  const half = Math.floor(taps.length / 2);
  return dense(n, n, (i, j) => j >= i - half && j <= i + half - 1 ? taps[j - i + half]! : 0);
}

/**
 * The published separable blur with its mistaken pairing: the products of singular values, sorted to d_0, d_1, ..., are
 * tiled over the channels, so the coefficient at sorted place p in channel c is scaled by d[(C p + c) mod N]. Products are
 * sorted in single precision, equal ones as std::sort leaves them (`introsort_test.ts` compares with the real one).
 * @param inverse whether A^+ is wanted
 */
export function tiledBlur(left: Dense, right: Dense, channels: number, threshold: number, inverse = false): Dense {
  const [l, r] = [sorted(left), sorted(right)];
  const kept = (s: number): number => s < threshold ? 0 : s;
  const count = l.s.length * r.s.length;
  const pairs = Array.from({ length: count }, (_, i) => {
    return [kept(l.s[Math.floor(i / r.s.length)]!), kept(r.s[i % r.s.length]!)] as const;
  });
  const values = pairs.map(([one, other]) => one * other);
  const order = introsortDescending(pairs.map(([one, other]) => Math.fround(Math.fround(one) * Math.fround(other))));
  const gains = new Float64Array(count * channels);
  order.forEach((position, place) => {
    for (let c = 0; c < channels; c++) gains[position * channels + c] = values[order[(channels * place + c) % count]!]!;
  });
  const u = everyChannel(kronecker(l.u, r.u), channels);
  const v = everyChannel(kronecker(l.v, r.v), channels);
  const [from, to] = inverse ? [u, v] : [v, u];
  const weight = (gain: number): number => inverse ? (gain === 0 ? 0 : 1 / gain) : gain;
  return product(
    dense(to.rows, to.columns, (i, k) => to.data[i * to.columns + k]! * weight(gains[k]!)),
    transposed(from),
  );
}

function sorted(a: Dense): { readonly u: Dense; readonly s: number[]; readonly v: Dense } {
  const { u, s, v } = decomposed(a);
  const order = Array.from(s.keys()).sort((i, j) => s[j]! - s[i]!);
  const picked = (m: Dense): Dense => dense(m.rows, m.columns, (i, k) => m.data[i * m.columns + order[k]!]!);
  return { u: picked(u), s: order.map((k) => s[k]!), v: picked(v) };
}

/** A picture convolved with a kernel whose middle is (floor(h/2), floor(w/2)); `at` finds pixels that lie outside. */
export function convolution(
  [height, width]: readonly [number, number],
  psf: HostTensor,
  at: (place: number, extent: number) => number,
): Dense {
  const [rows, columns] = psf.shape as [number, number];
  const data = new Float64Array((height * width) ** 2);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      psf.data.forEach((tap, t) => {
        const from = at(y - Math.floor(t / columns) + Math.floor(rows / 2), height);
        const across = at(x - t % columns + Math.floor(columns / 2), width);
        data[(y * width + x) * height * width + from * width + across]! += tap;
      });
    }
  }
  return { rows: height * width, columns: height * width, data };
}

/** A picture that repeats without end. */
export function wrapped(place: number, extent: number): number {
  return ((place % extent) + extent) % extent;
}

/** A picture that is mirrored again and again, its edge pixels not repeated. */
export function mirrored(place: number, extent: number): number {
  let k = place;
  while (k < 0 || k >= extent) k = k < 0 ? -k : 2 * (extent - 1) - k;
  return k;
}

/** Every s-th pixel, from (0, 0) on. */
export function everySth([height, width]: readonly [number, number], s: number): Dense {
  return dense((height / s) * (width / s), height * width, (i, pixel) => {
    return pixel === Math.floor(i / (width / s)) * s * width + (i % (width / s)) * s ? 1 : 0;
  });
}

/** Known pixels: mask [H, W] for all channels, or [H, W, C]. */
export function knownPixels(shape: Shape, mask: ArrayLike<number>): Dense {
  const count = elementCount(shape);
  const repeats = count / mask.length;
  return dense(count, count, (i, j) => i === j ? mask[Math.floor(i / repeats)]! : 0);
}

/** One weighted mean of the channels for every pixel. */
export function weightedChannels([height, width]: Sides, weights: readonly number[]): Dense {
  return kronecker(unit(height * width), { rows: 1, columns: weights.length, data: Float64Array.from(weights) });
}

/** The orthonormal Walsh-Hadamard transform in natural order, of which some coefficients are kept. */
export function hadamardMatrix(n: number, kept: ReadonlySet<number>): Dense {
  const ones = (bits: number): number => bits === 0 ? 0 : (bits & 1) + ones(bits >>> 1);
  return dense(n, n, (p, q) => kept.has(p) ? (ones(p & q) % 2 === 0 ? 1 : -1) / Math.sqrt(n) : 0);
}

/**
 * Rows of a Gaussian matrix [m, n] made orthonormal, each against those before: L^-1 G with the Cholesky factor L of
 * G G^T.
 */
export function orthonormalRows(m: number, n: number, normal: () => number): Dense {
  const g = dense(m, n, normal);
  const gram = product(g, transposed(g));
  const l = new Float64Array(m * m);
  const q = Float64Array.from(g.data);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = gram.data[i * m + j]!;
      for (let k = 0; k < j; k++) sum -= l[i * m + k]! * l[j * m + k]!;
      l[i * m + j] = i === j ? Math.sqrt(sum) : sum / l[j * m + j]!;
    }
    for (let c = 0; c < n; c++) {
      let sum = g.data[i * n + c]!;
      for (let k = 0; k < i; k++) sum -= l[i * m + k]! * q[k * n + c]!;
      q[i * n + c] = sum / l[i * m + i]!;
    }
  }
  return { rows: m, columns: n, data: q };
}

/** Every block of b x b pixels times rows [m, b^2]; measurements [H/b, W/b, C m]. */
export function blockProducts([height, width, channels]: Sides, b: number, rows: Dense): Dense {
  const [across, m] = [width / b, rows.rows];
  return dense((height / b) * across * channels * m, height * width * channels, (i, j) => {
    const [block, channel, row] = [Math.floor(i / (channels * m)), Math.floor(i / m) % channels, i % m];
    const [y, x] = [Math.floor(j / (width * channels)), Math.floor(j / channels) % width];
    if (j % channels !== channel || Math.floor(y / b) * across + Math.floor(x / b) !== block) return 0;
    return rows.data[row * b * b + (y % b) * b + x % b]!;
  });
}

/**
 * Magnetic resonance imaging: m F(S_k x) with the centred orthonormal Fourier transform, real and imaginary parts in turn.
 * @param maps sensitivities [H, W, 2 K]
 */
export function resonance(
  [height, width]: readonly [number, number],
  mask: ArrayLike<number>,
  maps: ArrayLike<number>,
): Dense {
  const count = height * width;
  const coils = maps.length / (2 * count);
  return dense(count * 2 * coils, count * 2, (i, j) => {
    const [frequency, coil] = [Math.floor(i / (2 * coils)), Math.floor(i / 2) % coils];
    if (mask[frequency] === 0) return 0;
    const pixel = Math.floor(j / 2);
    const [p, q] = [Math.floor(frequency / width) - Math.floor(height / 2), frequency % width - Math.floor(width / 2)];
    const [y, x] = [Math.floor(pixel / width) - Math.floor(height / 2), pixel % width - Math.floor(width / 2)];
    const angle = -2 * Math.PI * (p * y / height + q * x / width);
    const [a, b] = [maps[(pixel * coils + coil) * 2]!, maps[(pixel * coils + coil) * 2 + 1]!];
    const [re, im] = [Math.cos(angle), Math.sin(angle)].map((value) => value / Math.sqrt(count)) as [number, number];
    const [cosine, sine] = [re * a - im * b, re * b + im * a];
    if (i % 2 === j % 2) return cosine;
    return i % 2 === 1 ? sine : -sine;
  });
}

/** The real part of a complex image is the mean of the channels, the imaginary part 0. */
export function realMean([height, width, channels]: Sides): Dense {
  const mean = dense(2, channels, (part) => part === 0 ? 1 / channels : 0);
  return kronecker(unit(height * width), mean);
}

/**
 * Parallel rays: view k looks under the angle k arc / views, 0 along the width; a pixel counts for the two bins next to
 * where its centre falls, in linear shares. Bins are one pixel wide, the middle of the picture falls on their middle.
 */
export function rays([height, width]: readonly [number, number], views: number, arc: number): Dense {
  const bins = Math.ceil(Math.sqrt(height ** 2 + width ** 2)) + 2;
  return dense(views * bins, height * width, (i, pixel) => {
    const angle = (Math.floor(i / bins) / views) * arc * Math.PI / 180;
    const [y, x] = [Math.floor(pixel / width) - (height - 1) / 2, pixel % width - (width - 1) / 2];
    const place = x * Math.cos(angle) + y * Math.sin(angle);
    return Math.max(0, 1 - Math.abs(i % bins - (bins - 1) / 2 - place));
  });
}

/** Filtered back-projection: arc / views times the back-projection of projections under the Ram-Lak filter. */
export function filteredBackProjection(a: Dense, views: number, arc: number): Dense {
  const bins = a.rows / views;
  const ramp = dense(bins, bins, (i, j) => {
    if (i === j) return 1 / 4;
    return (i - j) % 2 === 0 ? 0 : -1 / (Math.PI * (i - j)) ** 2;
  });
  const step = arc / views * Math.PI / 180;
  const { rows, columns, data } = product(transposed(a), kronecker(unit(views), ramp));
  return { rows, columns, data: data.map((value) => step * value) };
}

/** One colour plane of a JPEG file: 64 steps, and the pixels that are one sample. */
export interface Plane {
  readonly steps: ArrayLike<number>;
  readonly reduction: readonly [rows: number, columns: number];
}

/** Luminance and both chrominances of red, green and blue (ITU-T T.871). */
const YCBCR = [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]] as const;

/**
 * sigma^2 M^T C^-1 M with C = sigma^2 M M^T + r diag(q^2 / 12): M x are the cosine coefficients of blocks of 8 x 8 means that
 * a JPEG file stores of a picture in [-1, 1], rounded to steps of q levels. Times pictures x, by default every one.
 */
export function storedPrecision(
  [height, width, channels]: Sides,
  planes: readonly Plane[],
  { sigma, rounding }: { readonly sigma: number; readonly rounding: number },
  x = unit(height * width * channels),
): Dense {
  const wave = (u: number, x: number): number =>
    Math.cos((2 * x + 1) * u * Math.PI / 16) * (u === 0 ? Math.SQRT1_2 : 1) / 2;
  const steps: number[] = [];
  const rows = planes.flatMap(({ steps: table, reduction: [down, across] }, c) =>
    Array.from({ length: height * width / (down * across) }, (_, i) => {
      const [block, v, u] = [Math.floor(i / 64), Math.floor(i / 8) % 8, i % 8];
      const perRow = width / (8 * across);
      steps.push(table[8 * v + u]!);
      return Array.from({ length: height * width * channels }, (_, j) => {
        const [y, x] = [Math.floor(j / (width * channels)), Math.floor(j / channels) % width];
        const [p, q] = [Math.floor(y / down), Math.floor(x / across)];
        if (Math.floor(p / 8) * perRow + Math.floor(q / 8) !== block) return 0;
        return (channels === 1 ? 1 : YCBCR[c]![j % channels]!) * wave(v, p % 8) * wave(u, q % 8) / (down * across);
      });
    })
  );
  const m = { rows: rows.length, columns: height * width * channels, data: Float64Array.from(rows.flat()) };
  const gram = product(m, transposed(m));
  const covariance = dense(
    m.rows,
    m.rows,
    (i, j) => sigma ** 2 * gram.data[i * m.rows + j]! + (i === j ? rounding * (steps[i]! / 127.5) ** 2 / 12 : 0),
  );
  const solved = product(transposed(m), solve(covariance, product(m, x)));
  return { ...solved, data: solved.data.map((value) => sigma ** 2 * value) };
}
