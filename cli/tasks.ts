/** The tasks of `restore` and `degrade`: a name for an operator, its parameters and the sampler preset that goes with it. */
import type { HostTensor, Shape } from "../engine/mod.ts";
import { createOperator, type LinearOperator, type OperatorOptions } from "../operators/mod.ts";
import type { RestorationTask } from "../samplers/mod.ts";
import { type Arguments, type CommandSpec, didYouMean, type OptionSpec, UsageError } from "./arguments.ts";

/** What is wrong with a picture, and how that is modelled. */
export interface Task {
  readonly name: string;
  readonly description: string;
  /** Name in the register of operators. */
  readonly operator: string;
  /** Which published sampler parameters fit. */
  readonly kind: RestorationTask;
  /** How many times smaller the measurement is along each side. */
  readonly scale: number;
  /** Channels of the measurement. */
  readonly channels: 1 | 3;
}

const SCALES = [2, 4, 8, 16];

/** All tasks by name. */
export const TASKS: ReadonlyMap<string, Task> = new Map(
  [
    ...SCALES.map((scale): Task => ({
      name: `sr${scale}`,
      description: `enlarge x${scale} a picture whose pixels are means of ${scale}x${scale} pixels`,
      operator: "sr_average",
      kind: "super_resolution",
      scale,
      channels: 3,
    })),
    ...SCALES.map((scale): Task => ({
      name: `sr${scale}-bicubic`,
      description: `enlarge x${scale} a picture that was reduced bicubically`,
      operator: "sr_bicubic",
      kind: "super_resolution",
      scale,
      channels: 3,
    })),
    {
      name: "colorize",
      description: "colour a gray picture",
      operator: "colorize",
      kind: "colorization",
      scale: 1,
      channels: 1,
    } satisfies Task,
    {
      name: "inpaint",
      description: "fill what a mask marks as missing",
      operator: "inpaint",
      kind: "inpainting",
      scale: 1,
      channels: 3,
    } satisfies Task,
    {
      name: "deblur",
      description: "sharpen a picture blurred by a Gaussian",
      operator: "deblur_gauss",
      kind: "deblurring",
      scale: 1,
      channels: 3,
    } satisfies Task,
  ].map((task) => [task.name, task]),
);

/**
 * What a network that was trained to enlarge does by itself, given the small picture. Its pictures were made small by
 * means of blocks, so that is how `--degrade` does it and what the result is compared with. How much it enlarges is the
 * network's; see `fitUpsampling`.
 */
export const UPSAMPLE: Task = {
  name: "upsample",
  description: "enlarge a picture with a network trained for it (an upsampler), by plain sampling",
  operator: "sr_average",
  kind: "super_resolution",
  scale: 1,
  channels: 3,
};

/** What `restore` does: all tasks, and upsampling. */
export const RESTORE_TASKS: ReadonlyMap<string, Task> = new Map([...TASKS, [UPSAMPLE.name, UPSAMPLE]]);

/** Tasks with their meaning, for help texts. */
export function taskList(tasks: ReadonlyMap<string, Task>): NonNullable<CommandSpec["lists"]>[number] {
  return { title: "Tasks", rows: Array.from(tasks.values(), ({ name, description }) => [name, description]) };
}

/** The blur of the usual benchmark. */
const BLUR = { variant: "true", sigma: 15, taps: 9 } as const;

/**
 * Smallest singular value of a blur that is undone: as published for a blur computed here, and more for a picture that
 * comes from a file: its values are rounded to 8 bits, and 1 / 0.03^2 times the rounding would drown them.
 */
const BLUR_THRESHOLD = { computed: 0.03, measured: 0.1 } as const;

/** The side of the missing box where none is given: the 24 of 64 pixels of the usual benchmark. */
const MISSING_BOX = 24 / 64;

/** The options that name and describe a task, shared by the commands that take one. */
export const TASK_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  task: { kind: "text", value: "NAME", help: "What is wrong with the picture, see below" },
  mask: { kind: "text", value: "FILE", help: "inpaint: picture that marks the missing pixels, of the picture's size" },
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
    help: `deblur: standard deviation in pixels (default ${BLUR.sigma})`,
  },
  "blur-taps": {
    kind: "integer",
    min: 1,
    max: 255,
    help: `deblur: odd number of taps of the kernel (default ${BLUR.taps})`,
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
    const owner = option.startsWith("mask") ? "inpaint" : option.startsWith("blur") ? "deblur" : name;
    if (args.has(option) && owner !== name) {
      throw new UsageError(`--${option} belongs to task "${owner}", the task is "${name}"; leave it out`);
    }
  }
  const masks = ["mask", "mask-box", "mask-random"].filter((option) => args.has(option));
  if (masks.length > 1) throw new UsageError(`--${masks.join(" and --")} exclude each other; give one of them`);
  if (args.has("mask-keep") && !args.has("mask")) throw new UsageError("--mask-keep needs --mask FILE");
  const taps = args.number("blur-taps") ?? 1;
  if (taps % 2 === 0) throw new UsageError(`--blur-taps is ${taps}, an odd number is needed: one tap is the middle`);
  return task;
}

/** What the operator of a task depends on besides the options. */
export interface TaskSetting {
  /** Known pixels [H, W], for inpainting with a given mask. */
  readonly mask?: HostTensor | undefined;
  /** Decides where a box or random pixels are missing. */
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
  { mask, seed, isMeasured, reduction = 1 }: TaskSetting,
): OperatorOptions {
  switch (task.kind) {
    case "super_resolution":
      return { scale: task.scale };
    case "colorization":
      return {};
    case "inpainting": {
      if (mask) return { mask };
      const missing = args.number("mask-random");
      if (missing !== undefined) return { missing, seed };
      const side = (extent: number): number =>
        Math.max(1, Math.round(extent * (args.number("mask-box") ?? MISSING_BOX)));
      return { box: { height: side(height), width: side(width) }, seed };
    }
    case "deblurring":
      return {
        variant: (args.text("blur-variant") ?? BLUR.variant) as NonNullable<OperatorOptions["variant"]>,
        sigma: (args.number("blur-sigma") ?? BLUR.sigma) / reduction,
        taps: nearestOdd((args.number("blur-taps") ?? BLUR.taps) / reduction),
        threshold: args.number("blur-threshold") ?? BLUR_THRESHOLD[isMeasured ? "measured" : "computed"],
      };
  }
}

/** Builds the operator of a task with parameters from `operatorOptions`. */
export function taskOperator(task: Task, imageShape: Shape, options: OperatorOptions): LinearOperator {
  return createOperator(task.operator, imageShape, options);
}

function nearestOdd(value: number): number {
  return 2 * Math.round((value - 1) / 2) + 1;
}
