/** The options of tasks: which there are, whose they are, and the parameters of operators that they give. */
import type { HostTensor, Shape } from "../engine/mod.ts";
import { type BlurNetwork, type MeasurementNoise, type OperatorOptions, SAMPLINGS } from "../operators/mod.ts";
import { type Arguments, didYouMean, type OptionSpec, UsageError } from "./arguments.ts";
import { reducedKernel } from "./kernel_file.ts";
import { type Task, TASKS } from "./tasks.ts";

/** The blur of the usual benchmark. */
const BLUR = { variant: "true", sigma: 15, taps: 9 } as const;

/**
 * Smallest singular value of a blur that is undone: as published for a blur computed here, and more for a picture that
 * comes from a file: its values are rounded to 8 bits, and 1 / 0.03^2 times the rounding would drown them.
 */
const BLUR_THRESHOLD = { computed: 0.03, measured: 0.1 } as const;

/** The blurs in two dimensions of the usual benchmarks. */
const BLUR_2D = { sigma: 3, taps: 61, intensity: 0.5 } as const;

/** The blur before every scale-th pixel is taken. */
const SAMPLED_BLUR = { sigma: 1.6, taps: 25 } as const;

/** The widths of the anisotropic blur. */
const ANISOTROPIC = { sigma: 1, sigmaWidth: 20 } as const;

/** The side of the missing box where none is given: the 24 of 64 pixels of the usual benchmark. */
const MISSING_BOX = 24 / 64;

/** The options that name and describe a task, shared by the commands that take one. */
export const TASK_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  task: { kind: "text", value: "NAME", help: "What is wrong with the picture, see below" },
  mask: { kind: "text", value: "FILE", help: "inpaint, old-photo: picture that marks the missing pixels" },
  "mask-keep": { kind: "choice", choices: ["white", "black"], help: "inpaint: colour of known pixels (default white)" },
  "mask-box": {
    kind: "number",
    min: 0,
    max: 1,
    help: `inpaint, a good picture: side of a missing box, as share of the picture's (default ${MISSING_BOX})`,
  },
  "mask-random": { kind: "number", min: 0, max: 1, help: "inpaint, a good picture: share of pixels missing at random" },
  "blur-sigma": {
    kind: "number",
    min: 0.01,
    max: 10000,
    help: `deblur: standard deviation in pixels (default ${BLUR.sigma}, of other blurs their own)`,
  },
  "blur-taps": {
    kind: "integer",
    min: 1,
    max: 255,
    help: `deblur: odd number of taps of the kernel (default ${BLUR.taps}, in two dimensions ${BLUR_2D.taps})`,
  },
  "blur-variant": {
    kind: "choice",
    choices: ["true", "published", "published_matched"],
    help: "deblur: the true blur (default), or what published code computes",
  },
  "blur-threshold": {
    kind: "number",
    min: 0,
    max: 1,
    help: "deblur: smallest singular value of the blur that is undone; more for noisy pictures " +
      `(default ${BLUR_THRESHOLD.measured}, for a blur made here ${BLUR_THRESHOLD.computed})`,
  },
  "blur-sigma-width": {
    kind: "number",
    min: 0.01,
    max: 10000,
    help: `deblur-aniso: standard deviation along the width (default ${ANISOTROPIC.sigmaWidth})`,
  },
  "blur-boundary": {
    kind: "choice",
    choices: ["circular", "reflect"],
    help: "deblur-kernel, deblur-motion: what lies outside, the other side (default) or the mirrored picture",
  },
  "blur-intensity": {
    kind: "number",
    min: 0,
    max: 1,
    help: `deblur-motion: from a straight line to a tangle (default ${BLUR_2D.intensity})`,
  },
  "blur-seed": { kind: "integer", min: 0, max: 2 ** 32 - 1, help: "deblur-motion: seed of the path (default 0)" },
  kernel: {
    kind: "text",
    value: "FILE",
    help:
      "deblur-kernel, sr2-kernel, sr4-kernel: the blur, as a picture or a text with a row of numbers on each line; " +
      "scaled to sum 1",
  },
  keep: { kind: "number", min: 0.01, max: 1, help: "outpaint: known share of each side (default 0.5)" },
  ratio: { kind: "number", min: 0.0001, max: 1, help: "cs, cs-block: measured share (default 0.25)" },
  inverse: {
    kind: "choice",
    choices: ["exact", "factors"],
    help: "old-photo, sr4-gray: A^+ by conjugate gradients (default) or from the factors, as published",
  },
  views: { kind: "integer", min: 1, max: 4096, help: "ct: number of views (default 30)" },
  arc: { kind: "number", min: 1, max: 180, help: "ct: degrees that the views share (default 180)" },
  sampling: { kind: "choice", choices: SAMPLINGS, help: "mri: how frequencies are chosen (default gaussian_1d)" },
  acceleration: { kind: "number", min: 1, max: 1000, help: "mri: one frequency in so many (default 4)" },
  centre: { kind: "number", min: 0, max: 1, help: "mri: share of columns always measured (default 0.08)" },
  gain: { kind: "number", min: 0.01, max: 100, help: "hdr: how far the exposure exceeds the range (default 2)" },
  quality: { kind: "number", min: 1, max: 100, help: "jpeg: quality of the compression (default 60)" },
  oversample: { kind: "number", min: 0, max: 8, help: "phase: how much finer frequencies are sampled (default 2)" },
  "blur-network": {
    kind: "text",
    value: "FILE",
    help: "deblur-network: convolutions layers.0, layers.1, ... with max(x, 0) between them, see docs/samplers.md",
  },
  coils: { kind: "integer", min: 1, max: 32, help: "mri: number of coils (default 1)" },
};

/** The tasks that an option belongs to; the others belong to all. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  mask: ["inpaint", "old-photo"],
  "mask-keep": ["inpaint", "old-photo"],
  "mask-box": ["inpaint", "old-photo"],
  "mask-random": ["inpaint", "old-photo"],
  "blur-sigma": ["deblur", "deblur-aniso", "deblur-kernel", "sr2-kernel", "sr4-kernel"],
  "blur-taps": [
    "deblur",
    "deblur-uniform",
    "deblur-aniso",
    "deblur-kernel",
    "deblur-motion",
    "sr2-kernel",
    "sr4-kernel",
  ],
  "blur-variant": ["deblur"],
  "blur-threshold": ["deblur", "deblur-uniform", "deblur-aniso", "deblur-kernel", "deblur-motion"],
  "blur-sigma-width": ["deblur-aniso"],
  "blur-boundary": ["deblur-kernel", "deblur-motion"],
  "blur-intensity": ["deblur-motion"],
  "blur-seed": ["deblur-motion"],
  "blur-network": ["deblur-network"],
  gain: ["hdr"],
  quality: ["jpeg"],
  oversample: ["phase"],
  kernel: ["deblur-kernel", "sr2-kernel", "sr4-kernel"],
  keep: ["outpaint"],
  ratio: ["cs", "cs-block"],
  inverse: ["old-photo", "sr4-gray"],
  views: ["ct"],
  arc: ["ct"],
  sampling: ["mri"],
  acceleration: ["mri"],
  centre: ["mri"],
  coils: ["mri"],
};

/**
 * The task of a command line.
 * @param fallback where none is named
 * @param tasks those that the command can do
 * @throws {UsageError} if there is no such task, an option belongs to another task, or options contradict each other
 */
export function chooseTask(args: Arguments, fallback: string, tasks = TASKS): Task {
  const name = args.text("task") ?? fallback;
  const task = tasks.get(name);
  if (!task) {
    const known = [...tasks.keys()];
    throw new UsageError(`there is no task "${name}", one of ${known.join(", ")} is needed${didYouMean(name, known)}`);
  }
  for (const option of Object.keys(TASK_OPTIONS)) {
    const owners = OWNERS[option];
    if (args.has(option) && owners && !owners.includes(name)) {
      throw new UsageError(
        `--${option} belongs to task ${
          owners.map((owner) => `"${owner}"`).join(", ")
        }, the task is "${name}"; leave it out`,
      );
    }
  }
  const masks = ["mask", "mask-box", "mask-random"].filter((option) => args.has(option));
  if (masks.length > 1) throw new UsageError(`--${masks.join(" and --")} exclude each other; give one of them`);
  if (args.has("mask-keep") && !args.has("mask")) throw new UsageError("--mask-keep needs --mask FILE");
  const shape = ["blur-sigma", "blur-taps"].find((option) => args.has(option));
  if (args.has("kernel") && shape) throw new UsageError(`--kernel and --${shape} exclude each other; give one of them`);
  const taps = args.number("blur-taps") ?? 1;
  if (taps % 2 === 0) throw new UsageError(`--blur-taps is ${taps}, an odd number is needed: one tap is the middle`);
  return task;
}

/** The options that describe the noise of a measurement that is made here. */
export const NOISE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  "sigma-y": { kind: "number", min: 0, max: 10, help: "Standard deviation of noise added to it, values in [-1, 1]" },
  "poisson-rate": { kind: "number", min: 1e-6, max: 1e6, help: "Count photons instead, 255 times the rate for white" },
  "jpeg-quality": { kind: "number", min: 1, max: 100, help: "Compress it as JPEG instead, quality 1 to 100" },
};

/**
 * The noise of a command line.
 * @param task what is measured, where it is known
 * @throws {UsageError} if there are two kinds of it, or it is one of pictures and the measurement is none
 */
export function chooseNoise(args: Arguments, task?: Task): MeasurementNoise {
  const given = Object.keys(NOISE_OPTIONS).filter((option) => args.has(option));
  if (given.length > 1) throw new UsageError(`--${given.join(" and --")} exclude each other; give one of them`);
  const ofPictures = given.find((option) => option !== "sigma-y");
  if (task?.form === "values" && ofPictures !== undefined) {
    throw new UsageError(
      `--${ofPictures} is noise of pictures, measurements of task "${task.name}" are none; --sigma-y goes with them`,
    );
  }
  const rate = args.number("poisson-rate");
  if (rate !== undefined) return { kind: "poisson", rate };
  const quality = args.number("jpeg-quality");
  if (quality !== undefined) return { kind: "jpeg", quality };
  return { kind: "gaussian", sigma: args.number("sigma-y") ?? 0 };
}

/** What the operator of a task depends on besides the options. */
export interface TaskSetting {
  /** Known pixels [H, W], for inpainting with a given mask. */
  readonly mask?: HostTensor | undefined;
  /** Blur of --kernel [h, w]. */
  readonly kernel?: HostTensor | undefined;
  /** The network of a blur; the one of the operator where there is none. */
  readonly network?: BlurNetwork | undefined;
  /** Decides where a box or random pixels are missing, and the code of a blur network. */
  readonly seed: number;
  /** Whether the measurement comes from a file instead of being computed here. */
  readonly isMeasured: boolean;
  /** How many times smaller the picture is than the one that the options speak of; default 1. */
  readonly reduction?: number;
}

/**
 * The parameters of a task's operator for pictures of one size, nothing left to defaults.
 * @param imageShape [H, W, C]
 */
export function operatorOptions(
  task: Task,
  [height = 0, width = 0]: Shape,
  args: Arguments,
  { mask, kernel, network, seed, isMeasured, reduction = 1 }: TaskSetting,
): OperatorOptions {
  const sigma = (fallback: number): number => (args.number("blur-sigma") ?? fallback) / reduction;
  const taps = (fallback: number): number => nearestOdd((args.number("blur-taps") ?? fallback) / reduction);
  const threshold = args.number("blur-threshold") ?? BLUR_THRESHOLD[isMeasured ? "measured" : "computed"];
  const choice = <T extends string>(option: string, fallback: T): T => (args.text(option) ?? fallback) as T;
  const ratio = args.number("ratio") ?? 0.25;
  switch (task.operator) {
    case "sr_average":
    case "sr_bicubic":
      return { scale: task.scale };
    case "sr_kernel":
      return kernel
        ? { scale: task.scale, psf: reducedKernel(kernel, reduction) }
        : { scale: task.scale, sigma: sigma(SAMPLED_BLUR.sigma), taps: taps(SAMPLED_BLUR.taps) };
    case "sr_gray":
      return { scale: task.scale, inverse: choice("inverse", "exact") };
    case "inpaint":
      return missingPixels([height, width], args, { mask, seed });
    case "old_photo":
      return {
        ...missingPixels([height, width], args, { mask, seed }),
        scale: task.scale,
        inverse: choice("inverse", "exact"),
      };
    case "outpaint":
      return { keep: args.number("keep") ?? 0.5 };
    case "deblur_gauss":
      return {
        variant: choice("blur-variant", BLUR.variant),
        sigma: sigma(BLUR.sigma),
        taps: taps(BLUR.taps),
        threshold,
      };
    case "deblur_uniform":
      return { taps: taps(BLUR.taps), threshold };
    case "deblur_aniso":
      return {
        sigma: sigma(ANISOTROPIC.sigma),
        sigmaWidth: (args.number("blur-sigma-width") ?? ANISOTROPIC.sigmaWidth) / reduction,
        taps: taps(BLUR.taps),
        threshold,
      };
    case "deblur_kernel":
      return {
        ...(kernel
          ? { psf: reducedKernel(kernel, reduction) }
          : { sigma: sigma(BLUR_2D.sigma), taps: taps(BLUR_2D.taps) }),
        boundary: choice("blur-boundary", "circular"),
        threshold,
      };
    case "deblur_motion":
      return {
        taps: taps(BLUR_2D.taps),
        intensity: args.number("blur-intensity") ?? BLUR_2D.intensity,
        seed: args.number("blur-seed") ?? 0,
        boundary: choice("blur-boundary", "circular"),
        threshold,
      };
    case "hdr":
      return { gain: args.number("gain") ?? 2 };
    case "jpeg":
      return { quality: args.number("quality") ?? 60 };
    case "deblur_network":
      return { ...(network ? { network } : {}), seed };
    case "phase_retrieval":
      return { oversample: args.number("oversample") ?? 2 };
    case "cs_hadamard":
      return { ratio, seed };
    case "cs_block":
      return { ratio, seed, block: 32 };
    case "ct":
      return { views: args.number("views") ?? 30, arc: args.number("arc") ?? 180 };
    case "mri_picture":
      return {
        sampling: choice("sampling", "gaussian_1d"),
        acceleration: args.number("acceleration") ?? 4,
        centre: args.number("centre") ?? 0.08,
        coils: args.number("coils") ?? 1,
        seed,
      };
    default:
      return {};
  }
}

/** What is missing: by the mask, a random share, or a box. */
function missingPixels(
  [height, width]: readonly [number, number],
  args: Arguments,
  { mask, seed }: Pick<TaskSetting, "mask" | "seed">,
): OperatorOptions {
  if (mask) return { mask };
  const missing = args.number("mask-random");
  if (missing !== undefined) return { missing, seed };
  const side = (extent: number): number => Math.max(1, Math.round(extent * (args.number("mask-box") ?? MISSING_BOX)));
  return { box: { height: side(height), width: side(width) }, seed };
}

function nearestOdd(value: number): number {
  return 2 * Math.round((value - 1) / 2) + 1;
}
