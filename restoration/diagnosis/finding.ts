/** What a look at a picture can find. */
import type { OptionValues } from "../../parameters/mod.ts";
import type { KnownPixels, Raster } from "../../raster/mod.ts";
import type { DecodedPicture } from "../picture_source.ts";

/** A damage that a picture shows. */
export interface Finding {
  /** The damage, by the name of its entry. */
  readonly damage: string;
  /** What was seen, as a clause for the user. */
  readonly text: string;
  /** Quantities that were estimated, by name. */
  readonly values: Readonly<Record<string, number>>;
  /** How sure it is, 0 to 1. */
  readonly confidence: number;
  /** Which pixels show the picture, of a damage that lies over it; `restore` takes it as a mask. */
  readonly known?: KnownPixels;
  /** How `restore` undoes it; absent where it cannot, or where that is a matter of taste. */
  readonly remedy?: Remedy;
}

/** How a damage is undone. */
export interface Remedy {
  /** Name of the task. */
  readonly task: string;
  /** Options of the task that the damage needs. */
  readonly options: OptionValues;
  /** What must be done before, as a command without its program: the picture is made smaller, for one. */
  readonly first?: string;
}

/** A picture as it is looked at. */
export interface Seen {
  /** As a decoder gives it. */
  readonly picture: DecodedPicture;
  /** Colours in [-1, 1]; what transparent pixels hide is replaced by their surroundings. */
  readonly colour: Raster;
  /** What entries before have found, which explains some of what others see. */
  readonly found: readonly Finding[];
}

/** A damage that pictures have: one entry of the register of diagnosis. */
export interface Damage {
  /** One word, as `finding.damage` has it. */
  readonly name: string;
  /** Looks for it; undefined where nothing speaks for it. */
  look(seen: Seen): Finding | undefined;
}

/** From so sure on a finding counts; below it is told as a doubt. */
export const SURE = 0.75;

/** What is less sure is not told. */
export const LIKELY = 0.2;

/** Whether a damage was found, surely. */
export function isFound(found: readonly Finding[], damage: string): boolean {
  return found.some((finding) => finding.damage === damage && finding.confidence >= SURE);
}
