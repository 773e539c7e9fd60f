/** Parameters that several operators have. */
import type { HostTensor } from "../engine/mod.ts";
import { data, integer, number, type Parameter, required } from "../parameters/mod.ts";
import type { ImagePart } from "./blur/border.ts";
import type { TaskContext } from "./entry.ts";

/** Range of seeds. */
export const SEEDS = { min: 0, max: 2 ** 32 - 1 } as const;

/** The seed of what an operator draws, which tasks take from the seed of a command. */
export function seed(decides: string): Parameter<number> {
  return integer(0, { ...SEEDS, programsOnly: true }, `seed of ${decides}`);
}

/** The value of `seed` for a task. */
export function drawn({ seed }: TaskContext): { readonly seed: number } {
  return { seed };
}

/** Reduction along each side, which must be given. */
export function scale(): Parameter<number> {
  return required<number>(integer(undefined, { min: 1, programsOnly: true }, "reduction along each side"));
}

/** Smallest singular value of a blur that tasks undo where the measurement is a picture from a file. */
const MEASURED_THRESHOLD = 0.1;

/**
 * Smallest singular value of a blur that is undone: as published for a blur computed here. A picture from a file is
 * rounded to 8 bits, and 1 / 0.03^2 times the rounding would drown it.
 */
export function threshold(): Parameter<number> {
  return number(
    0.03,
    { min: 0, max: 1, option: "blur-threshold" },
    "smallest singular value of the blur that is undone; more for noisy pictures, " +
      `${MEASURED_THRESHOLD} for one from a file, less where the method reckons with its errors`,
  );
}

/** The value of `threshold` for a task. */
export function undone({ isMeasured }: TaskContext): { readonly threshold?: number } {
  return isMeasured ? { threshold: MEASURED_THRESHOLD } : {};
}

/** The values of a blur for a task: those of others, and the part of a larger image that is the picture. */
export function blurDefaults(context: TaskContext): { readonly threshold?: number; readonly measured?: ImagePart } {
  return { ...undone(context), ...(context.picture ? { measured: context.picture } : {}) };
}

/** Odd number of taps of a blur kernel. */
export function taps(initial: number): Parameter<number> {
  return integer(
    initial,
    { min: 1, max: 255, parity: "odd", unit: "pixels", option: "blur-taps" },
    "odd number of taps of the kernel along each side",
  );
}

/** Standard deviation of a Gaussian blur. */
export function sigma(initial: number): Parameter<number> {
  return number(
    initial,
    { min: 0.01, max: 10000, unit: "pixels", option: "blur-sigma" },
    "standard deviation of the blur in pixels",
  );
}

/** Steps of conjugate gradients that stand for A^+. */
export function iterations(initial: number): Parameter<number> {
  return integer(initial, { min: 1, max: 1000, programsOnly: true }, "steps of conjugate gradients that form A^+");
}

/** Share of what could be measured. */
export function ratio(): Parameter<number> {
  return number(0.25, { min: 0.0001, max: 1 }, "measured share");
}

/** A list of numbers that programs give. */
export function numbers(help: string): Parameter<ArrayLike<number> | undefined> {
  return data({ needed: "a list of numbers", fits: isNumbers }, help);
}

/** A tensor that programs give. */
export function tensor(help: string): Parameter<HostTensor | undefined> {
  return data({ needed: "a tensor", fits: isTensor }, help);
}

function isNumbers(value: unknown): boolean {
  if (ArrayBuffer.isView(value)) return true;
  return Array.isArray(value) && value.every((item) => typeof item === "number");
}

function isTensor(value: unknown): boolean {
  return typeof value === "object" && value !== null && "data" in value && "shape" in value && "dtype" in value;
}
