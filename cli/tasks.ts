/** The tasks of `restore` and `degrade`: a name for an operator, its parameters and the sampler preset that goes with it. */
import type { HostTensor, Shape } from "../engine/mod.ts";
import { createOperator, type LinearOperator, type OperatorOptions } from "../operators/mod.ts";
import type { RestorationTask } from "../samplers/mod.ts";
import { type Arguments, didYouMean, type OptionSpec, UsageError } from "./arguments.ts";

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
  /** Whether A and A^+ act on pixels or blocks, so that they are cheap at any size. */
  readonly local: boolean;
}

const SCALES = [2, 4, 8, 16];

/** All tasks by name. */
export const TASKS: ReadonlyMap<string, Task> = new Map(
  [
    ...SCALES.map((scale): Task => ({
      name: `sr${scale}`,
      description: `enlarge x${scale}; every pixel of the small picture is the mean of ${scale}x${scale} pixels`,
      operator: "sr_average",
      kind: "super_resolution",
      scale,
      channels: 3,
      local: true,
    })),
    ...SCALES.map((scale): Task => ({
      name: `sr${scale}-bicubic`,
      description: `enlarge x${scale} a picture that was reduced bicubically`,
      operator: "sr_bicubic",
      kind: "super_resolution",
      scale,
      channels: 3,
      local: false,
    })),
    {
      name: "colorize",
      description: "colour a gray picture",
      operator: "colorize",
      kind: "colorization",
      scale: 1,
      channels: 1,
      local: true,
    } satisfies Task,
    {
      name: "inpaint",
      description: "fill what a mask marks as missing",
      operator: "inpaint",
      kind: "inpainting",
      scale: 1,
      channels: 3,
      local: true,
    } satisfies Task,
    {
      name: "deblur",
      description: "sharpen a picture blurred by a Gaussian",
      operator: "deblur_gauss",
      kind: "deblurring",
      scale: 1,
      channels: 3,
      local: false,
    } satisfies Task,
  ].map((task) => [task.name, task]),
);

/** The options that name and describe a task, shared by the commands that take one. */
export const TASK_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  task: { kind: "text", value: "NAME", help: `What is wrong with the picture: ${[...TASKS.keys()].join(", ")}` },
  mask: { kind: "text", value: "FILE", help: "inpaint: picture that marks the missing pixels, of the picture's size" },
  "mask-keep": { kind: "choice", choices: ["white", "black"], help: "inpaint: colour of known pixels (default white)" },
  "mask-box": {
    kind: "number",
    min: 0,
    max: 1,
    help: "inpaint --degrade: side of a missing box, as share of the side",
  },
  "mask-random": { kind: "number", min: 0, max: 1, help: "inpaint --degrade: share of pixels missing at random" },
  "blur-sigma": { kind: "number", min: 0.01, help: "deblur: standard deviation in pixels (default 15)" },
  "blur-taps": { kind: "integer", min: 1, max: 255, help: "deblur: odd number of taps of the kernel (default 9)" },
  "blur-variant": {
    kind: "choice",
    choices: ["true", "published", "published_matched"],
    help: "deblur: the true blur (default), or what published code computes",
  },
};

/**
 * The task of a command line.
 * @throws {UsageError} if there is no such task, or an option belongs to another task
 */
export function chooseTask(args: Arguments, fallback: string): Task {
  const name = args.text("task") ?? fallback;
  const task = TASKS.get(name);
  if (!task) {
    const known = [...TASKS.keys()];
    throw new UsageError(`there is no task "${name}", one of ${known.join(", ")} is needed${didYouMean(name, known)}`);
  }
  for (const option of Object.keys(TASK_OPTIONS)) {
    const owner = option.startsWith("mask") ? "inpaint" : option.startsWith("blur") ? "deblur" : name;
    if (args.has(option) && owner !== name) {
      throw new UsageError(`--${option} belongs to task "${owner}", the task is "${name}"; leave it out`);
    }
  }
  return task;
}

/**
 * Refuses options on the mask that contradict each other.
 * @throws {UsageError} naming them
 */
export function checkMaskOptions(args: Arguments): void {
  if (args.has("mask-keep") && !args.has("mask")) throw new UsageError("--mask-keep needs --mask FILE");
  const given = ["mask", "mask-box", "mask-random"].filter((name) => args.has(name));
  if (given.length > 1) throw new UsageError(`--${given.join(" and --")} exclude each other; give one of them`);
}

/** The side of the missing box where none is given: the 24 of 64 pixels of the usual benchmark. */
const DEFAULT_BOX = 24 / 64;

/**
 * Builds the operator of a task for pictures of one size.
 * @param imageShape [H, W, C]
 * @param mask known pixels [H, W], for inpainting with a given mask
 * @param seed decides where a box or random pixels are missing
 */
export function taskOperator(
  task: Task,
  imageShape: Shape,
  args: Arguments,
  { mask, seed }: { readonly mask?: HostTensor | undefined; readonly seed: number },
): LinearOperator {
  return createOperator(task.operator, imageShape, operatorOptions(task, imageShape, args, mask, seed));
}

function operatorOptions(
  task: Task,
  [height = 0, width = 0]: Shape,
  args: Arguments,
  mask: HostTensor | undefined,
  seed: number,
): OperatorOptions {
  switch (task.operator) {
    case "sr_average":
    case "sr_bicubic":
      return { scale: task.scale };
    case "inpaint": {
      if (mask) return { mask };
      const missing = args.number("mask-random");
      if (missing !== undefined) return { missing, seed };
      const side = (extent: number): number =>
        Math.max(1, Math.round(extent * (args.number("mask-box") ?? DEFAULT_BOX)));
      return { box: { height: side(height), width: side(width) }, seed };
    }
    case "deblur_gauss": {
      const variant = args.text("blur-variant") as OperatorOptions["variant"];
      const sigma = args.number("blur-sigma");
      const taps = args.number("blur-taps");
      return {
        ...(variant === undefined ? {} : { variant }),
        ...(sigma === undefined ? {} : { sigma }),
        ...(taps === undefined ? {} : { taps }),
      };
    }
    default:
      return {};
  }
}
