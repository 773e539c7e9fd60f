/** How near restorations that follow a diagnosis come to those that know the damage. */
import { WebGpuRuntime } from "../../engine/mod.ts";
import { openModel } from "../../io/mod.ts";
import { psnr } from "../../metrics/mod.ts";
import type { OpenedModel } from "../../models/mod.ts";
import { colourRaster, crop, type Raster } from "../../raster/mod.ts";
import {
  type DecodedPicture,
  diagnose,
  readingsOf,
  restorePart,
  richestPart,
  tryReadings,
} from "../../restoration/mod.ts";
import { damaged, generator, type Kind, type Truth } from "./damages.ts";

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
export async function compareRestorations(
  { photographs, side, seed, folder, count, open }: {
    readonly photographs: readonly string[];
    readonly side: number;
    readonly seed: number;
    readonly folder: string;
    readonly count: number;
    readonly open: (path: string) => Promise<Raster>;
  },
): Promise<string> {
  const random = generator(seed);
  const runtime = await WebGpuRuntime.open();
  const rows = new Map<Kind, Qualities[]>();
  try {
    const model = await openModel(runtime);
    for (let k = 0; k < count; k++) {
      const kind = KINDS[k % KINDS.length]!;
      const { picture, clean, truth } = await damaged(await open(photographs[k % photographs.length]!), kind, {
        side,
        folder,
        random,
      });
      const qualities = await compared(runtime, model, { picture, clean: clean!, truth: truth!, seed: k });
      rows.set(kind, [...rows.get(kind) ?? [], qualities]);
      const figures = [qualities.damaged, qualities.advised, qualities.tried, qualities.known];
      // deno-lint-ignore no-console -- how the work goes on
      console.error(`${k + 1} of ${count}, ${kind}: ${figures.map((value) => value.toFixed(2)).join(", ")} dB`);
    }
  } finally {
    runtime.destroy();
  }
  return tableOf(rows);
}

async function compared(
  runtime: WebGpuRuntime,
  model: OpenedModel,
  { picture, clean, truth, seed }: {
    readonly picture: DecodedPicture;
    readonly clean: Raster;
    readonly truth: Truth;
    readonly seed: number;
  },
): Promise<Qualities> {
  const part = richestPart(colourRaster(picture), PART);
  const before = crop(clean, part);
  const shape = [part.height, part.width, 3];
  const qualityOf = (raster: Raster): number => psnr(raster.data, before.data, { shape });
  const setting = { name: "picture", options: {}, seed };
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
  const all: readonly (readonly [string, readonly Qualities[]])[] = [...rows, ["all", [...rows.values()].flat()]];
  const cells = all.map(([kind, pictures]) => {
    const mean = (key: Exclude<keyof Qualities, "isLeft">): string =>
      (pictures.reduce((sum, qualities) => sum + qualities[key], 0) / pictures.length).toFixed(2);
    const asGood = (key: "advised" | "tried"): number =>
      pictures.filter((qualities) => qualities[key] >= qualities.known - TOLERANCE).length;
    const left = pictures.filter(({ isLeft }) => isLeft).length;
    const means = [mean("damaged"), mean("advised"), mean("tried"), mean("known")];
    return [kind, pictures.length, left, ...means, asGood("advised"), asGood("tried")].map(String);
  });
  return [head, head.map(() => "---"), ...cells].map((row) => `| ${row.join(" | ")} |`).join("\n");
}
