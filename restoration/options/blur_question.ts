/** How soft a picture is that somebody has: nothing but an option says it, or an estimate that is asked for. */
import { numberOf, type OptionSpec, type OptionValues, textOf, UsageError } from "../../parameters/mod.ts";
import type { Raster } from "../../raster/mod.ts";
import { type BlurWidth, estimateBlurWidth } from "../estimates/blur_width.ts";
import { NOISE_LEVEL } from "./method_options.ts";
import { PictureQuestion } from "../picture_source.ts";
import type { Task } from "./tasks.ts";

/** The option that asks for an estimate. */
export const BLUR_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  blur: {
    kind: "choice",
    choices: ["estimate"],
    help: "deblur, without --degrade: estimate the width of the blur from the picture (instead of --blur-sigma)",
  },
};

/** The task whose blur has a width. */
const TASK = "deblur";

/** Options that say what the blur is. */
const WIDTH = "blur-sigma";
const THRESHOLD = "blur-threshold";

/** What is undone of a blur whose width is an estimate, and what of one that is given, where nothing else is said. */
const LEAST_UNDONE = { estimated: 0.2, given: 0.1 };

/** Deviations that a kernel reaches to either side. */
const REACH = 3.5;

/** The options of a blur as they are taken, and what is to be said of them. */
export interface SettledBlur {
  readonly options: OptionValues;
  readonly notes: readonly string[];
}

/**
 * Refuses --blur where it does not belong.
 * @throws {UsageError} saying what to change
 */
export function checkBlurOption(options: OptionValues, isTruth: boolean): void {
  if (options["blur"] === undefined) return;
  if (isTruth || textOf(options, "task") !== TASK) {
    throw new UsageError(`--blur belongs to --task ${TASK} of a picture that is soft already; leave it out`);
  }
  if (options[WIDTH] !== undefined) throw new UsageError(`--blur and --${WIDTH} exclude each other; give one of them`);
}

/**
 * The options of the blur of a picture that is soft already. A width that is asked for is estimated; the singular values
 * that are undone are at least the level of the noise.
 * @param picture values in [-1, 1]
 * @param name what messages call it
 * @throws {PictureQuestion} if nothing says the width, or it cannot be estimated
 */
export function settleBlur(options: OptionValues, task: Task, picture: Raster, name: string): SettledBlur {
  if (task.name !== TASK) return { options, notes: [] };
  const isGiven = options[WIDTH] !== undefined || options["blur-variant"] !== undefined || options["blur-taps"] === 1;
  if (isGiven) return { options: aboveNoise(options, LEAST_UNDONE.given), notes: [] };
  const width = estimateBlurWidth(picture);
  const found = width && width.sigma > 0 ? describe(width) : undefined;
  if (options["blur"] === undefined) {
    const estimate = width && found ? `it is estimated as ${found}` : "it cannot be estimated from this picture";
    throw new PictureQuestion(
      `the width of the blur of "${name}" was not given; ${estimate}: give --${WIDTH} ` +
        `${found ? width!.sigma.toFixed(2) : "N"}${found ? " or --blur estimate" : ""}`,
    );
  }
  if (!width || !found) {
    throw new PictureQuestion(`the blur of "${name}" cannot be estimated: no soft edges were found; give --${WIDTH} N`);
  }
  const taps = Math.min(255, 2 * Math.ceil(REACH * width.sigma) + 1);
  const settled = { "blur-taps": taps, ...options, [WIDTH]: width.sigma };
  return {
    options: { [THRESHOLD]: LEAST_UNDONE.estimated, ...aboveNoise(settled, LEAST_UNDONE.estimated) },
    notes: [
      `The blur is estimated as a Gaussian of ${found}; its width can be off by a fifth: compare --${WIDTH} ` +
      `${(0.85 * width.sigma).toFixed(2)}`,
    ],
  };
}

function describe({ sigma, spread, edges }: BlurWidth): string {
  return `${sigma.toFixed(2)} +- ${spread.toFixed(2)} pixels (standard deviation, from ${edges} edges)`;
}

/** The threshold raised to the level of the noise, where that is known and larger. */
function aboveNoise(options: OptionValues, initial: number): OptionValues {
  const noise = numberOf(options, NOISE_LEVEL) ?? 0;
  if (options[THRESHOLD] !== undefined || noise <= initial) return options;
  return { ...options, [THRESHOLD]: Math.min(1, noise) };
}
