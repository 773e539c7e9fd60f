/** Sampling masks of magnetic resonance imaging: which frequencies are measured, the zero frequency in the middle. */
import { type HostTensor, hostTensor } from "../../engine/mod.ts";
import { type Draws, draws } from "../draws.ts";

/** Rules by which frequencies are chosen; `uniform_2d` and `gaussian_2d` choose points, `*_1d` whole columns. */
export const SAMPLINGS = ["uniform_1d", "gaussian_1d", "gaussian_2d", "uniform_2d", "poisson_2d"] as const;

/** One of `SAMPLINGS`. */
export type Sampling = typeof SAMPLINGS[number];

/** Parameters of `samplingMask`. */
export interface SamplingOptions {
  /** The rule by which frequencies are chosen. */
  readonly sampling: Sampling;
  /** R: one frequency in R is measured, about; greater than 1, or 1 for all. */
  readonly acceleration: number;
  /** Share of the columns in the middle that are always measured by the 1-D rules, 0 to 1. */
  readonly centre: number;
  /** An integer from 0 to 2^32 - 1. */
  readonly seed: number;
}

/**
 * A sampling mask [H, W] of 0 and 1 with the zero frequency at (floor(H / 2), floor(W / 2)); rules as in the code
 * published with Score-MRI and DDS, numbers from our own generator.
 * @throws {RangeError} if a parameter is out of range
 */
export function samplingMask(height: number, width: number, options: SamplingOptions): HostTensor {
  const { sampling, acceleration, centre, seed } = options;
  if (!(acceleration >= 1) || !Number.isFinite(acceleration) || !(centre >= 0 && centre <= 1)) {
    throw new RangeError(
      `Cannot make a sampling mask: the acceleration is ${acceleration} and the centre ${centre}, ` +
        `a number of at least 1 and a share from 0 to 1 are needed; use 4 and 0.08`,
    );
  }
  if (acceleration === 1) return hostTensor(new Float32Array(height * width).fill(1), [height, width]);
  const random = draws(seed);
  const values = sampling === "poisson_2d"
    ? poissonDisk(height, width, acceleration, seed)
    : sampling.endsWith("1d")
    ? columns(height, width, options, random)
    : points(height, width, options, random);
  return hostTensor(values, [height, width]);
}

/** Columns drawn uniformly with replacement, or 1.2 times as many from N(W / 2, (15 W / 128)^2), and a block. */
function columns(
  height: number,
  width: number,
  { sampling, acceleration, centre }: SamplingOptions,
  { integer, normal }: Draws,
): Float32Array {
  const kept = new Uint8Array(width);
  const block = Math.floor(centre * width);
  const first = Math.floor(width / 2) - Math.floor(block / 2);
  kept.fill(1, first, first + block);
  const wanted = Math.floor(width / acceleration);
  const isUniform = sampling === "uniform_1d";
  const count = isUniform ? Math.max(0, wanted - block) : Math.floor(1.2 * wanted);
  for (let i = 0; i < count; i++) {
    const column = isUniform ? integer(width) : Math.trunc(width / 2 + (15 * width / 128) * normal());
    kept[Math.min(width - 1, Math.max(0, column))] = 1;
  }
  return Float32Array.from({ length: height * width }, (_, i) => kept[i % width]!);
}

/** H W / R points with replacement: uniform, or normal around the middle with variance W (1.5 W / 128). */
function points(
  height: number,
  width: number,
  { sampling, acceleration }: SamplingOptions,
  { integer, normal }: Draws,
): Float32Array {
  const mask = new Float32Array(height * width);
  const count = Math.floor(height * width / acceleration);
  const near = (extent: number): number => {
    const place = Math.trunc(extent / 2 + Math.sqrt(extent * (1.5 * extent / 128)) * normal());
    return Math.min(extent - 1, Math.max(0, place));
  };
  for (let i = 0; i < count; i++) {
    const row = sampling === "uniform_2d" ? integer(height) : near(height);
    const column = sampling === "uniform_2d" ? integer(width) : near(width);
    mask[row * width + column] = 1;
  }
  return mask;
}

/** Darts thrown around each accepted point before it is given up. */
const ATTEMPTS = 30;

/** Bisections of the slope; the rule ends as soon as the acceleration is met to 0.1. */
const BISECTIONS = 30;

/**
 * Variable-density Poisson disks: points no closer than rho(r) = max(1, 1 + slope r) pixels, where r is the distance
 * from the middle in half sides; points with r >= 1 are dropped. The slope is bisected until H W / points = R.
 */
function poissonDisk(height: number, width: number, acceleration: number, seed: number): Float32Array {
  let [low, high] = [0, Math.max(height, width)];
  let mask: Float32Array = new Float32Array(height * width);
  for (let step = 0; step < BISECTIONS; step++) {
    const slope = (low + high) / 2;
    mask = throwDarts(height, width, slope, draws(seed));
    const count = mask.reduce((sum, value) => sum + value, 0);
    const reached = height * width / Math.max(1, count);
    if (Math.abs(reached - acceleration) < 0.1) break;
    if (reached < acceleration) low = slope;
    else high = slope;
  }
  return mask;
}

/** Bridson's dart throwing on the pixel grid with a radius that depends on the place. */
function throwDarts(height: number, width: number, slope: number, { uniform, integer }: Draws): Float32Array {
  const taken = new Float32Array(height * width);
  const distance = (row: number, column: number): number =>
    Math.hypot((2 * row - height) / height, (2 * column - width) / width);
  const radius = (row: number, column: number): number => Math.max(1, 1 + slope * distance(row, column));
  const isFree = (row: number, column: number): boolean => {
    const reach = radius(row, column);
    for (let y = Math.max(0, Math.ceil(row - reach)); y <= Math.min(height - 1, row + reach); y++) {
      for (let x = Math.max(0, Math.ceil(column - reach)); x <= Math.min(width - 1, column + reach); x++) {
        if (taken[y * width + x] === 1 && (y - row) ** 2 + (x - column) ** 2 < reach ** 2) return false;
      }
    }
    return true;
  };
  const active: (readonly [number, number])[] = [[integer(height), integer(width)]];
  taken[active[0]![0] * width + active[0]![1]] = 1;
  while (active.length > 0) {
    const pick = integer(active.length);
    const [row, column] = active[pick]!;
    let found = false;
    for (let attempt = 0; attempt < ATTEMPTS && !found; attempt++) {
      const length = radius(row, column) * Math.sqrt(3 * uniform() + 1);
      const angle = 2 * Math.PI * uniform();
      const y = Math.floor(row + length * Math.sin(angle));
      const x = Math.floor(column + length * Math.cos(angle));
      if (y < 0 || x < 0 || y >= height || x >= width || !isFree(y, x)) continue;
      taken[y * width + x] = 1;
      active.push([y, x]);
      found = true;
    }
    if (!found) {
      active[pick] = active[active.length - 1]!;
      active.pop();
    }
  }
  return taken.map((value, i) => distance(Math.floor(i / width), i % width) < 1 ? value : 0);
}
