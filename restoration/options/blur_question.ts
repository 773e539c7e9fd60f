/** How soft a picture is that somebody has: nothing but an option says it, or an estimate that is asked for. */
import { numberOf, type OptionSpec, type OptionValues, textOf, UsageError } from "../../parameters/mod.ts";
import type { HostTensor } from "../../engine/mod.ts";
import { partNames } from "../../operators/mod.ts";
import type { Raster } from "../../raster/mod.ts";
import { type Blur, estimateBlur, type GaussianBlur } from "../estimates/blur.ts";
import { isCircular } from "../estimates/circular_border.ts";
import { blurKernel } from "../estimates/blur_kernel.ts";
import { NOISE_LEVEL } from "./method_options.ts";
import { isTakenForNoise } from "./noisy_picture.ts";
import { PictureQuestion } from "../picture_source.ts";
import { partsOf, type Task, taskNamed } from "./tasks.ts";

/** The option that asks for an estimate. */
export const BLUR_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  blur: {
    kind: "choice",
    choices: ["estimate"],
    help:
      "deblur, without --degrade: estimate from the picture whether it is a Gaussian, out of focus, a square or a " +
      "motion, and its width or its length and angle (instead of --blur-sigma)",
  },
};

/** The task whose blur has a width. */
const TASK = "deblur";

/** Options that say what the blur is. */
const WIDTH = "blur-sigma";
const THRESHOLD = "blur-threshold";
const BOUNDARY = "blur-boundary";
const TAPS = "blur-taps";
const VARIANT = "blur-variant";

/**
 * What is undone of a blur, where nothing else is said, by methods that do not reckon with errors of the picture for every
 * singular value and by those that do. A width that is an estimate has an error of its own: at 0.05 one that is 15 % off
 * has doubled or halved what is left, and of a disc that is taken for a Gaussian 15.6 dB become 22.5.
 */
const LEAST_UNDONE = { estimated: { plain: 0.2, reckoned: 0.05 }, given: { plain: 0.1, reckoned: 0.01 } };

/**
 * Steps of a method that is taken because it reckons with errors: as many as the network is evaluated otherwise, 0.3 dB
 * below the published 100 on photographs.
 */
const STEPS = 30;

/** Methods that reckon with noise for every singular value, of `ddnm+` the form that does. */
const PER_VALUE: Readonly<Record<string, OptionValues>> = { "ddnm+": { form: "spectral" }, ddrm: {} };

/** The method for noisy pictures whose blur has no singular values: it solves for every picture that is predicted. */
const SOLVING = { method: "dds", iterations: 15, steps: STEPS };

/** Deviation of what a network predicts, in units of [-1, 1], against which the noise of a picture is weighed. */
const PREDICTED = 0.15;

/** That method at a deviation of the noise. */
function solvingAt(noise: number): OptionValues {
  return { ...SOLVING, gamma: (PREDICTED / noise) ** 2 };
}

/**
 * Part of the spread of an estimated width by which less is undone: of a photograph with 24.7 dB a width that was right
 * made 27.7, one that was 15 % too small 26.7 and one that was 15 % too large 22.8.
 */
const CAUTION = 0.5;

/**
 * What a width that is given counts to be off by, in units of [-1, 1]: photographs out of focus by a disc of 2.6 pixels,
 * which is no Gaussian, go from 25.3 dB to 26.2 with a width of 1.3 so, and to 18.2 where rounding alone counts.
 */
const GUESSED = 0.03;

/**
 * What an estimated Gaussian counts to be off by at least: discs of 4 pixels, which are taken for Gaussians, go from 27.5,
 * 33.0, 25.5 and 23.5 dB to 27.5, 28.2, 23.3 and 21.8 where rounding alone counts, to 29.1, 28.6, 26.9 and 22.4 so;
 * Gaussians of 1.5 from 26.9, 30.9 and 24.8 to 29.3, 33.5 and 27.2, and to 28.7, 33.3 and 26.7 so.
 */
const ESTIMATED = 0.01;

/** Deviations that a kernel reaches to either side. */
const REACH = 3.5;

/** Kernels have at most so many taps. */
const MOST_TAPS = 255;

/** The task of a blur that is no Gaussian, and the parameter of its kernel. */
const BY_KERNEL = { task: "deblur-kernel", parameter: "psf" };

/**
 * Kernels with more than this part of their length across it (motions by 10 degrees, discs, squares) reach over all four
 * borders, where the mirrored picture is not what lay outside: the error there is many times that of rounding, and
 * iterations carry it inward.
 */
const MOST_SLANTED = 0.176;

/** Estimates that are less sure are refused. */
const LEAST_SURE = 0.75;

/** How far the values of a picture are from those of its measurement, deviations in units of [-1, 1]. */
export interface PictureErrors {
  /** Of its noise, where no option gives it. */
  readonly noise?: number;
  /** Of rounding, more than 0. */
  readonly rounding: number;
}

/** The options of a blur as they are taken, and what is to be said of them. */
export interface SettledBlur {
  /** The task that undoes it. */
  readonly task: Task;
  /** The options of that task. */
  readonly options: OptionValues;
  /** Options of the method that follow where nothing is said of them. */
  readonly method?: OptionValues;
  /** The kernel that was estimated, by the name of its parameter. */
  readonly files?: Readonly<Record<string, HostTensor>>;
  /** Sentences for the user. */
  readonly notes: readonly string[];
}

/**
 * Refuses --blur where it does not belong, and an unknown border of a picture with other damages: what is around it would
 * be measured through them.
 * @throws {UsageError} saying what to change
 */
export function checkBlurOption(options: OptionValues, isTruth: boolean): void {
  if (!isTruth && textOf(options, BOUNDARY) === "unknown" && partNames(textOf(options, "task") ?? "").length > 1) {
    throw new UsageError(`--${BOUNDARY} unknown does not go with other damages of a picture; reflect does`);
  }
  if (options["blur"] === undefined) return;
  if (isTruth || !partNames(textOf(options, "task") ?? "").includes(TASK)) {
    throw new UsageError(`--blur belongs to --task ${TASK} of a picture that is soft already; leave it out`);
  }
  if (options[WIDTH] !== undefined) throw new UsageError(`--blur and --${WIDTH} exclude each other; give one of them`);
}

/**
 * The options of the blur of a picture that is soft already. A width that is asked for is estimated. Nothing is taken for
 * known beyond the borders of a picture that has no other damages, and the method is one that undoes each singular value
 * as far as noise and rounding let it; others undo those that are at least the level of the noise.
 * @param picture values in [-1, 1]
 * @param name what messages call it
 * @throws {PictureQuestion} if nothing says the width, or it cannot be estimated
 */
export function settleBlur(
  options: OptionValues,
  task: Task,
  picture: Raster,
  name: string,
  { noise: estimated = 0, rounding }: PictureErrors,
): SettledBlur {
  if (!partsOf(task).some(({ name }) => name === TASK)) return { task, options, notes: [] };
  const noise = numberOf(options, NOISE_LEVEL) ?? estimated;
  const isGiven = options[WIDTH] !== undefined || options[VARIANT] !== undefined || options[TAPS] === 1;
  if (isGiven) {
    const given = withTaps(options, numberOf(options, WIDTH));
    return { task, ...undoing(given, task, { noise, rounding: Math.max(rounding, GUESSED) }) };
  }
  // Of a picture that was made smaller after it was blurred the blur cannot be seen.
  const found = task.scale === 1 ? estimateBlur(picture) : undefined;
  const isSure = found !== undefined && found.confidence >= LEAST_SURE;
  const others = `--task ${BY_KERNEL.task} --kernel FILE for another blur`;
  if (options["blur"] === undefined) {
    const width = isSure && found.kind === "gaussian" ? found.sigma.toFixed(2) : "N";
    throw new PictureQuestion(
      `the width of the blur of "${name}" was not given; ` +
        `${isSure ? `it is estimated as ${describe(found)}` : doubt(found)}: give --${WIDTH} ${width}` +
        `${isSure ? " or --blur estimate" : ""}, or ${others}`,
    );
  }
  if (!isSure) throw new PictureQuestion(`the blur of "${name}": ${doubt(found)}; give --${WIDTH} N, or ${others}`);
  if (found.kind !== "gaussian") return settleKernel(options, task, picture, { name, found, noise, rounding });
  const width = found.sigma - CAUTION * found.spread;
  const settled = { ...withTaps(options, width), [WIDTH]: width };
  const { notes, ...undone } = undoing(settled, task, {
    noise,
    rounding: Math.max(rounding, ESTIMATED),
    isEstimate: true,
  });
  return {
    task,
    ...undone,
    notes: [
      `The blur is estimated as a Gaussian of ${describe(found)} and undone as one of ${
        width.toFixed(2)
      }, as one that ` +
      `is too wide makes waves; compare --${WIDTH} ${
        found.sigma.toFixed(2)
      }. A lens out of focus by up to 5 pixels looks ` +
      "the same, and what is made of it can be worse than the picture: compare them",
      ...notes,
    ],
  };
}

/** Options with the taps that a Gaussian reaches, where they are not given and the kernel is not cut as published. */
function withTaps(options: OptionValues, width: number | undefined): OptionValues {
  if (width === undefined || !isTrue(options)) return options;
  return { [TAPS]: Math.min(MOST_TAPS, 2 * Math.ceil(REACH * width) + 1), ...options };
}

/** Whether the blur is the one that its kernel describes. */
function isTrue(options: OptionValues): boolean {
  return (options[VARIANT] ?? "true") === "true";
}

/**
 * How a Gaussian is undone: what is taken for known beyond the borders, how small singular values may be, and the method.
 * @param setting.isEstimate whether the width is one
 */
function undoing(
  options: OptionValues,
  task: Task,
  { noise, rounding, isEstimate = false }: Required<PictureErrors> & { readonly isEstimate?: boolean },
): Omit<SettledBlur, "task"> {
  const least = LEAST_UNDONE[isEstimate ? "estimated" : "given"];
  const isWhole = task.parts !== undefined || !isTrue(options) || options[TAPS] === 1;
  const open = isWhole ? options : { [BOUNDARY]: "unknown", ...options };
  const reckoned = isWhole ? undefined : reckoning(open, task, { noise, rounding, least: least.reckoned });
  if (reckoned) return reckoned;
  const above = aboveNoise(open, least.plain, noise);
  return { options: isEstimate ? { [THRESHOLD]: least.plain, ...above } : above, notes: [] };
}

/** Options where each singular value is reckoned with the errors of the picture; undefined if the method is another. */
function reckoning(
  options: OptionValues,
  task: Task,
  { noise, rounding, least }: Required<PictureErrors> & { readonly least: number },
): Omit<SettledBlur, "task"> | undefined {
  const method = perValue(options, task);
  if (!method) return undefined;
  const isKnown = options[NOISE_LEVEL] !== undefined || noise > rounding;
  const level = isKnown ? {} : { [NOISE_LEVEL]: rounding };
  return {
    options: { [THRESHOLD]: least, ...level, ...options },
    method: { ...level, ...method },
    notes: isKnown ? [] : [
      `Errors of the values and of the blur count as noise of ${
        rounding.toFixed(4)
      } (standard deviation for values in ` +
      `[-1, 1]); --${NOISE_LEVEL} N gives another`,
    ],
  };
}

/** Options of a method that reckons with noise for every singular value, if one is named or taken; else undefined. */
function perValue(options: OptionValues, task: Task): OptionValues | undefined {
  if (options[NOISE_LEVEL] === 0) return undefined;
  const named = textOf(options, "method");
  const form = PER_VALUE[named ?? "ddnm+"];
  if (!form || (options["form"] !== undefined && options["form"] !== form["form"])) return undefined;
  if (named !== undefined) return form;
  return isTakenForNoise(options, task) ? { ...form, steps: STEPS } : undefined;
}

/**
 * A blur with a kernel of its own is undone with what lies beyond the borders unknown: a photograph does not go on at its
 * other side, nor mirrored, and taking it so puts waves all over the result. Only where the picture does go on there, as after a
 * program's circular blur, is it taken so. Among other damages the border is taken as mirrored.
 * Noise is reckoned with by a method that needs no singular values, which only a circular border has.
 * @throws {PictureQuestion} among other damages of a blur that reaches over all borders and of a noisy one, and of a noisy
 *   one where another method is named
 */
function settleKernel(
  options: OptionValues,
  task: Task,
  picture: Raster,
  { name, found, noise, rounding }: Required<PictureErrors> & {
    readonly name: string;
    readonly found: Exclude<Blur, GaussianBlur>;
  },
): SettledBlur {
  const { kernel, extent } = blurKernel(found);
  const sides = [extent.width, extent.height];
  if (task.parts && Math.min(...sides) > MOST_SLANTED * Math.max(...sides)) {
    throw new PictureQuestion(
      `the blur of "${name}" is estimated as ${
        describe(found)
      }; a blur across both borders is not undone together with ` +
        `other damages: --task ${TASK} --blur estimate alone does, or --${WIDTH} N says that it is a Gaussian`,
    );
  }
  const boundary = textOf(options, BOUNDARY) ??
    (isCircular(picture, extent) ? "circular" : task.parts ? "reflect" : "unknown");
  const undone = taskNamed(partNames(task.name).map((part) => part === TASK ? BY_KERNEL.task : part).join(" + "));
  const given = { ...options, [BOUNDARY]: boundary };
  // No other border has singular values, and no composition.
  const { plain, reckoned: least } = LEAST_UNDONE.estimated;
  const isReckoned = boundary === "circular" && !task.parts;
  const reckoned = isReckoned ? reckoning(given, undone, { noise, rounding, least }) : undefined;
  const isNoisy = boundary !== "circular" && noise > 0;
  const isTaken = textOf(options, "method") === SOLVING.method || isTakenForNoise(options, undone, SOLVING.method);
  if (isNoisy && (task.parts || !isTaken)) {
    throw new PictureQuestion(
      `the blur of "${name}" is estimated as ${describe(found)}, which cannot be undone so with its noise: ${
        task.parts ? "--task denoise comes first" : `--method ${SOLVING.method} does, or --task denoise comes first`
      }`,
    );
  }
  const solved = isNoisy
    ? {
      method: solvingAt(noise),
      notes: [`--method ${SOLVING.method} is taken, which reckons with noise and needs no singular values`],
    }
    : { notes: [] };
  const { notes, ...how } = reckoned ?? {
    options: { [THRESHOLD]: plain, ...aboveNoise(given, plain, noise) },
    ...solved,
  };
  return {
    task: undone,
    ...how,
    files: { [BY_KERNEL.parameter]: kernel },
    notes: [
      `The blur is estimated as ${
        describe(found)
      }; it is undone as --task ${BY_KERNEL.task} --${BOUNDARY} ${boundary} does ` +
      `with its kernel, --${WIDTH} N says that it is a Gaussian. Such a blur is hard to undo: compare the result with ` +
      "the picture",
      ...notes,
    ],
  };
}

/**
 * The options of a run that undoes a blur by a kernel from a file, as that of an estimated one is undone.
 * @param options as given, with --kernel estimate
 * @param file path of the kernel
 * @param noise deviation that is reckoned with; 0 for an exact picture
 */
export function kernelRunOptions(options: OptionValues, file: string, noise: number): OptionValues {
  const task = taskNamed(BY_KERNEL.task);
  const { plain } = LEAST_UNDONE.estimated;
  const given = { [BOUNDARY]: "unknown", ...options, task: BY_KERNEL.task, kernel: file };
  const isSolved = noise > 0 && textOf(given, BOUNDARY) !== "circular" && isTakenForNoise(given, task, SOLVING.method);
  const method = isSolved ? solvingAt(noise) : {};
  return { ...method, [THRESHOLD]: plain, ...aboveNoise(given, plain, noise) };
}

/** A blur in words. */
function describe(blur: Blur): string {
  const sure = `${(100 * blur.confidence).toFixed(0)} % sure`;
  switch (blur.kind) {
    case "gaussian":
      return `${blur.sigma.toFixed(2)} +- ${blur.spread.toFixed(2)} pixels (standard deviation, ${sure})`;
    case "disc":
      return `out of focus, a disc ${blur.width.toFixed(1)} pixels wide (${sure})`;
    case "square":
      return `a mean over squares of ${blur.width.toFixed(1)} pixels (${sure})`;
    case "motion":
      return `a motion by ${blur.length.toFixed(1)} pixels at ${blur.angle.toFixed(0)} degrees (${sure})`;
  }
}

/** Why an estimate is not taken. */
function doubt(blur: Blur | undefined): string {
  const least = `${100 * LEAST_SURE} % are needed`;
  if (!blur) return "it cannot be estimated from this picture, which is too small or shows too little";
  return `it cannot be estimated, the likeliest is ${describe(blur)} and ${least}`;
}

/** The threshold raised to the level of the noise, where that is known and larger. */
function aboveNoise(options: OptionValues, initial: number, noise: number): OptionValues {
  if (options[THRESHOLD] !== undefined || noise <= initial) return options;
  return { ...options, [THRESHOLD]: Math.min(1, noise) };
}
