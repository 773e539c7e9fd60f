/** The tasks of `restore` and `degrade`: a name for an operator, and the sampler preset that goes with it. */
import type { Shape } from "../engine/mod.ts";
import { createDegradation, type Operator, type OperatorOptions } from "../operators/mod.ts";
import type { RestorationTask } from "../samplers/mod.ts";
import type { CommandSpec } from "./arguments.ts";

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
  /** Channels of the measurement, where it is a picture. */
  readonly channels: 1 | 3;
  /**
   * What a measurement is: a picture that `restore` takes from a file, a picture that says too little by itself, or
   * values that no picture file holds. `restore` takes the last two from a measurement file. Default `file`.
   */
  readonly form?: "file" | "picture" | "values";
  /** Whether only the mean of the channels is measured, so that the restored picture is gray. */
  readonly isGray?: true;
  /** Number by which the sides of the picture must be divisible; default `scale`. */
  readonly multiple?: number;
}

const SCALES = [2, 4, 8, 16];

/** All tasks by name. */
export const TASKS: ReadonlyMap<string, Task> = new Map(
  ([
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
    },
    {
      name: "inpaint",
      description: "fill what a mask marks as missing",
      operator: "inpaint",
      kind: "inpainting",
      scale: 1,
      channels: 3,
    },
    {
      name: "deblur",
      description: "sharpen a picture blurred by a Gaussian",
      operator: "deblur_gauss",
      kind: "deblurring",
      scale: 1,
      channels: 3,
    },
    {
      name: "deblur-uniform",
      description: "sharpen a picture whose pixels are means of their surroundings",
      operator: "deblur_uniform",
      kind: "deblurring",
      scale: 1,
      channels: 3,
    },
    {
      name: "deblur-aniso",
      description: "sharpen a picture blurred little along the height and much along the width",
      operator: "deblur_aniso",
      kind: "deblurring",
      scale: 1,
      channels: 3,
    },
    {
      name: "deblur-kernel",
      description: "sharpen a picture blurred by a round Gaussian, at a circular or mirrored border",
      operator: "deblur_kernel",
      kind: "deblurring",
      scale: 1,
      channels: 3,
    },
    {
      name: "deblur-motion",
      description: "sharpen a picture blurred by a random motion of the camera",
      operator: "deblur_motion",
      kind: "deblurring",
      scale: 1,
      channels: 3,
    },
    ...[2, 4].map((scale): Task => ({
      name: `sr${scale}-kernel`,
      description: `enlarge x${scale} a picture that was blurred before every ${scale}th pixel was taken`,
      operator: "sr_kernel",
      kind: "super_resolution",
      scale,
      channels: 3,
    })),
    {
      name: "sr4-gray",
      description: "enlarge x4 and colour a small gray picture",
      operator: "sr_gray",
      kind: "colorization",
      scale: 4,
      channels: 1,
    },
    {
      name: "denoise",
      description: "clean a noisy picture (use a method for noisy measurements)",
      operator: "identity",
      kind: "deblurring",
      scale: 1,
      channels: 3,
    },
    {
      name: "outpaint",
      description: "continue the middle of a picture",
      operator: "outpaint",
      kind: "inpainting",
      scale: 1,
      channels: 3,
      form: "picture",
    },
    {
      name: "old-photo",
      description: "repair a picture that is scratched, gray and half as large",
      operator: "old_photo",
      kind: "colorization",
      scale: 2,
      channels: 1,
      form: "picture",
    },
    {
      name: "cs",
      description: "compressed sensing: from a share of the Walsh-Hadamard coefficients (sides: powers of two)",
      operator: "cs_hadamard",
      kind: "inpainting",
      scale: 1,
      channels: 3,
      form: "values",
    },
    {
      name: "cs-block",
      description: "compressed sensing: from random products of blocks of 32 x 32 pixels",
      operator: "cs_block",
      kind: "inpainting",
      scale: 1,
      channels: 3,
      form: "values",
      multiple: 32,
    },
    {
      name: "hdr",
      description: "recover what is clipped in an overexposed picture",
      operator: "hdr",
      kind: "deblurring",
      scale: 1,
      channels: 3,
      form: "picture",
    },
    {
      name: "jpeg",
      description: "repair a picture compressed as JPEG",
      operator: "jpeg",
      kind: "deblurring",
      scale: 1,
      channels: 3,
      form: "picture",
    },
    {
      name: "deblur-network",
      description: "sharpen a picture blurred by a network: that of a file, or one that smears lights",
      operator: "deblur_network",
      kind: "deblurring",
      scale: 1,
      channels: 3,
      form: "picture",
    },
    {
      name: "phase",
      description: "phase retrieval: from the magnitudes of the frequencies of the picture",
      operator: "phase_retrieval",
      kind: "phase_retrieval",
      scale: 1,
      channels: 3,
      form: "values",
    },
    {
      name: "ct",
      description: "computed tomography: from sums along parallel rays",
      operator: "ct",
      kind: "inpainting",
      scale: 1,
      channels: 3,
      form: "values",
    },
    {
      name: "mri",
      description: "magnetic resonance imaging: from some frequencies of the gray picture, a real image",
      operator: "mri_picture",
      kind: "inpainting",
      scale: 1,
      channels: 1,
      form: "values",
      isGray: true,
    },
  ] satisfies Task[] as Task[]).map((task) => [task.name, task]),
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

/** Builds the operator of a task with parameters from `operatorOptions`. */
export function taskOperator(task: Task, imageShape: Shape, options: OperatorOptions): Operator {
  return createDegradation(task.operator, imageShape, options);
}
