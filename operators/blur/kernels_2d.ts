/** Two-dimensional blur kernels as host tensors [h, w] with sum 1. */
import { type HostTensor, hostTensor } from "../../engine/mod.ts";
import { file, type Parameter } from "../../parameters/mod.ts";
import { draws } from "../draws.ts";

/** Scales a kernel to sum 1. */
function normalized(taps: Float64Array, size: number): HostTensor {
  const sum = taps.reduce((a, b) => a + b, 0);
  return hostTensor(Float32Array.from(taps, (tap) => tap / sum), [size, size]);
}

/** A small kernel without any symmetry, for tests. */
export const SLANTED: HostTensor = hostTensor(
  Float32Array.of(0.1, 0.3, 0, 0.05, 0.25, 0.2, 0, 0.02, 0.08, 0.1, -0.2, 0.1),
  [3, 4],
);

function checkSize(size: number): void {
  if (Number.isSafeInteger(size) && size >= 1 && size % 2 === 1 && size <= 1023) return;
  throw new RangeError(
    `Cannot make a blur kernel: its side is ${size}, an odd integer from 1 to 1023 is needed; use 61`,
  );
}

/**
 * A Gaussian exp(-(i^2 + j^2) / (2 sigma^2)) around the middle.
 * @param size side in pixels, odd
 * @param sigma standard deviation in pixels, greater than 0
 * @throws {RangeError} if a parameter is out of range
 */
export function gaussianKernel2d(size: number, sigma: number): HostTensor {
  checkSize(size);
  if (!(sigma > 0 && Number.isFinite(sigma))) {
    throw new RangeError(`Cannot make a blur kernel: sigma is ${sigma}, a number greater than 0 is needed; use 3`);
  }
  const middle = (size - 1) / 2;
  const taps = Float64Array.from(
    { length: size * size },
    (_, i) => Math.exp(-0.5 * ((Math.floor(i / size) - middle) ** 2 + (i % size - middle) ** 2) / sigma ** 2),
  );
  return normalized(taps, size);
}

/** Half the width of the line of a motion kernel, standard deviation in pixels. */
const LINE_SIGMA = 0.5;

/** Points of the path per pixel of its length. */
const POINTS_PER_PIXEL = 4;

/**
 * The path of a shaken camera, drawn as a thin line: steps of random length whose direction wanders, as in the random
 * motion kernels used with DPS. On a canvas of twice the side with diagonal D, steps Beta(1, 30) (1 - I) D are drawn
 * until the path is as long as 0.75 D (U(0, 1) + U(0, I^2)); the first angle is uniform up to a maximum U(0, I pi), the
 * next ones triangular with the sign of the one before, which flips with probability Beta(2, 20). The path is turned by
 * U(0, pi), centred, and every point of it counts equally.
 * @param size side in pixels, odd
 * @param intensity I, 0 (a straight line) to 1 (a tangle)
 * @param seed an integer from 0 to 2^32 - 1
 * @throws {RangeError} if a parameter is out of range
 */
export function motionKernel(size: number, intensity: number, seed: number): HostTensor {
  checkSize(size);
  if (!(intensity >= 0 && intensity <= 1)) {
    throw new RangeError(
      `Cannot make a motion kernel: the intensity is ${intensity}, a number from 0 to 1 is needed; use 0.5`,
    );
  }
  const path = motionPath(size, intensity, seed);
  const middle = (size - 1) / 2;
  const taps = new Float64Array(size * size);
  const reach = Math.ceil(4 * LINE_SIGMA);
  for (const [row, column] of path) {
    for (let i = Math.round(row) - reach; i <= Math.round(row) + reach; i++) {
      for (let j = Math.round(column) - reach; j <= Math.round(column) + reach; j++) {
        if (Math.abs(i) > middle || Math.abs(j) > middle) continue;
        const square = (i - row) ** 2 + (j - column) ** 2;
        taps[(i + middle) * size + j + middle]! += Math.exp(-0.5 * square / LINE_SIGMA ** 2);
      }
    }
  }
  return normalized(taps, size);
}

/** What is drawn for a motion kernel. */
export interface MotionWalk {
  /** Lengths of the steps on the canvas, in pixels. */
  readonly steps: readonly number[];
  /** By how much the direction turns before each step. */
  readonly angles: readonly number[];
  /** Angle by which the whole path is turned. */
  readonly turn: number;
}

/** Draws the steps of a motion kernel; parameters as for `motionKernel`. */
export function motionWalk(size: number, intensity: number, seed: number): MotionWalk {
  const { uniform } = draws(seed);
  const diagonal = 2 * size * Math.SQRT2;
  const longest = 0.75 * diagonal * (uniform() + uniform() * intensity ** 2);
  const steps: number[] = [];
  for (let total = 0, tries = 0; total < longest && tries < 10000; tries++) {
    const step = (1 - uniform() ** (1 / 30)) * (1 - intensity + 0.1) * diagonal;
    if (step >= longest) continue;
    steps.push(step);
    total += step;
  }
  if (steps.length === 0) steps.push(longest);
  const largest = uniform() * intensity * Math.PI;
  // The second smallest of 21 uniform numbers has the distribution Beta(2, 20).
  const flips = Array.from({ length: 21 }, uniform).toSorted((a, b) => a - b)[1]!;
  let angle = (2 * uniform() - 1) * largest;
  const angles: number[] = [];
  while (angles.length < steps.length) {
    angles.push(angle);
    const sign = (angle < 0 ? -1 : 1) * (uniform() < flips ? -1 : 1);
    angle = sign * triangular(uniform(), intensity * largest, largest);
  }
  const turn = uniform() * Math.PI;
  return { steps, angles, turn };
}

/** Points of the path in pixels from the middle of the kernel, evenly spaced along it; those outside are left out. */
function motionPath(size: number, intensity: number, seed: number): readonly (readonly [number, number])[] {
  const { steps, angles, turn } = motionWalk(size, intensity, seed);
  const corners: [number, number][] = [[0, 0]];
  let heading = 0;
  for (const [k, step] of steps.entries()) {
    heading += angles[k]!;
    const [row, column] = corners[corners.length - 1]!;
    corners.push([row + step * Math.sin(heading), column + step * Math.cos(heading)]);
  }
  const [cosine, sine] = [Math.cos(turn), Math.sin(turn)];
  const points = alongPath(corners);
  const mean = [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis]!, 0) / points.length);
  // The canvas has twice the side of the kernel.
  return points.map(([row, column]) => {
    const [y, x] = [(row - mean[0]!) / 2, (column - mean[1]!) / 2];
    return [y * cosine + x * sine, x * cosine - y * sine];
  });
}

/** The number below which a share u of the triangular distribution from 0 to `end` with the given mode lies. */
function triangular(u: number, mode: number, end: number): number {
  if (end <= 0) return 0;
  const share = mode / end;
  return u < share ? Math.sqrt(u * end * mode) : end - Math.sqrt((1 - u) * end * (end - mode));
}

function alongPath(corners: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  return corners.slice(1).flatMap(([row, column], k) => {
    const [fromRow, fromColumn] = corners[k]!;
    const count = Math.max(1, Math.round(POINTS_PER_PIXEL * Math.hypot(row - fromRow, column - fromColumn)));
    return Array.from({ length: count }, (_, i): readonly [number, number] => {
      const share = (i + 0.5) / count;
      return [fromRow + share * (row - fromRow), fromColumn + share * (column - fromColumn)];
    });
  });
}

/** The parameter of a kernel [h, w] instead of a Gaussian, its middle at (floor(h / 2), floor(w / 2)). */
export function kernelFile(): Parameter<HostTensor | undefined> {
  return file<HostTensor>(
    { option: "kernel", format: "kernel", unit: "pixels", replaces: ["sigma", "taps"] },
    "the blur, as a picture or a text with a row of numbers on each line; scaled to sum 1",
  );
}
