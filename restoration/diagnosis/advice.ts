/** What undoes damages that were found: tasks of `restore` with their options, and which damages go together. */
import type { OptionValues } from "../../parameters/mod.ts";
import type { KnownPixels } from "../../raster/mod.ts";
import { partNames } from "../../operators/mod.ts";
import { checkPictureOptions } from "../options/restore_options.ts";
import { settlePicture } from "../options/settle_picture.ts";
import { restoreTasks, taskNamed } from "../options/tasks.ts";
import { type DecodedPicture, pictureSource } from "../picture_source.ts";
import type { Finding } from "./finding.ts";

/**
 * Which damages are undone together, in the order in which a picture suffers them: the first of these whose parts are all
 * found. Noise under a compression is undone by `denoise` alone, which knows of both.
 */
const TOGETHER: readonly (readonly string[])[] = [
  ["blurred", "compressed"],
  ["noisy", "missing"],
  ["faded", "noisy", "scratched"],
  ["faded", "scratched"],
  ["noisy", "scratched"],
];

/** Tasks that do what another one does, and so take its place in a run. */
const INCLUDED: Readonly<Record<string, string>> = { inpaint: "old-photo" };

/** Which is undone first where they are not undone together. */
const URGENT: readonly string[] = ["missing", "scratched", "enlarged", "blurred", "noisy", "compressed", "faded"];

/** What one run of `restore` undoes. */
export interface Treatment {
  /** Name of the task of `restore`. */
  readonly task: string;
  /** Its options. */
  readonly options: OptionValues;
  /** The mask of what lies over the picture, which the task takes. */
  readonly known?: KnownPixels;
  /** What must be done before, as a command without its program. */
  readonly first?: string;
}

/** Findings that can be undone in one run, each time those of one run, the most of it first. */
export function orders(findings: readonly Finding[]): readonly (readonly Finding[])[] {
  const named = (damage: string): Finding | undefined => findings.find((finding) => finding.damage === damage);
  const together = TOGETHER.flatMap((damages) => {
    const found = damages.flatMap((damage) => named(damage) ?? []);
    return found.length === damages.length ? [found] : [];
  });
  return [...together, ...URGENT.flatMap((damage) => named(damage) ? [[named(damage)!]] : [])];
}

/** The run that undoes several findings together, each of which has a remedy. */
export function treatmentOf(findings: readonly Finding[]): Treatment {
  const remedies = findings.map(({ remedy }) => remedy!);
  const tasks = remedies.flatMap(({ task }) => partNames(task));
  const first = remedies.find(({ first }) => first)?.first;
  const known = findings.find(({ known }) => known)?.known;
  return {
    task: tasks.filter((task) => !tasks.includes(INCLUDED[task] ?? "")).join(" + "),
    options: Object.assign({}, ...remedies.map(({ options }) => options)),
    ...(known === undefined ? {} : { known }),
    ...(first === undefined ? {} : { first }),
  };
}

/**
 * Whether `restore` would take it for this picture.
 * @param isSeen whether what a single task settles was looked at for its finding already, which takes seconds
 */
export function isTaken(
  picture: DecodedPicture,
  { name, isSeen }: { readonly name: string; readonly isSeen: boolean },
  { task, options, known, first }: Treatment,
): boolean {
  try {
    const named = taskNamed(task, restoreTasks());
    // The picture that is to be restored is another one.
    if (first !== undefined) return true;
    const given = { ...options, task };
    checkPictureOptions(given, false);
    const mask = known && { ...known, warnings: [] };
    const source = pictureSource(picture, { name, task: named, options: given, isTruth: false, mask, files: {} });
    if (named.parts || !isSeen) settlePicture(source, named, given);
    return true;
  } catch (error) {
    if (error instanceof RangeError || (error instanceof Error && error.name === "UsageError")) return false;
    throw error;
  }
}
