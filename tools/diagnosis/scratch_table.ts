/** How right the masks of scratches are, and what they are worth to a restoration. */
import { WebGpuRuntime } from "../../engine/mod.ts";
import { openModel } from "../../io/mod.ts";
import { psnr } from "../../metrics/mod.ts";
import type { OpenedModel } from "../../models/mod.ts";
import { colourRaster, crop, type KnownPixels, type Raster, toImage } from "../../raster/mod.ts";
import { type DecodedPicture, findScratches, restorePart, richestPart, SURE } from "../../restoration/mod.ts";
import { generator, partOf } from "./damages.ts";
import { scratched } from "./scratched.ts";

/** Side of the part that is restored, in pixels. */
const PART = 64;

/** Less sure findings are not told. */
const TOLD = 0.2;

/** What was found of pictures of one kind. */
interface Tally {
  pictures: number;
  sure: number;
  perhaps: number;
  readonly precision: number[];
  readonly recall: number[];
  /** PSNR in dB of parts as they are, filled by the mask that was found, and by the true one. */
  readonly psnr: (readonly [damaged: number, found: number, known: number])[];
}

/** What is measured. */
export interface ScratchSetting {
  readonly photographs: readonly string[];
  readonly open: (path: string) => Promise<Raster>;
  /** Sides of the pictures in pixels, a row of the table each. */
  readonly sides: readonly number[];
  /** Pictures of each kind. */
  readonly count: number;
  readonly seed: number;
  /** Most pictures of each kind that are restored. */
  readonly restored: number;
}

/**
 * Looks for scratches in parts of photographs, each as it is and scratched.
 * @returns a table in Markdown
 */
export async function measureScratches({ sides, restored, ...setting }: ScratchSetting): Promise<string> {
  const runtime = restored > 0 ? await WebGpuRuntime.open() : undefined;
  try {
    const model = runtime && await openModel(runtime);
    const rows: string[][] = [];
    for (const side of sides) {
      for (const isScratched of [false, true]) {
        const tally = await looked({ ...setting, side, isScratched }, async (tally, made) => {
          if (!runtime || !model || tally.psnr.length >= restored) return;
          tally.psnr.push(await filled(runtime, model, made));
        });
        rows.push([isScratched ? "scratched" : "none", String(side), ...cells(tally)]);
      }
    }
    const head = ["damaged by", "side", "pictures", "sure", "perhaps", "precision", "recall"];
    const compared = ["restored", "damaged", "found mask", "true mask"];
    const heads = restored > 0 ? [...head, ...compared] : head;
    return [heads, heads.map(() => "---"), ...rows.map((row) => row.slice(0, heads.length))]
      .map((row) => `| ${row.join(" | ")} |`).join("\n");
  } finally {
    runtime?.destroy();
  }
}

/** A scratched picture with what is known of it and what was found. */
interface MadeScratches {
  readonly clean: Raster;
  readonly picture: DecodedPicture;
  readonly known: Float32Array<ArrayBuffer>;
  readonly found: KnownPixels;
  readonly seed: number;
}

async function looked(
  { photographs, open, count, seed, side, isScratched }: Omit<ScratchSetting, "sides" | "restored"> & {
    readonly side: number;
    readonly isScratched: boolean;
  },
  onFound: (tally: Tally, made: MadeScratches) => Promise<void>,
): Promise<Tally> {
  const random = generator(seed);
  const tally: Tally = { pictures: 0, sure: 0, perhaps: 0, precision: [], recall: [], psnr: [] };
  for (let k = 0; k < count; k++) {
    const clean = partOf(await open(photographs[k % photographs.length]!), side, random);
    const { raster, known } = isScratched
      ? scratched(clean, random)
      : { raster: clean, known: new Float32Array(side * side).fill(1) };
    const picture = toImage(raster) as DecodedPicture;
    const found = findScratches(colourRaster(picture));
    tally.pictures++;
    if (!found || found.confidence < TOLD) continue;
    if (found.confidence < SURE) {
      tally.perhaps++;
      continue;
    }
    tally.sure++;
    if (!isScratched) continue;
    const [precision, recall] = agreement(found.known.data, known);
    tally.precision.push(precision);
    tally.recall.push(recall);
    await onFound(tally, { clean, picture, known, found: found.known, seed: k });
  }
  return tally;
}

/** Part of what is called hidden that is, and part of what is hidden that is called so. */
function agreement(called: Float32Array, known: Float32Array): readonly [precision: number, recall: number] {
  let [both, all] = [0, 0];
  called.forEach((value, pixel) => {
    if (value === 0) all++;
    if (value === 0 && known[pixel] === 0) both++;
  });
  return [both / all, both / known.filter((value) => value === 0).length];
}

async function filled(
  runtime: WebGpuRuntime,
  model: OpenedModel,
  { clean, picture, known, found, seed }: MadeScratches,
): Promise<readonly [damaged: number, found: number, known: number]> {
  const part = richestPart(colourRaster(picture), PART, { known });
  const before = crop(clean, part);
  const qualityOf = (raster: Raster): number => psnr(raster.data, before.data, { shape: [part.height, part.width, 3] });
  const by = async (mask: KnownPixels): Promise<number> => {
    const run = { task: "inpaint", options: {}, known: mask };
    return qualityOf(
      (await restorePart(runtime, model, { picture, run, part }, { name: "picture", options: {}, seed })).raster,
    );
  };
  const share = known.filter((value) => value === 0).length / known.length;
  const truth = { width: clean.width, height: clean.height, data: known, share };
  return [qualityOf(crop(colourRaster(picture), part)), await by(found), await by(truth)];
}

function cells({ pictures, sure, perhaps, precision, recall, psnr }: Tally): readonly string[] {
  const mean = (values: readonly number[], digits: number): string =>
    values.length === 0 ? "-" : (values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(digits);
  return [
    ...[pictures, sure, perhaps].map(String),
    mean(precision, 2),
    mean(recall, 2),
    String(psnr.length),
    ...[0, 1, 2].map((place) => mean(psnr.map((values) => values[place]!), 2)),
  ];
}
