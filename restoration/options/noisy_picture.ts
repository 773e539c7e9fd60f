/** The noise of pictures that somebody has: how much is said of it, and which method reckons with it. */
import { NONLINEAR_OPERATORS } from "../../operators/mod.ts";
import { numberOf, type OptionValues, textOf } from "../../parameters/mod.ts";
import { type Raster, rgbToGray } from "../../raster/mod.ts";
import { type AnySampler, isPlain, registeredSamplers } from "../../samplers/mod.ts";
import { methodRefusal } from "./choose_method.ts";
import { methodOptions, NOISE_LEVEL, takesOption } from "./method_options.ts";
import type { JpegFileSteps } from "../estimates/jpeg_noise.ts";
import { estimateNoiseLevel, type NoiseLevel } from "../estimates/noise_level.ts";
import { isNoisy, NOISY_JPEG, partsOf, type Task, UPSAMPLE } from "./tasks.ts";

/** The method that is taken for noisy pictures where none is named. */
const FOR_NOISE = "ddnm+";

/** The coefficients of a JPEG file are not equally exact, so that each needs its own correction. */
const FOR_COEFFICIENTS: OptionValues = { form: "spectral" };

/** Of such coefficients, 30 steps by noise restore better than 100 even ones (docs/performance.md). */
const BY_NOISE: OptionValues = { spacing: "noise", steps: 30 };

/** A value that no picture has, so that estimates pass over the pixel. */
const UNKNOWN = 2;

/** A picture as it was read, as far as its noise depends on it. */
export interface NoisyPicture {
  /** Its pixels, values in [-1, 1]. */
  readonly colour: Raster;
  /** 1 where the picture is known, 0 where it is missing [H, W]. */
  readonly mask?: { readonly known: { readonly data: ArrayLike<number> } } | undefined;
  /** The steps that it was rounded to, where it comes from a JPEG file. */
  readonly jpeg?: JpegFileSteps | undefined;
}

/** The noise of a picture as its task measures it, where it is known. */
export function noiseOfPicture(
  { colour, mask, jpeg }: NoisyPicture,
  task: Task,
): NoiseLevel | undefined {
  const { channels, ...measured } = task.channels === 1 ? rgbToGray(colour) : colour;
  const known = mask?.known.data;
  const data = known
    ? measured.data.map((value, i) => known[Math.floor(i / channels)] === 0 ? UNKNOWN : value)
    : measured.data;
  return estimateNoiseLevel({ ...measured, channels, data } as Raster, { jpeg });
}

/** Whether noise that was estimated counts for a task: plain noise, and any where noise is what is to be removed. */
export function isReckoned(noise: NoiseLevel | undefined, task: Task): noise is NoiseLevel {
  return noise !== undefined && (isNoisy(task) || (noise.isPlain && takesNoise(task)));
}

/**
 * What noise that was estimated counts as where it is to be removed. What a method leaves when it takes off no more than
 * there is looks noisy still: 7 % more made pictures with 15 and 25 levels 0.2 to 0.5 dB better, in 30 steps and in 100.
 * Coefficients of JPEG files have an error of rounding besides, and gain nothing.
 */
const COUNTED = 1.07;

/** Whether more noise is counted than was estimated. */
function isRaised({ kind, sigma }: NoiseLevel, task: Task): boolean {
  return isNoisy(task) && kind !== "compressed" && sigma > 0;
}

/** The deviation that estimated noise counts as for a task, in units of [-1, 1]; undefined if none was estimated. */
export function countedNoise(noise: NoiseLevel | undefined, task: Task): number | undefined {
  return noise && (isRaised(noise, task) ? COUNTED : 1) * noise.sigma;
}

/** Whether there are methods that reckon with noise for a task. */
function takesNoise(task: Task): boolean {
  return isNoisy(task) || (task.name !== UPSAMPLE.name && !partsOf(task).some(({ operator }) => isNonlinear(operator)));
}

/** Whether an operator bends values or rounds them, so that noise is not simply added to what it gives. */
function isNonlinear(operator: string): boolean {
  return NONLINEAR_OPERATORS.has(operator) || operator === "jpeg";
}

/** Options with the method that they stand for, and what is to be said of it. */
export interface NoiseMethod {
  /** All options, those of the method among them. */
  readonly options: OptionValues;
  /** Sentences for the user. */
  readonly notes: readonly string[];
}

/**
 * Whether a method that reckons with noise is taken by itself: none is named, and it takes the task and the other options.
 */
export function isTakenForNoise(options: OptionValues, task: Task, name = FOR_NOISE): boolean {
  const entry = registeredSamplers().find(({ method }) => method === name)!;
  const given = Object.keys(methodOptions()).filter((option) => option !== "method" && options[option] !== undefined);
  return textOf(options, "method") === undefined && given.every((option) => takesOption(entry, option)) &&
    methodRefusal({ ...options, method: name }, task) === undefined;
}

/**
 * The method for a picture that somebody has: one that reckons with noise where none is named and the picture is plainly
 * noisy, noise is to be removed, or a level is given, as far as it takes the other options. A level of 0 says that there
 * is no noise. Other options are kept.
 * @param noise as `noiseOfPicture` gives it; undefined where a level is given
 */
export function methodForNoise(options: OptionValues, task: Task, noise?: NoiseLevel): NoiseMethod {
  const level = numberOf(options, NOISE_LEVEL);
  const named = textOf(options, "method");
  const isTold = level === undefined ? isReckoned(noise, task) : level > 0 && takesNoise(task);
  if (!task.entry.isLinear || (!isNoisy(task) && !isTold)) {
    const { [NOISE_LEVEL]: _, ...without } = options;
    return { options: level === 0 && named === undefined ? without : options, notes: [] };
  }
  if (isTakenForNoise(options, task)) {
    const form = task.operator === NOISY_JPEG ? { ...FOR_COEFFICIENTS, ...options } : options;
    // Other forms draw no fresh noise there, and lose by more steps.
    const isByNoise = task.operator === NOISY_JPEG && form["form"] === FOR_COEFFICIENTS["form"] &&
      options["spacing"] === undefined;
    return {
      options: { ...(isByNoise ? BY_NOISE : {}), ...form, method: FOR_NOISE },
      notes: [
        `--method ${FOR_NOISE} is taken, which reckons with noise` +
        (isByNoise ? ", --spacing noise with it: most steps where the noise is taken off" : ""),
      ],
    };
  }
  const reckons = registeredSamplers().some(({ method, handlesNoise }) => method === named && handlesNoise);
  return { options, notes: reckons ? [] : [describeTakers()] };
}

/** Names the methods that reckon with noise. */
function describeTakers(): string {
  const reckons = (entry: AnySampler): boolean => !isPlain(entry) && entry.handlesNoise;
  const names = registeredSamplers().filter(reckons).map(({ method }) => method);
  return `The method does not reckon with noise and gives back what it takes for the picture; ${names.join(", ")} do`;
}

/** Levels of 255 for a range of 2. */
const LEVELS = 127.5;

/** What is said of each kind of noise. */
const KINDS = {
  gaussian: "",
  photons: ", photon noise, which grows with the brightness: its mean is taken",
  compressed: ", before the JPEG compression",
} as const;

/** Says what was estimated, or that nothing could be; empty where noise is no concern of the task. */
export function describeNoise(level: NoiseLevel | undefined, task: Task): readonly string[] {
  if (!level) {
    const message = "The noise cannot be estimated from so few pixels and counts as 0; --noise-level N gives it";
    return isNoisy(task) ? [message] : [];
  }
  if (!isNoisy(task) && !level.isPlain) return [];
  const { sigma, spread, kind } = level;
  return [
    `The noise is estimated as ${sigma.toFixed(3)} +- ${spread.toFixed(3)} (standard deviation for values in ` +
    `[-1, 1]; ${(sigma * LEVELS).toFixed(1)} of 255 levels${KINDS[kind]}); ` +
    (isRaised(level, task) ? `${Math.round(100 * (COUNTED - 1))} % more is counted, so that none is left; ` : "") +
    (takesNoise(task)
      ? "--noise-level N gives another"
      : `no method reckons with it for task "${task.name}": --task denoise comes first`),
  ];
}
