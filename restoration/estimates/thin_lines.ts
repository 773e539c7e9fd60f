/** Thin lines that stand out of what surrounds them: scratches and hairs, and such parts of a scene. */
import type { Plane } from "./patch_spectrum.ts";
import { runningMedian } from "./running_median.ts";

/** What stands out to one side of the brightness. */
export interface Relief {
  /** 1: brighter than its surroundings, -1: darker. */
  readonly polarity: 1 | -1;
  /** Brightness s = polarity x value [H, W]. */
  readonly level: Float32Array;
  /** The median around each pixel, of s. */
  readonly around: Float32Array;
  /** What stands out of that everywhere by texture and noise [H, W], more than 0. */
  readonly texture: Float32Array;
}

/** A line: pixels that hang together. */
export interface Line {
  /** Places in the plane. */
  readonly pixels: readonly number[];
  /** Those of them that lie on a straight piece. */
  readonly core: readonly number[];
  /** By how much s of the two sides differs at each pixel of the core, by places there. */
  readonly sides: readonly number[];
}

/** Radius of the window of the median: lines up to five pixels wide fill less than half of it. */
const RADIUS = 6;

/** Radius of the window in which texture is looked at, and what counts of it at most. */
const TEXTURE = { radius: 12, most: 0.15, least: 0.053 };

/** Directions in which lines are looked for. */
const DIRECTIONS = 16;

/** The length of a line in pixels that must stand out: a seventh of the shorter side, within these. */
const LENGTH = { part: 1 / 7, least: 11, most: 21 };

/** Sides of a line are looked at so far from its middle, in pixels. */
const BESIDE = 4;

/** Part of the height of a pixel that the line must have over both its sides, and may differ in along itself. */
const HEIGHT = { least: 0.5, spread: 0.35 };

/** Part of a line that must be so, for its middle to be of it, and for a pixel beside to go with it. */
const CONTINUED = { core: 0.8, along: 0.5 };

/** A pixel stands out from so many times the texture on. */
const ABOVE = 1.5;

/** What stands out of a gray picture, to both sides. */
export function reliefsOf(plane: Plane): readonly Relief[] {
  const { width, height, data } = plane;
  const radius = Math.min(RADIUS, Math.max(3, Math.round(Math.min(width, height) / 16)));
  const median = runningMedian(plane, radius);
  const apart = data.map((value, i) => Math.min(TEXTURE.most, Math.abs(value - median[i]!)));
  const texture = boxMean({ width, height, data: apart }, TEXTURE.radius)
    .map((mean) => Math.max(TEXTURE.least, mean));
  return ([1, -1] as const).map((polarity) => ({
    polarity,
    texture,
    level: data.map((value) => polarity * value),
    around: median.map((value) => polarity * value),
  }));
}

/** How far a pixel stands out. */
export function heightAt({ level, around }: Relief, pixel: number): number {
  return level[pixel]! - around[pixel]!;
}

/** The lines of a relief: pixels that stand out over both sides of a straight piece as high as themselves, with theirs. */
export function linesOf(relief: Relief, { width, height }: Pick<Plane, "width" | "height">): readonly Line[] {
  const { part, sides } = straightness(relief, width, height);
  const isHigh = (i: number): boolean => heightAt(relief, i) > ABOVE * relief.texture[i]!;
  const isCore = (i: number): boolean => part[i]! >= CONTINUED.core;
  const patches = connected({ width, height }, {
    isStart: (i) => isHigh(i) && isCore(i),
    goesOn: (from, to) => isHigh(to) && (part[to]! >= CONTINUED.along || isCore(from)),
  });
  return patches.map((pixels) => {
    const core = pixels.filter(isCore);
    return { pixels, core, sides: core.map((i) => sides[i]!) };
  });
}

/**
 * The part of the straightest piece around each pixel that is a line like it, 0 where nothing stands out, and by how much
 * the mean of its one side differs from that of its other side.
 */
function straightness(
  relief: Relief,
  width: number,
  height: number,
): { readonly part: Float32Array; readonly sides: Float32Array } {
  const { level, texture } = relief;
  const wanted = Math.floor(Math.min(width, height) * LENGTH.part / 2);
  const half = Math.min(LENGTH.most, Math.max(LENGTH.least, 2 * wanted + 1)) - 1 >> 1;
  const directions = Array.from({ length: DIRECTIONS }, (_, k) => {
    const angle = k * Math.PI / DIRECTIONS;
    const step = (times: number): readonly [number, number] => [
      Math.round(times * Math.cos(angle)),
      Math.round(times * Math.sin(angle)),
    ];
    const across = (times: number): readonly [number, number] => [
      Math.round(-times * Math.sin(angle)),
      Math.round(times * Math.cos(angle)),
    ];
    return {
      along: Array.from({ length: 2 * half + 1 }, (_, j) => step(j - half)),
      near: across(1),
      beside: across(BESIDE),
    };
  });
  const at = (x: number, y: number): number =>
    level[Math.min(height - 1, Math.max(0, y)) * width + Math.min(width - 1, Math.max(0, x))]!;
  const part = new Float32Array(width * height);
  const sides = new Float32Array(width * height);
  for (let i = 0; i < part.length; i++) {
    const own = heightAt(relief, i);
    if (own <= ABOVE * texture[i]!) continue;
    const [x, y] = [i % width, Math.floor(i / width)];
    for (const { along, near: [nx, ny], beside: [bx, by] } of directions) {
      let [like, count, difference] = [0, 0, 0];
      for (const [dx, dy] of along) {
        const [column, row] = [x + dx, y + dy];
        if (column < 0 || row < 0 || column >= width || row >= height) continue;
        count++;
        const ridge = Math.max(at(column, row), at(column + nx, row + ny), at(column - nx, row - ny));
        const [one, other] = [at(column + bx, row + by), at(column - bx, row - by)];
        difference += one - other;
        if (ridge - Math.max(one, other) > HEIGHT.least * own && Math.abs(ridge - level[i]!) < HEIGHT.spread * own) {
          like++;
        }
      }
      // Of a line that ends at the border more than half is seen.
      if (count <= along.length / 2 || like / count <= part[i]!) continue;
      part[i] = like / count;
      sides[i] = Math.abs(difference) / count;
    }
  }
  return { part, sides };
}

/** Patches of pixels that hang together by sides or corners, in the order of their first pixels. */
export function connected(
  { width, height }: Pick<Plane, "width" | "height">,
  { isStart, goesOn }: {
    readonly isStart: (pixel: number) => boolean;
    readonly goesOn: (from: number, to: number) => boolean;
  },
): readonly (readonly number[])[] {
  const isSeen = new Uint8Array(width * height);
  const patches: number[][] = [];
  for (let start = 0; start < isSeen.length; start++) {
    if (isSeen[start] || !isStart(start)) continue;
    isSeen[start] = 1;
    const pixels = [start];
    for (let k = 0; k < pixels.length; k++) {
      const from = pixels[k]!;
      for (const to of neighbours(from, width, height)) {
        if (isSeen[to] || !goesOn(from, to)) continue;
        isSeen[to] = 1;
        pixels.push(to);
      }
    }
    patches.push(pixels);
  }
  return patches;
}

/** The pixels that touch one, up to eight. */
export function neighbours(pixel: number, width: number, height: number): readonly number[] {
  const [x, y] = [pixel % width, Math.floor(pixel / width)];
  const all: number[] = [];
  for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
    for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
      if (row !== y || column !== x) all.push(row * width + column);
    }
  }
  return all;
}

/** The mean over (2 r + 1)^2 pixels around each, of those that are there. */
function boxMean({ width, height, data }: Plane, radius: number): Float32Array {
  const sums = new Float64Array((width + 1) * (height + 1));
  for (let y = 0; y < height; y++) {
    let row = 0;
    for (let x = 0; x < width; x++) {
      row += data[y * width + x]!;
      sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1]! + row;
    }
  }
  return Float32Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    const [left, right] = [Math.max(0, x - radius), Math.min(width, x + radius + 1)];
    const [top, bottom] = [Math.max(0, y - radius), Math.min(height, y + radius + 1)];
    const at = (row: number, column: number): number => sums[row * (width + 1) + column]!;
    return (at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left)) /
      ((right - left) * (bottom - top));
  });
}
