/** The options of the page: those of the command `restore` that say what comes out, with the mask as pixels. */
import { taskOptionsOf } from "../../operators/mod.ts";
import {
  checkValue,
  didYouMean,
  type OptionSpec,
  type OptionValues,
  shellWord,
  UsageError,
} from "../../parameters/mod.ts";
import {
  BLUR_OPTIONS,
  CLASS_OPTION,
  FACTOR_OPTIONS,
  fileOptions,
  fileStem,
  MASK_ENDING,
  MASK_FORMAT,
  methodOptions,
  NOISE_OPTIONS,
  OWN_PICTURE_OPTIONS,
  SIZE_OPTIONS,
  type Task,
  taskOptions,
  TASKS,
  WINDOW_OPTIONS,
} from "../../restoration/mod.ts";
import type { Options, Request } from "../protocol.ts";

/** The option that says that the picture is a good one. */
export const DEGRADE: OptionSpec = {
  kind: "flag",
  help: "The picture is a good one: damage it first, restore it, and compare",
};

/** Whether an option says how the file of a mask is read, which comes as pixels here. */
export function isOfMaskFile({ entry }: Task, { needs }: { readonly needs?: string }): boolean {
  return needs !== undefined && entry.parameters[needs]?.format === MASK_FORMAT;
}

/** Options that name files, or say how they are read. */
function unheard(): ReadonlySet<string> {
  const ofMasks = [...TASKS.values()].flatMap((task) =>
    taskOptionsOf(task).filter(({ parameter }) => isOfMaskFile(task, parameter)).map(({ option }) => option)
  );
  return new Set([...fileOptions(), ...ofMasks]);
}

/** All options that a request may have, by name. */
export function requestOptions(): Readonly<Record<string, OptionSpec>> {
  const left = unheard();
  return {
    ...Object.fromEntries(Object.entries(taskOptions()).filter(([option]) => !left.has(option))),
    degrade: DEGRADE,
    ...BLUR_OPTIONS,
    ...OWN_PICTURE_OPTIONS,
    ...NOISE_OPTIONS,
    ...CLASS_OPTION,
    ...FACTOR_OPTIONS,
    ...methodOptions(),
    size: SIZE_OPTIONS["size"]!,
    ...WINDOW_OPTIONS,
  };
}

/** Format of a file that holds a blur kernel. */
export const KERNEL_FORMAT = "kernel";

/** The option of a task that names its blur kernel, with the parameter that it is; undefined where it takes none. */
export function kernelOption(task: Task): { readonly option: string; readonly name: string } | undefined {
  return taskOptionsOf(task).find(({ parameter }) => parameter.format === KERNEL_FORMAT);
}

/**
 * The options of a request, checked one by one; a flag that is false counts as not given.
 * @throws {UsageError} if there is no such option, or it does not take the value
 */
export function checkedOptions(options: Options): OptionValues {
  const specs = requestOptions();
  const checked = Object.entries(options).filter(([, value]) => value !== false).map(([option, value]) => {
    const spec = specs[option];
    if (spec) return [option, checkValue(`--${option}`, spec, value)] as const;
    throw new UsageError(`there is no option "${option}"${didYouMean(option, Object.keys(specs))}`);
  });
  return Object.fromEntries(checked);
}

/** What a command line calls the mask of a picture. */
export function maskName(picture: string): string {
  return `${fileStem(picture)}${MASK_ENDING}.png`;
}

/** The option of a task that names its mask; undefined where it takes none. */
export function maskOption(task: Task): string | undefined {
  return taskOptionsOf(task).find(({ parameter }) => parameter.format === MASK_FORMAT)?.option;
}

/**
 * The command that does what a request asks for.
 * @param picture name of its file; undefined for the sample that is damaged first
 * @param options checked, with the mask
 * @param model name of the network's file; undefined for the prior
 */
export function commandOf(
  { seed, samples }: Pick<Request, "seed" | "samples">,
  { picture, options, model }: {
    readonly picture: string | undefined;
    readonly options: OptionValues;
    readonly model: string | undefined;
  },
): string {
  const { degrade, ...rest } = options;
  const values: OptionValues = {
    ...rest,
    // Without a name the sample is damaged anyway.
    ...(picture === undefined || degrade === undefined ? {} : { degrade }),
    ...(model === undefined ? {} : { model }),
    ...(seed === 0 ? {} : { seed }),
    ...(samples === 1 ? {} : { samples }),
  };
  const words = Object.entries(values).flatMap(([option, value]) =>
    value === true ? [`--${option}`] : [`--${option}`, String(value)]
  );
  // A name that begins with a dash would be an option.
  const operand = picture === undefined ? [] : [picture.startsWith("-") ? `./${picture}` : picture];
  return ["deno", "task", "restore", ...operand, ...words].map(shellWord).join(" ");
}
