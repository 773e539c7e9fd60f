/** Scratches and dust: a mask of what lies over a picture, from the picture alone. */
import { type KnownPixels, type Raster, resize, rgbToGray } from "../../raster/mod.ts";
import { type LineEvidence, lineEvidence, scoreOf } from "./line_evidence.ts";
import { spotsOf } from "./spots.ts";
import { heightAt, linesOf, neighbours, type Relief, reliefsOf } from "./thin_lines.ts";

/** What seems to lie over a picture. */
export interface Scratches {
  /** Which pixels show the picture: 1 where they do, 0 under scratches and dust. */
  readonly known: KnownPixels;
  /** How many pieces of scratches there are. */
  readonly scratches: number;
  /** How many spots of their brightness. */
  readonly spots: number;
  /** Whether they are brighter than the picture, or darker. */
  readonly isBright: boolean;
  /** How sure it is that they are no part of the scene, 0 to 1. */
  readonly confidence: number;
}

/** Pictures with longer sides are looked at reduced to this many pixels: lines are then up to five pixels wide. */
const LONGEST = 1024;

/** Pictures with shorter sides show too little. */
const SHORTEST = 32;

/**
 * Score of the best line from which on it is likelier a scratch than a part of a scene: of 111 parts of 37 photographs by
 * which nothing was fitted the best lines had up to 2, and scratches drawn over them more in six of ten.
 */
const EVEN = 2;

/** A dark line over a ground that is so even may be a wire, a hair or a branch: it is no likelier a scratch. */
const EVEN_GROUND = 0.04;

/** Least score of a line that has the brightness of one that is a scratch. */
const SAME_KIND = -2;

/** Brightness of lines and spots that lie over a picture together differs by so much, where the picture shines through. */
const ALIKE = 0.3;

/** Part of the height of a hidden pixel, and of what such pixels have at least, that one beside has if half of it is hidden. */
const BORDER = 0.2;
const LEAST_HEIGHT = 0.2;

/** A line with what speaks for it. */
interface Scored {
  readonly relief: Relief;
  readonly pixels: readonly number[];
  readonly evidence: LineEvidence;
  readonly score: number;
}

/**
 * Looks for scratches: thin lines, brighter or darker than both their sides by much the same all along, that do not go on
 * in the scene; and where one is found, for lines, small spots of its brightness with sharp borders.
 * @param picture [H, W, C], C = 1 or 3, values in [-1, 1]
 * @returns undefined if there is no line that could be one, or the picture is smaller than 32 pixels
 */
export function findScratches(picture: Raster): Scratches | undefined {
  const { width, height } = picture;
  if (Math.min(width, height) < SHORTEST) return undefined;
  const factor = Math.max(1, Math.max(width, height) / LONGEST);
  const size = { width: Math.round(width / factor), height: Math.round(height / factor) };
  const gray = picture.channels === 3 ? rgbToGray(picture) : picture;
  const seen = factor > 1 ? resize(gray, size, "area") : gray;
  const lines = scoredLines(seen);
  const best = lines.reduce<Scored | undefined>((a, b) => a && a.score >= b.score ? a : b, undefined);
  if (!best || best.score === -Infinity) return undefined;
  const { relief, evidence } = best;
  const isAlike = (line: Scored): boolean =>
    line.relief === relief && Math.abs(line.evidence.level - evidence.level) < ALIKE &&
    scoreOf(line.evidence, { isLong: false }) > SAME_KIND;
  const scratches = lines.filter((line) => line === best || line.score > EVEN || isAlike(line));
  const hidden = new Uint8Array(size.width * size.height);
  for (const { pixels } of scratches) for (const pixel of pixels) hidden[pixel] = 1;
  const spots = spotsOf(relief, size, {
    level: evidence.level - ALIKE,
    contrast: evidence.contrast / 2,
    isOpen: (pixel) => hidden[pixel] === 0,
  });
  for (const pixel of spots.flat()) hidden[pixel] = 1;
  const pieces = [...scratches, ...spots.map((pixels) => ({ relief, pixels }))];
  for (const piece of pieces) for (const pixel of halfHidden(piece, size)) hidden[pixel] = 1;
  return {
    known: knownOf(hidden, size, picture),
    scratches: scratches.length,
    spots: spots.length,
    isBright: relief.polarity === 1,
    confidence: 1 / (1 + Math.exp(EVEN - best.score)),
  };
}

function scoredLines(gray: Raster): readonly Scored[] {
  const { width, height } = gray;
  const found = reliefsOf(gray).flatMap((relief) => linesOf(relief, gray).map((line) => ({ relief, line })));
  const levels = found.map(({ relief, line }) => ({ relief, core: line.core, level: levelOf(relief, line.core) }));
  const reliefs = new Set(found.map(({ relief }) => relief));
  const sorted = new Map(Array.from(reliefs, (relief) => [relief, Float32Array.from(relief.around).sort()]));
  return found.map(({ relief, line }) => {
    const evidence = lineEvidence(relief, line, { width, height, sorted: sorted.get(relief)!, all: levels });
    const score = scoreOf(evidence, { isLong: true });
    const isWire = relief.polarity === -1 && evidence.crossed < EVEN_GROUND;
    return { relief, pixels: line.pixels, evidence, score: isWire ? Math.min(EVEN, score) : score };
  });
}

/** Three quarters of a line are at most so bright. */
function levelOf({ level }: Relief, core: readonly number[]): number {
  const levels = Float64Array.from(core, (pixel) => level[pixel]!).sort();
  return levels[Math.floor(0.75 * (levels.length - 1))]!;
}

/** What is beside hidden pixels and stands out, too. */
function halfHidden(
  { relief, pixels }: Pick<Scored, "relief" | "pixels">,
  { width, height }: Pick<Raster, "width" | "height">,
): readonly number[] {
  return pixels.flatMap((pixel) => {
    const least = BORDER * Math.max(LEAST_HEIGHT, heightAt(relief, pixel));
    return neighbours(pixel, width, height).filter((beside) => heightAt(relief, beside) > least);
  });
}

/** The mask at the size of the picture. */
function knownOf(
  hidden: Uint8Array,
  { width, height }: Pick<Raster, "width" | "height">,
  picture: Pick<Raster, "width" | "height">,
): KnownPixels {
  const data = Float32Array.from({ length: picture.width * picture.height }, (_, pixel) => {
    const column = Math.min(width - 1, Math.floor((pixel % picture.width + 0.5) * width / picture.width));
    const row = Math.min(height - 1, Math.floor((Math.floor(pixel / picture.width) + 0.5) * height / picture.height));
    return 1 - hidden[row * width + column]!;
  });
  const share = data.reduce((sum, known) => sum + 1 - known, 0) / data.length;
  return { width: picture.width, height: picture.height, data, share };
}
