/**
 * The second implementation of the samplers with gradients, splittings and noised measurements: what they share, in f64
 * on plain arrays of one image at a time, written from the published formulas. Nothing here comes from `samplers/`.
 */
import { randomValues } from "../../support/random.ts";

/** An image [8, 12, 3], a measurement or any other vector. */
export type Vector = readonly number[];

/** [height, width, channels] of all images here: not square, so that the sides cannot be confused. */
export const SHAPE = [8, 12, 3] as const;

const [HEIGHT, WIDTH] = SHAPE;

/** Numbers of one image. */
export const SIZE = HEIGHT * WIDTH * 3;

/** Training timesteps of the schedule here; not the published 1000, which nothing may take for granted. */
export const TIMESTEPS = 200;

/** beta evenly from 1e-3 to 0.03: alphaBar falls to 0.044, so that single precision suffices at the noisiest level. */
export const BETAS: Vector = Array.from({ length: TIMESTEPS }, (_, t) => 1e-3 + (0.029 * t) / (TIMESTEPS - 1));

/** alphaBar_t, the product of 1 - beta up to t. */
export const ALPHA_BAR: Vector = BETAS.map((_, t) =>
  BETAS.slice(0, t + 1).reduce((kept, beta) => kept * (1 - beta), 1)
);

/** The weighted sum of vectors of one length. */
export function sum(...terms: readonly (readonly [weight: number, vector: Vector])[]): Vector {
  return terms[0]![1].map((_, i) => terms.reduce((total, [weight, vector]) => total + weight * vector[i]!, 0));
}

/** Elements of one vector times those of another. */
export function times(a: Vector, b: Vector): Vector {
  return a.map((value, i) => value * b[i]!);
}

/** The inner product. */
export function dot(a: Vector, b: Vector): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i]! * b[i]!;
  return total;
}

/** Length of a vector. */
export function norm(a: Vector): number {
  return Math.sqrt(dot(a, a));
}

/** Every element limited to [-1, 1]. */
export function limited(a: Vector): Vector {
  return a.map((value) => Math.min(1, Math.max(-1, value)));
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const silu = (x: number): number => x * sigmoid(x);
const siluSlope = (x: number): number => sigmoid(x) * (1 + x * (1 - sigmoid(x)));

/** The picture around which the network's images lie. */
export const CENTRE: Vector = Array.from({ length: SIZE }, (_, i) => 0.6 * Math.sin(1.3 * i + 0.2));

/** Weights of x, of x sigmoid(x) and of the centre in the predicted noise, and of x and 1 in v. */
export function networkWeights(t: number): Readonly<Record<"x" | "silu" | "centre" | "vx" | "v", number>> {
  const kept = ALPHA_BAR[t]!;
  const slope = Math.sqrt(1 - kept) / (1 - kept + 0.15 * kept);
  return {
    x: slope,
    silu: 0.12 * Math.sin(t / 7),
    centre: -slope * Math.sqrt(kept),
    vx: 0.3 * Math.cos(t / 11),
    v: Math.sin(t / 5),
  };
}

/** What the network makes of a state: the noise, its derivative (a diagonal), and v of the learned variance. */
export function network(x: Vector, t: number): Readonly<Record<"eps" | "slope" | "v", Vector>> {
  const w = networkWeights(t);
  return {
    eps: x.map((value, i) => w.x * value + w.silu * silu(value) + w.centre * CENTRE[i]!),
    slope: x.map((value) => w.x + w.silu * siluSlope(value)),
    v: x.map((value) => w.vx * value + w.v),
  };
}

/** A predicted image with all that it comes from. */
export interface Prediction {
  readonly eps: Vector;
  readonly x0: Vector;
  /** dx0/dx_t, a diagonal; 0 where x0 is clamped. */
  readonly slope: Vector;
  readonly v: Vector;
}

/** x0 = (x - sqrt(1 - a) eps)/sqrt(a), clamped or not. */
export function predict(x: Vector, t: number, clip: boolean): Prediction {
  const [a, { eps, slope, v }] = [ALPHA_BAR[t]!, network(x, t)];
  const free = sum([1 / Math.sqrt(a), x], [-Math.sqrt((1 - a) / a), eps]);
  const inside = free.map((value) => !clip || Math.abs(value) <= 1 ? 1 : 0);
  return {
    eps,
    v,
    x0: clip ? limited(free) : free,
    slope: inside.map((is, i) => is * (1 - Math.sqrt(1 - a) * slope[i]!) / Math.sqrt(a)),
  };
}

/** A kept timestep: alphaBar there, at the next kept one below it (1 below the last), and the beta between them. */
export interface Kept {
  readonly t: number;
  readonly a: number;
  readonly b: number;
  readonly beta: number;
}

/** The kept timesteps in descending order. */
export function keep(ascending: readonly number[]): readonly Kept[] {
  return ascending.map((t, i) => {
    const [a, b] = [ALPHA_BAR[t]!, i === 0 ? 1 : ALPHA_BAR[ascending[i - 1]!]!];
    return { t, a, b, beta: 1 - a / b };
  }).reverse();
}

/** Respacing to a count: multiples of (T - 1)/(count - 1), rounded half to even. */
export function spaced(count: number): readonly Kept[] {
  let position = 0;
  return keep(Array.from({ length: count }, () => {
    const [low, rest] = [Math.floor(position), position % 1];
    position += (TIMESTEPS - 1) / (count - 1);
    return rest === 0.5 ? 2 * Math.round(low / 2) : low + Math.round(rest);
  }));
}

/** Every (T div count)-th timestep from 0. */
export function strided(count: number): readonly Kept[] {
  const stride = Math.floor(TIMESTEPS / count);
  return keep(Array.from({ length: TIMESTEPS }, (_, t) => t).filter((t) => t % stride === 0));
}

/** The variance of a DDPM step: learned by the network, the posterior's ("small") or beta itself ("large"). */
export type VarianceKind = "learned" | "small" | "large";

/** Posterior mean plus noise of the deviation; none below the last kept timestep. */
export function ancestral(x: Vector, at: Kept, { x0, v }: Prediction, z: Vector, kind: VarianceKind): Vector {
  const { a, b, beta } = at;
  const mean = sum(
    [beta * Math.sqrt(b) / (1 - a), x0],
    [(1 - b) * Math.sqrt(1 - beta) / (1 - a), x],
  );
  if (b === 1) return mean;
  const small = beta * (1 - b) / (1 - a);
  const logs = v.map((value): number => {
    if (kind !== "learned") return Math.log(kind === "small" ? small : beta);
    return (value + 1) / 2 * Math.log(beta) + (1 - value) / 2 * Math.log(small);
  });
  return sum([1, mean], [1, times(logs.map((log) => Math.exp(log / 2)), z)]);
}

/** DDIM: sqrt(b) x0 + sqrt(1 - b - d^2) eps + d z. */
export function ddim(x0: Vector, eps: Vector, z: Vector, { a, b }: Kept, eta: number): Vector {
  const d = eta * Math.sqrt((1 - b) / (1 - a)) * Math.sqrt(1 - a / b);
  return sum([Math.sqrt(b), x0], [Math.sqrt(1 - b - d * d), eps], [d, z]);
}

/** The noise that leads from an image to a state. */
export function noiseOf(x: Vector, x0: Vector, a: number): Vector {
  return sum([1 / Math.sqrt(1 - a), x], [-Math.sqrt(a / (1 - a)), x0]);
}

/** A linear degradation as the rows of its matrix. */
export type Matrix = readonly Vector[];

/** A x. */
export function apply(rows: Matrix, x: Vector): Vector {
  return rows.map((row) => dot(row, x));
}

/** A^T y. */
export function adjoint(rows: Matrix, y: Vector): Vector {
  const x = new Array<number>(rows[0]!.length).fill(0);
  for (const [j, row] of rows.entries()) for (let i = 0; i < x.length; i++) x[i]! += row[i]! * y[j]!;
  return x;
}

/** The solution of a system by Gaussian elimination with pivots. */
function solved(rows: Matrix, right: Vector): Vector {
  const m = rows.map((row, i) => [...row, right[i]!]);
  for (let k = 0; k < m.length; k++) {
    let best = k;
    for (let i = k; i < m.length; i++) if (Math.abs(m[i]![k]!) > Math.abs(m[best]![k]!)) best = i;
    [m[k], m[best]] = [m[best]!, m[k]!];
    for (let i = 0; i < m.length; i++) {
      const factor = i === k ? 0 : m[i]![k]! / m[k]![k]!;
      if (factor !== 0) { for (let j = k; j <= m.length; j++) m[i]![j]! -= factor * m[k]![j]!; }
    }
  }
  return m.map((row, k) => row[m.length]! / row[k]!);
}

const GRAMS = new WeakMap<Matrix, Matrix>();

/** A A^T, computed once. */
function gram(rows: Matrix): Matrix {
  const known = GRAMS.get(rows) ?? rows.map((row) => apply(rows, row));
  GRAMS.set(rows, known);
  return known;
}

/** (weight A A^T + variance)^-1 r; rows of A that are 0 give 0 where the variance is 0. */
export function gaussianInverse(rows: Matrix, r: Vector, weight: number, variance: number): Vector {
  const lost = gram(rows).map((row, i) => row[i] === 0);
  const square = gram(rows).map((row, i) =>
    row.map((value, j) => weight * value + (i !== j ? 0 : variance || (lost[i] ? 1 : 0)))
  );
  return solved(square, r.map((value, i) => variance === 0 && lost[i] ? 0 : value));
}

/** A^+ y = A^T (A A^T)^-1 y, for matrices whose rows are independent or 0. */
export function pseudoInverse(rows: Matrix, y: Vector): Vector {
  return adjoint(rows, gaussianInverse(rows, y, 1, 0));
}

/** Conjugate gradients for a symmetric map, from a start; they stop where the residual is shorter than the tolerance. */
export function conjugate(
  map: (p: Vector) => Vector,
  right: Vector,
  start: Vector,
  iterations: number,
  tolerance = 1e-5,
): Vector {
  let [x, r] = [start, sum([1, right], [-1, map(start)])];
  let [p, rho] = [r, dot(r, r)];
  for (let k = 0; k < iterations && Math.sqrt(rho) > tolerance; k++) {
    const image = map(p);
    const step = rho / dot(p, image);
    [x, r] = [sum([1, x], [step, p]), sum([1, r], [-step, image])];
    const next = dot(r, r);
    p = sum([1, r], [next / rho, p]);
    rho = next;
  }
  return x;
}

/** Place of a value in an image. */
export function index(row: number, column: number, channel: number): number {
  return (row * WIDTH + column) * 3 + channel;
}

function matrixOf(rows: number, weight: (row: number, element: number) => number): Matrix {
  return Array.from({ length: rows }, (_, row) => Array.from({ length: SIZE }, (_, i) => weight(row, i)));
}

/** A map along both sides, each by its matrix, channel by channel. */
function bothSides(side: (extent: number) => Matrix): Matrix {
  const rows: number[][] = [];
  for (const top of side(HEIGHT)) {
    for (const left of side(WIDTH)) {
      for (let channel = 0; channel < 3; channel++) {
        const row = new Array<number>(SIZE).fill(0);
        for (const [i, a] of top.entries()) for (const [j, b] of left.entries()) row[index(i, j, channel)] = a * b;
        rows.push(row);
      }
    }
  }
  return rows;
}

/** Means of s x s pixels. */
function pool(s: number): Matrix {
  return bothSides((extent) =>
    Array.from(
      { length: extent / s },
      (_, row) => Array.from({ length: extent }, (_, i) => Math.floor(i / s) === row ? 1 / s : 0),
    )
  );
}

/** Means of 2 x 2 pixels. */
export const POOL: Matrix = pool(2);

/** Means of 4 x 4 pixels. */
export const POOL4: Matrix = pool(4);

/** Keys' cubic with a = -1/2. */
function cubic(u: number): number {
  const d = Math.abs(u);
  if (d <= 1) return 1.5 * d ** 3 - 2.5 * d ** 2 + 1;
  return d < 2 ? -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2 : 0;
}

/** The place at which the picture, mirrored with its edge repeated, shows what lies beyond it. */
function mirrored(place: number, extent: number): number {
  const turned = place < 0 ? -place - 1 : 2 * extent - 1 - place;
  return place >= 0 && place < extent ? place : mirrored(turned, extent);
}

/** Bicubic reduction by a power of two: 4 s taps around each centre. */
function reduction(extent: number, s: number): Matrix {
  const taps = Array.from({ length: 4 * s }, (_, i) => cubic((i - 2 * s + 0.5) / s));
  const total = taps.reduce((a, b) => a + b);
  return Array.from({ length: extent / s }, (_, row) => {
    const weights = new Array<number>(extent).fill(0);
    const first = row * s + Math.floor(s / 2) - 2 * s;
    for (const [i, tap] of taps.entries()) weights[mirrored(first + i, extent)]! += tap / total;
    return weights;
  });
}

/** Bicubic reduction by 2: singular values that differ. */
export const BICUBIC: Matrix = bothSides((extent) => reduction(extent, 2));

/** Bicubic enlargement: four taps around each centre. */
function enlargement(extent: number, s: number): Matrix {
  return Array.from({ length: extent }, (_, row) => {
    const weights = new Array<number>(extent / s).fill(0);
    const centre = (row + 0.5) / s - 0.5;
    for (let tap = Math.floor(centre) - 1; tap <= Math.floor(centre) + 2; tap++) {
      weights[mirrored(tap, extent / s)]! += cubic(tap - centre);
    }
    return weights;
  });
}

/** The low-pass filter of ILVR along both sides: reduced, then enlarged. */
export function lowPass(s: number): Matrix {
  return bothSides((extent) => {
    const columns = reduction(extent, s)[0]!.map((_, i) => reduction(extent, s).map((row) => row[i]!));
    return enlargement(extent, s).map((row) => columns.map((column) => dot(row, column)));
  });
}

/** Which pixels a mask keeps, [8, 12]. */
export const MASK: Vector = Array.from(randomValues(HEIGHT * WIDTH, 17), (value) => value > -0.1 ? 1 : 0);

/** The mask as a map of images. */
export const MASKED: Matrix = matrixOf(SIZE, (row, i) => row === i ? MASK[Math.floor(i / 3)]! : 0);

/** Gray values with the published weights. */
export const GRAY: Matrix = matrixOf(
  HEIGHT * WIDTH,
  (row, i) => Math.floor(i / 3) === row ? [0.3333, 0.3334, 0.3333][i % 3]! : 0,
);

/** Standard normal deviates of single precision by the name of a draw, of one sample. */
export function deviates(name: string, sample: number, size: number): Vector {
  const seed = Array.from(name).reduce((hash, letter) => (hash * 31 + letter.charCodeAt(0)) % 65521, 7 + sample);
  const uniform = randomValues(2 * size, seed);
  return Array.from({ length: size }, (_, i) => {
    const radius = Math.sqrt(-2 * Math.log((1 + uniform[2 * i]!) / 2 + 1e-9));
    return Math.fround(radius * Math.cos(Math.PI * uniform[2 * i + 1]!));
  });
}
