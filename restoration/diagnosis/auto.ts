/** The task `auto`: what a diagnosis advises, as options of `restore`. */
import { type OptionValues, textOf, UsageError } from "../../parameters/mod.ts";
import { isMeasurementName } from "../folder.ts";
import type { DecodedPicture } from "../picture_source.ts";
import { describeDiagnosis, diagnose } from "./diagnose.ts";

/** Name of the task. */
export const AUTO = "auto";

/** What became of `auto`. */
export interface Settled {
  /** What was found, in lines for a terminal. */
  readonly lines: readonly string[];
  /** The options with what is advised; absent where nothing is to be done, or not by one run. */
  readonly options?: OptionValues;
  /** Whether something is wrong that a run on this file cannot undo. */
  readonly isOpen: boolean;
}

/** Whether options ask for a diagnosis. */
export function isAuto(options: OptionValues): boolean {
  return textOf(options, "task") === AUTO;
}

/**
 * Settles `auto` for a picture.
 * @param path of the picture; undefined if none was named
 * @param read decodes it
 * @throws {UsageError} if there is no damaged picture to look at
 */
export async function settleAuto(
  options: OptionValues,
  path: string | undefined,
  read: (path: string) => Promise<DecodedPicture>,
): Promise<Settled> {
  if (path === undefined || isMeasurementName(path) || options["degrade"] === true) {
    throw new UsageError(
      `--task ${AUTO} looks at a picture that is damaged already; name one, and leave out --degrade`,
    );
  }
  const found = diagnose(await read(path), path);
  const lines = describeDiagnosis(found, path);
  const { advice } = found;
  if (!advice || advice.first !== undefined) return { lines, isOpen: advice !== undefined };
  return { lines, options: { ...advice.options, ...options, task: advice.task }, isOpen: false };
}
