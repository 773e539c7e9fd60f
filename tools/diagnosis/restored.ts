/** How near restorations that follow a diagnosis come to those that know the damage. */
import { psnr } from "../../metrics/mod.ts";
import { colourRaster, crop, type Raster } from "../../raster/mod.ts";
import { diagnose, readingsOf, restorePart, richestPart, tryReadings } from "../../restoration/mod.ts";
import type { Kind, Truth } from "./damages.ts";
import { type DamageSetting, damageTable, meanOf, overDamages, type Trial } from "./over_damages.ts";

/** The kinds that one run undoes, and of which the picture before is known. */
const KINDS: readonly Kind[] = ["jpeg", "noise", "gaussian", "disc", "motion"];

/** Side of the part that is restored, in pixels. */
const PART = 64;

/** A restoration that is so much worse, in dB, is not as good. */
const TOLERANCE = 0.5;

/** PSNR in dB of one picture against what it was before. */
interface Qualities {
  readonly damaged: number;
  /** As `--task auto --yes` restores it, as `--task auto` does, and by who knows the damage. */
  readonly advised: number;
  readonly tried: number;
  readonly known: number;
  /** Whether nothing was found, so that it was left alone. */
  readonly isLeft: boolean;
}

/**
 * Damages parts of photographs, restores them both ways with the embedded prior, and compares.
 * @returns a table in Markdown
 */
export async function compareRestorations(setting: DamageSetting): Promise<string> {
  return tableOf(await overDamages(KINDS, setting, compared));
}

async function compared({ runtime, model, picture, clean, truth, number }: Trial): Promise<Qualities> {
  const part = richestPart(colourRaster(picture), PART);
  const before = crop(clean, part);
  const shape = [part.height, part.width, 3];
  const qualityOf = (raster: Raster): number => psnr(raster.data, before.data, { shape });
  const setting = { name: "picture", options: {}, seed: number };
  const restored = async (run: Truth): Promise<number> =>
    qualityOf((await restorePart(runtime, model, { picture, run, part }, setting)).raster);
  const asIs = qualityOf(crop(colourRaster(picture), part));
  const known = await restored(truth);
  const readings = readingsOf(picture, "picture", diagnose(picture, "picture"));
  if (readings.length === 0) return { damaged: asIs, advised: asIs, tried: asIs, known, isLeft: true };
  const advised = await restored(readings[0]!);
  const { best } = readings.length === 1
    ? { best: 0 }
    : await tryReadings(runtime, model, { picture, readings }, setting);
  const tried = best === 0 ? advised : await restored(readings[best]!);
  return { damaged: asIs, advised, tried, known, isLeft: false };
}

function tableOf(rows: ReadonlyMap<Kind, readonly Qualities[]>): string {
  const head = [
    "damaged by",
    "pictures",
    "left alone",
    "damaged",
    "advised",
    "tried",
    "known",
    "advised as good",
    "tried as good",
  ];
  return damageTable(head, rows, (pictures) => {
    const asGood = (key: "advised" | "tried"): number =>
      pictures.filter((qualities) => qualities[key] >= qualities.known - TOLERANCE).length;
    return [
      pictures.filter(({ isLeft }) => isLeft).length,
      ...(["damaged", "advised", "tried", "known"] as const).map((key) => meanOf(pictures, (one) => one[key])),
      asGood("advised"),
      asGood("tried"),
    ];
  });
}
