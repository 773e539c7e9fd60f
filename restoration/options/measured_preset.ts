/** The preset that restoring takes where nothing of its method is named, with the prior on which it was measured. */
import type { OptionValues } from "../../parameters/mod.ts";
import type { RestorationTask } from "../../samplers/mod.ts";
import { chooseMethod } from "./choose_method.ts";
import type { Method } from "./method.ts";
import { MEASURED_PRESET, methodOptions } from "./method_options.ts";
import type { Task } from "./tasks.ts";

/** The method that has it, by its option. */
const METHOD = "ssd";

/** Kinds of tasks on which it was measured. */
const KINDS: ReadonlySet<RestorationTask> = new Set(["super_resolution", "deblurring", "inpainting"]);

/**
 * The method that options name for a restoration: as `chooseMethod()`, with the measured preset of Shortcut Sampling
 * where the embedded prior restores and neither a preset nor any parameter is named.
 * @param isEmbedded whether the embedded prior restores
 * @throws {UsageError} as `chooseMethod()`
 */
export function chooseRestoring(options: OptionValues, task: Task, isEmbedded: boolean): Method {
  const isOpen = Object.keys(methodOptions()).every((option) => option === "method" || options[option] === undefined);
  const method = chooseMethod(options, task);
  return isEmbedded && isOpen && method.name === METHOD && KINDS.has(task.kind)
    ? chooseMethod({ ...options, method: METHOD, preset: MEASURED_PRESET }, task)
    : method;
}

/** Whether the preset of a method that is named is left open, so that it follows from what restores. */
export function isPresetOpen(method: string): boolean {
  return method === METHOD;
}

/** What is to be said of a preset that was taken without being named, as sentences. */
export function presetNotes({ preset }: Method, options: OptionValues): readonly string[] {
  return preset !== MEASURED_PRESET || options["preset"] !== undefined ? [] : [
    `--preset ${MEASURED_PRESET} is taken, which restores better with the embedded prior than the published one; ` +
    "--preset ssd-30 gives that",
  ];
}
