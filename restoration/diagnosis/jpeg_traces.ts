/** Whether a picture was once a JPEG file, and with which quality, from its pixels alone. */
import { jpegSteps } from "../../operators/mod.ts";
import { crop, type Raster, rgbToGray } from "../../raster/mod.ts";
import { type Patch, patchesOf, type Plane } from "../estimates/patch_spectrum.ts";

/** What a compression has left in the pixels. */
export interface JpegTraces {
  /** Quality of the standard luminance table, 1 to 100. */
  readonly quality: number;
  /** Column and row of the first whole block, 0 to 7; not [0, 0] where a picture was cut after it was compressed. */
  readonly offset: readonly [column: number, row: number];
  /** How sure it is, 0 to 1. */
  readonly confidence: number;
}

/** Side of the blocks. */
const SIDE = 8;

/** Levels from -1 to 1. */
const RANGE = 127.5;

/** Larger pictures are looked at in their middle, in pixels. */
const MOST_SIDE = 1024;

/** Most blocks that are looked at for one offset; where the offset is known, as many more count. */
const MOST_BLOCKS = { anywhere: 300, known: 2000 };

/** Coefficients with u + v from here on are fine structure, and those below this many levels are rounding. */
const FINE = 5;
const VANISHED = 0.6;

/** Offsets that are looked at closely. */
const MOST_OFFSETS = 3;

/** Fewest blocks that show something. */
const FEWEST = 12;

/** Blocks with less energy beside their mean show nothing: mean square of the coefficients in square levels. */
const FLAT = 0.5;

/**
 * Deviation of a coefficient from the multiple of its step, in levels: rounding of R, G and B leaves 0.2 in luminance, of
 * gray 0.29, and decoders compute with whole numbers.
 */
const ROUNDING = 0.35;

/** Part of the coefficients that lie anywhere: near values that were cut off, and where colours were interpolated. */
const ANYWHERE = 0.3;

/** Qualities whose steps rounding hides. */
const BEST = 96;

/** By how much, in natural logarithms for each coefficient that is left, multiples of steps must be likelier than chance. */
const LIKELIER = 0.3;

/** So many times as likely, in natural logarithms, as the next likely offset. */
const ALONE = 20;

/** What the coefficients at one offset say. */
interface Reading {
  readonly quality: number;
  /** Logarithm of how much likelier multiples of the steps are than values anywhere between them. */
  readonly score: number;
  /** Coefficients that are not 0. */
  readonly count: number;
}

/**
 * The quality whose steps the cosine coefficients of 8 x 8 blocks are multiples of. Of coefficients c that are not rounded
 * to 0 by a step q the residual r = c - q round(c / q) is normal with the deviation of rounding if q is right, and
 * anywhere in [-q/2, q/2] if it is not: the sum of log(q N(r)) over all of them is the score, and the quality and the
 * offset with the largest are taken (Fan and de Queiroz 2003, with the tables of libjpeg).
 * @param picture [H, W, 1] or [H, W, 3], values in [-1, 1], as it was decoded: not scaled, not turned
 * @returns undefined if there are no traces, if the quality is above 96, or if it was compressed with other tables
 */
export function jpegTraces(picture: Raster): JpegTraces | undefined {
  const plane = luminanceOf(middleOf(picture));
  const places = Array.from({ length: SIDE * SIDE }, (_, place) => {
    const offset = [place % SIDE, Math.floor(place / SIDE)] as const;
    const blocks = blocksOf(plane, offset, MOST_BLOCKS.anywhere);
    return { offset, blocks, vanished: vanishedOf(blocks) };
  });
  const likely = places.toSorted((a, b) => b.vanished - a.vanished).slice(0, MOST_OFFSETS);
  const readings = likely.flatMap(({ offset, blocks }) => {
    const reading = readingOf(blocks);
    return reading ? [{ ...reading, offset }] : [];
  }).sort((a, b) => b.score - a.score);
  const [best, next] = readings;
  if (!best) return undefined;
  const { quality, score, count } = readingOf(blocksOf(plane, best.offset, MOST_BLOCKS.known))!;
  if (quality > BEST || score < LIKELIER * count) return undefined;
  const lead = best.score - Math.max(0, next?.score ?? 0);
  const confidence = 1 / (1 + Math.exp(-(lead - ALONE) / (ALONE / 4)));
  return { quality, offset: best.offset, confidence };
}

/** The middle of a large picture, cut so that blocks begin where they began. */
function middleOf(picture: Raster): Raster {
  const [width, height] = [Math.min(picture.width, MOST_SIDE), Math.min(picture.height, MOST_SIDE)];
  const [x, y] = [picture.width - width, picture.height - height].map((free) => Math.floor(free / 2 / SIDE) * SIDE);
  return crop(picture, { x: x!, y: y!, width, height });
}

/** Luminance in levels around 0; beyond the limit where a channel is cut off, which bends luminance too. */
function luminanceOf(picture: Raster): Plane {
  const { width, height, data } = picture.channels === 3 ? rgbToGray(picture) : picture;
  const isCut = (pixel: number): boolean =>
    picture.data.subarray(pixel * picture.channels, (pixel + 1) * picture.channels).some((value) =>
      Math.abs(value) >= 1
    );
  return { width, height, data: data.map((value, pixel) => isCut(pixel) ? 2 * RANGE : value * RANGE) };
}

/** Blocks that show something, evenly thinned out. */
function blocksOf(plane: Plane, [column, row]: readonly [number, number], most: number): readonly Patch[] {
  const patches = patchesOf(plane, { side: SIDE, stride: SIDE, split: 1, limit: RANGE, origin: [row, column] })
    .filter(({ high }) => high > FLAT);
  const step = Math.max(1, Math.ceil(patches.length / most));
  return patches.filter((_, k) => k % step === 0);
}

/** Part of the coefficients of fine structure that are nothing but rounding: most where blocks were quantised. */
function vanishedOf(blocks: readonly Patch[]): number {
  let [vanished, all] = [0, 0];
  for (const { coefficients } of blocks) {
    for (let i = 0; i < coefficients.length; i++) {
      if (i % SIDE + Math.floor(i / SIDE) < FINE) continue;
      all++;
      if (Math.abs(coefficients[i]!) < VANISHED) vanished++;
    }
  }
  return all === 0 ? 0 : vanished / all;
}

/** The quality that explains blocks best. */
function readingOf(blocks: readonly Patch[]): Reading | undefined {
  if (blocks.length < FEWEST) return undefined;
  const scores = TABLES.map((steps) => scoreOf(blocks, steps));
  const best = scores.reduce((most, { score }, k) => score > scores[most]!.score ? k : most, 0);
  return { quality: best + 1, ...scores[best]! };
}

/** Luminance steps by quality, from 1 on. */
const TABLES: readonly Float64Array[] = Array.from(
  { length: 100 },
  (_, k) => jpegSteps({ quality: k + 1, tables: "whole" }).luminance,
);

function scoreOf(blocks: readonly Patch[], steps: Float64Array): Omit<Reading, "quality"> {
  let [score, count] = [0, 0];
  for (const { coefficients } of blocks) {
    for (let i = 1; i < coefficients.length; i++) {
      const step = steps[i]!;
      const value = coefficients[i]!;
      const multiple = Math.round(value / step);
      if (multiple === 0) continue;
      const deviations = (value - step * multiple) / ROUNDING;
      const density = Math.exp(-0.5 * deviations * deviations) / (ROUNDING * Math.sqrt(2 * Math.PI));
      score += Math.log((1 - ANYWHERE) * step * density + ANYWHERE);
      count++;
    }
  }
  return { score, count };
}
