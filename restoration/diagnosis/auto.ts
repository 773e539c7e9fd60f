/** The task `auto`: what a diagnosis advises, as options of `restore`. */
import { type OptionSpec, type OptionValues, textOf, UsageError } from "../../parameters/mod.ts";
import type { KnownPixels } from "../../raster/mod.ts";
import { isMeasurementName } from "../folder.ts";
import type { DecodedPicture } from "../picture_source.ts";
import { describeDiagnosis, diagnose } from "./diagnose.ts";
import { type Reading, readingsOf } from "./readings.ts";

/** Name of the task. */
export const AUTO = "auto";

/** Options of the task. */
export const AUTO_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  yes: {
    kind: "flag",
    help: `With --task ${AUTO}: do what the diagnosis advises, without trying other readings of the picture first`,
  },
};

/** What became of `auto`. */
export interface Settled {
  /** What was found, in lines for a terminal. */
  readonly lines: readonly string[];
  /** The picture that was looked at. */
  readonly picture: DecodedPicture;
  /** The options that hold for every reading. */
  readonly given: OptionValues;
  /** Ways to read the picture, what is advised first; none where nothing is to be done, or not by one run. */
  readonly readings: readonly Reading[];
  /** The options of a run by each reading. */
  readonly options: readonly OptionValues[];
  /** The mask of what lies over the picture, which a reading takes from a file. */
  readonly known?: KnownPixels;
  /** Whether something is wrong that a run on this file cannot undo. */
  readonly isOpen: boolean;
}

/**
 * Whether options ask for a diagnosis.
 * @throws {UsageError} if they do not, and have an option of it
 */
export function isAuto(options: OptionValues): boolean {
  const isAsked = textOf(options, "task") === AUTO;
  if (!isAsked && options["yes"] === true) throw new UsageError(`--yes belongs to --task ${AUTO}; leave it out`);
  return isAsked;
}

/**
 * Settles `auto` for a picture.
 * @param path of the picture; undefined if none was named
 * @param read decodes it
 * @param mask path of the file that the mask of what lies over the picture is written to, where a reading takes one
 * @throws {UsageError} if there is no damaged picture to look at
 */
export async function settleAuto(
  options: OptionValues,
  path: string | undefined,
  { read, mask }: { readonly read: (path: string) => Promise<DecodedPicture>; readonly mask: string },
): Promise<Settled> {
  if (path === undefined || isMeasurementName(path) || options["degrade"] === true) {
    throw new UsageError(
      `--task ${AUTO} looks at a picture that is damaged already; name one, and leave out --degrade`,
    );
  }
  const picture = await read(path);
  const { yes, task: _, ...given } = options;
  const found = diagnose(picture, path);
  const all = readingsOf(picture, path, found);
  // A plan tells of the first reading, as nothing is computed for it.
  const readings = yes === true || options["plan"] === true ? all.slice(0, 1) : all;
  // A mask that is given outweighs the one that is proposed.
  const known = given["mask"] === undefined ? readings.find(({ known }) => known)?.known : undefined;
  return {
    lines: describeDiagnosis(found, path, { mask, isWritten: known !== undefined }),
    picture,
    given,
    readings,
    options: readings.map(({ task, options, known }) => ({ ...options, ...(known ? { mask } : {}), ...given, task })),
    ...(known ? { known } : {}),
    isOpen: found.advice !== undefined && readings.length === 0,
  };
}
