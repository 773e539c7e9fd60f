/** What tells a scratch from a line of the scene. */
import { heightAt, type Line, neighbours, type Relief } from "./thin_lines.ts";

/** What a line shows; s is brightness, or darkness of a dark line. */
export interface LineEvidence {
  /** Pixels of its straight pieces. */
  readonly core: number;
  /** Median height over its surroundings. */
  readonly contrast: number;
  /** Median height by the texture there. */
  readonly prominence: number;
  /** Upper quartile of s. */
  readonly level: number;
  /** By how much s differs along it: from the 40th to the 90th percentile. */
  readonly unevenness: number;
  /** Deviation of what lies around it along it: of a line over an even ground 0. */
  readonly crossed: number;
  /** Part of the picture, without what stands out, where s is as large. */
  readonly beyond: number;
  /** Whether it is level or upright, as poles and edges of houses are. */
  readonly isUpright: boolean;
  /** By how much its sides differ, by its height: edges with a rim have two. */
  readonly oneSided: number;
  /** Part of the pixels around it with its s: what ends in a surface is no line. */
  readonly attached: number;
  /** Pixels of other lines, by the shorter side of the picture: dark ones and fainter ones of a bright one. */
  readonly others: number;
}

/** A line with its brightness. */
export interface LevelledLine {
  readonly relief: Relief;
  readonly core: readonly number[];
  readonly level: number;
}

/** Lines within so many degrees of the directions of rows and columns are upright. */
const UPRIGHT = 4;

/** s that differs by so much is the same beside a line. */
const SAME = 0.15;

/** What a line shows. */
export function lineEvidence(
  relief: Relief,
  { pixels, core, sides }: Line,
  { width, height, sorted, all }: {
    readonly width: number;
    readonly height: number;
    /** The medians around all pixels, in ascending order. */
    readonly sorted: Float32Array;
    readonly all: readonly LevelledLine[];
  },
): LineEvidence {
  const contrast = quantile(core.map((pixel) => heightAt(relief, pixel)), 0.5);
  const levels = core.map((pixel) => relief.level[pixel]!);
  const level = quantile(levels, 0.75);
  const below = sorted.findIndex((value) => value >= level);
  const others = all.filter((line) => line.relief !== relief || line.level < level - SAME);
  return {
    core: core.length,
    contrast,
    prominence: quantile(core.map((pixel) => heightAt(relief, pixel) / relief.texture[pixel]!), 0.5),
    level,
    unevenness: quantile(levels, 0.9) - quantile(levels, 0.4),
    crossed: deviation(core.map((pixel) => relief.around[pixel]!)),
    beyond: below < 0 ? 0 : 1 - below / sorted.length,
    isUpright: offAxis(pixels, width) < UPRIGHT,
    oneSided: quantile(sides, 0.5) / contrast,
    attached: attachedPart(relief, pixels, level, { width, height }),
    others: others.reduce((sum, line) => sum + line.core.length, 0) / Math.min(width, height),
  };
}

/**
 * Weights of a logistic regression of which lines were scratches: 37 photographs, three parts of 64 to 256 pixels of each,
 * undamaged and scratched from seeds, but for upright lines, which count as less. The number of pixels and the prominence
 * count up to a limit.
 */
const WEIGHTS = {
  offset: -21.8,
  core: 1,
  prominence: 3.5,
  level: 3,
  unevenness: -4.3,
  beyond: -0.3,
  upright: -4,
  oneSided: -2.4,
  others: -0.7,
};

/** The largest logarithms that count. */
const MOST = { core: 4.5, prominence: 3 };

/** Drawings alone are more even; it counts no more. */
const LEAST_UNEVEN = 0.02;

/** Lines with less in common with a scratch are none: of so few pixels, so one-sided, so attached. */
const LIMITS = { core: 12, oneSided: 0.4, attached: 0.03 };

/**
 * The logarithm of how many times likelier a line is a scratch than a part of a scene.
 * @param setting.isLong whether it must be long; where others are scratches it need not
 * @returns -Infinity for what cannot be one
 */
export function scoreOf(line: LineEvidence, { isLong }: { readonly isLong: boolean }): number {
  const { core, oneSided, attached } = line;
  if ((isLong && core < LIMITS.core) || oneSided > LIMITS.oneSided || attached > LIMITS.attached) return -Infinity;
  return WEIGHTS.offset +
    WEIGHTS.core * Math.min(MOST.core, Math.log(core)) +
    WEIGHTS.prominence * Math.min(MOST.prominence, Math.log(line.prominence)) +
    WEIGHTS.level * line.level +
    WEIGHTS.unevenness * Math.log(Math.max(LEAST_UNEVEN, line.unevenness) + 0.05) +
    WEIGHTS.beyond * Math.log(line.beyond + 0.001) +
    WEIGHTS.upright * (line.isUpright ? 1 : 0) +
    WEIGHTS.oneSided * oneSided +
    WEIGHTS.others * Math.log(line.others + 0.1);
}

/** The value that a part of the values is at most. */
function quantile(values: readonly number[], part: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.floor(part * (sorted.length - 1))]!;
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

/** Degrees between the main axis of pixels and the nearer of rows and columns, 0 to 45. */
function offAxis(pixels: readonly number[], width: number): number {
  let [meanX, meanY] = [0, 0];
  for (const pixel of pixels) {
    meanX += pixel % width / pixels.length;
    meanY += Math.floor(pixel / width) / pixels.length;
  }
  let [xx, xy, yy] = [0, 0, 0];
  for (const pixel of pixels) {
    const [x, y] = [pixel % width - meanX, Math.floor(pixel / width) - meanY];
    [xx, xy, yy] = [xx + x * x, xy + x * y, yy + y * y];
  }
  const angle = Math.abs(Math.atan2(2 * xy, xx - yy) / 2 * 180 / Math.PI);
  return Math.min(angle, 90 - angle);
}

function attachedPart(
  { level }: Relief,
  pixels: readonly number[],
  own: number,
  { width, height }: { readonly width: number; readonly height: number },
): number {
  const inside = new Set(pixels);
  let [around, like] = [0, 0];
  for (const pixel of pixels) {
    for (const beside of neighbours(pixel, width, height)) {
      if (inside.has(beside)) continue;
      around++;
      if (Math.abs(level[beside]! - own) < SAME) like++;
    }
  }
  return like / Math.max(1, around);
}
