/** What sequential Monte Carlo methods share: several images for each measurement, their weights, and resampling. */
import {
  type Coefficient,
  type DeviceTensor,
  elementCount,
  type Runtime,
  type Shape,
  type Tensor,
} from "../../../engine/mod.ts";
import { gatherRows, reshape, weightedSum } from "../../../kernels/mod.ts";
import { choice, integer, type Parameter } from "../../../parameters/mod.ts";
import type { Draw, NoiseSource } from "../../noise_source.ts";
import { noisyStage } from "../../steps/step.ts";

/** How many images each measurement has. */
export function particles(initial: number): Parameter<number> {
  return integer(initial, { min: 1, max: 1024 }, "images that are followed at once, each with evaluations of its own");
}

/** How parents are drawn: one number for all, one for each of as many equal parts, or one for each. */
export type Resampling = "systematic" | "stratified" | "multinomial";

/** How parents are drawn. */
export const resampling: Parameter<Resampling> = choice(
  "multinomial",
  ["systematic", "stratified", "multinomial"],
  {},
  "how the images to go on with are drawn by their weights",
);

/**
 * Standard normal deviates of particles, inside a stage.
 * @param shape [N P, ...], the particles of a measurement one after the other
 * @param count particles P
 * @returns [N P, ...]
 */
export function particleNoise(normal: (shape: Shape) => Tensor, shape: Shape, count: number): Tensor {
  const [rows, ...item] = shape as [number, ...number[]];
  return reshape(normal([rows / count, count, ...item]), shape);
}

/**
 * Each of N measurements P times, one after the other, inside a stage.
 * @param y [N, ...]
 * @returns [N P, ...]
 */
export function forParticles(y: Tensor, count: number): Tensor {
  const rows = Array.from({ length: y.shape[0]! * count }, (_, row) => Math.floor(row / count));
  return gathered(y, rows);
}

/** Rows of a tensor [M, ...], whatever its items are. */
function gathered(x: Tensor, rows: readonly Coefficient[]): Tensor {
  const [count, ...item] = x.shape as [number, ...number[]];
  return reshape(gatherRows(reshape(x, [count, elementCount(item)]), rows), [rows.length, ...item]);
}

/** The scalars of rows that are taken. */
export function rowScalars(rows: readonly number[]): Record<string, number> {
  return Object.fromEntries(rows.map((row, i) => [`row${i}`, row]));
}

/**
 * Takes rows of a tensor, inside a stage whose scalars are those of `rowScalars`.
 * @param x [M, ...]
 * @param count how many rows
 * @returns [count, ...]
 */
export function takeRows(x: Tensor, count: number): Tensor {
  return gathered(x, Array.from({ length: count }, (_, i) => ({ scalar: `row${i}` })));
}

/** Numbers of one draw, evenly within 0 to 1. */
export interface UniformSource {
  /** So many for each measurement. */
  (draw: Draw): Promise<readonly (readonly number[])[]>;
  release(): void;
}

/** Prepares draws of even numbers: the angles of pairs of normal deviates, as shares of a turn. */
export function uniformSource(
  runtime: Runtime,
  noise: NoiseSource,
  { samples, count }: { readonly samples: number; readonly count: number },
): UniformSource {
  const stage = noisyStage(runtime, "uniform", noise, (_inputs, _c, normal) => ({
    pairs: weightedSum([[1, normal([samples, count, 2])]]),
  }));
  const run = async (draw: Draw): Promise<readonly (readonly number[])[]> => {
    const pairs = await (await stage(draw, {}, {})).pairs.read();
    return Array.from({ length: samples }, (_, n) =>
      Array.from({ length: count }, (_, i) => {
        const turn = Math.atan2(pairs[2 * (n * count + i)]!, pairs[2 * (n * count + i) + 1]!) / (2 * Math.PI);
        return turn < 0 ? turn + 1 : turn;
      }));
  };
  return Object.assign(run, { release: stage.release });
}

/** Logarithms of weights less that of their sum. */
export function normalised(logs: readonly number[]): readonly number[] {
  const most = Math.max(...logs);
  const sum = Math.log(logs.reduce((total, log) => total + Math.exp(log - most), 0)) + most;
  return logs.map((log) => log - sum);
}

/** How many numbers resampling of P particles takes. */
export function uniformCount(kind: Resampling, count: number): number {
  return kind === "systematic" ? 1 : count;
}

/** The parents of P particles: where their positions within 0 to 1 fall among the running sums of the weights. */
export function parents(
  logWeights: readonly number[],
  uniforms: readonly number[],
  kind: Resampling,
): readonly number[] {
  const count = logWeights.length;
  const positions = logWeights.map((_, i) => {
    const u = uniforms[kind === "systematic" ? 0 : i]!;
    return kind === "multinomial" ? u : (i + u) / count;
  });
  return positions.map((position) => chosen(logWeights, position));
}

/** The particle at a position within 0 to 1 among the running sums of the weights. */
export function chosen(logWeights: readonly number[], position: number): number {
  let sum = 0;
  const found = logWeights.findIndex((log) => position < (sum += Math.exp(log)));
  return found < 0 ? logWeights.length - 1 : found;
}

/** The rows of the parents of all measurements, where each has P particles. */
export function parentRows(ofEach: readonly (readonly number[])[], count: number): readonly number[] {
  return ofEach.flatMap((parents, n) => parents.map((parent) => n * count + parent));
}

/** The numbers of the particles of each measurement, from one list. */
export function bySample(values: ArrayLike<number>, count: number): readonly (readonly number[])[] {
  const all = Array.from(values);
  return Array.from({ length: all.length / count }, (_, n) => all.slice(n * count, (n + 1) * count));
}

/** Lists of numbers as tensors of a step, valid until the next one. */
export interface ToldNumbers {
  /** Tensors [count] by the names of the lists. */
  <K extends string>(lists: Readonly<Record<K, readonly number[]>>): Readonly<Record<K, DeviceTensor>>;
  release(): void;
}

/** Prepares lists of numbers that a run shows. */
export function toldNumbers(runtime: Runtime): ToldNumbers {
  let shown: readonly DeviceTensor[] = [];
  const release = (): void => {
    for (const tensor of shown) tensor.free();
    shown = [];
  };
  const put = <K extends string>(lists: Readonly<Record<K, readonly number[]>>): Readonly<Record<K, DeviceTensor>> => {
    release();
    const entries = Object.entries<readonly number[]>(lists);
    const tensors = entries.map(([name, values]) =>
      [name, runtime.upload(Float32Array.from(values), [values.length])] as const
    );
    shown = tensors.map(([, tensor]) => tensor);
    return Object.fromEntries(tensors) as Record<K, DeviceTensor>;
  };
  return Object.assign(put, { release });
}
