/** Sinusoidal timestep embeddings, computed in f64 because shader sines of arguments near 1000 are not reliable. */
import { type HostTensor, hostTensor } from "../engine/mod.ts";

/** Longest period of the sinusoids, over 2 pi. */
const LONGEST_PERIOD = 10000;

/** Which of the sinusoids of a timestep come first, and how their periods are spaced. */
export interface Sinusoids {
  /** Whether the cosines come before the sines. */
  readonly cosinesFirst: boolean;
  /** s in f_i = 10000^(-i / (h - s)), less than h. */
  readonly shift: number;
}

/**
 * Sinusoids of timesteps: row r is [cos(t f_0), ..., cos(t f_{h-1}), sin(t f_0), ...], or the sines first, with
 * f_i = 10000^(-i / (h - s)) and h = floor(width / 2); an odd width ends with a zero column.
 * @param timesteps the timestep t of each row, whole or fractional
 * @param width columns, an integer greater than 2 s
 * @param sinusoids their order and spacing
 * @returns [timesteps.length, width]
 * @throws {RangeError} if the width is too small
 */
export function sinusoidTable(
  timesteps: ArrayLike<number>,
  width: number,
  { cosinesFirst, shift }: Sinusoids,
): HostTensor {
  const half = halfWidth(width, 2 * (Math.floor(shift) + 1));
  return table(timesteps, width, half, half - shift, cosinesFirst ? [Math.cos, Math.sin] : [Math.sin, Math.cos]);
}

/**
 * Embedding of the guided-diffusion networks: row r is [cos(t f_0), ..., cos(t f_{h-1}), sin(t f_0), ...], with
 * f_i = 10000^(-i / h) and h = floor(width / 2); an odd width ends with a zero column.
 * @param timesteps the timestep t of each row, whole or fractional
 * @param width columns, an integer of at least 2
 * @returns [timesteps.length, width]
 * @throws {RangeError} if the width is too small
 */
export function guidedTimestepTable(timesteps: ArrayLike<number>, width: number): HostTensor {
  const half = halfWidth(width, 2);
  return table(timesteps, width, half, half, [Math.cos, Math.sin]);
}

/**
 * Embedding of the DDPM networks (Ho et al. 2020): row r is [sin(t f_0), ..., sin(t f_{h-1}), cos(t f_0), ...], with
 * f_i = 10000^(-i / (h - 1)) and h = floor(width / 2); an odd width ends with a zero column.
 * @param timesteps the timestep t of each row, whole or fractional
 * @param width columns, an integer of at least 4
 * @returns [timesteps.length, width]
 * @throws {RangeError} if the width is too small
 */
export function ddpmTimestepTable(timesteps: ArrayLike<number>, width: number): HostTensor {
  const half = halfWidth(width, 4);
  return table(timesteps, width, half, half - 1, [Math.sin, Math.cos]);
}

function halfWidth(width: number, least: number): number {
  if (!Number.isSafeInteger(width) || width < least) {
    throw new RangeError(`Cannot make a timestep table of ${width} columns: at least ${least} are needed`);
  }
  return Math.floor(width / 2);
}

function table(
  timesteps: ArrayLike<number>,
  width: number,
  half: number,
  divisor: number,
  waves: readonly ((angle: number) => number)[],
): HostTensor {
  const data = new Float32Array(timesteps.length * width);
  for (let row = 0; row < timesteps.length; row++) {
    for (let i = 0; i < half; i++) {
      const angle = timesteps[row]! * Math.exp(-Math.log(LONGEST_PERIOD) * i / divisor);
      waves.forEach((wave, part) => data[row * width + part * half + i] = wave(angle));
    }
  }
  return hostTensor(data, [timesteps.length, width]);
}
