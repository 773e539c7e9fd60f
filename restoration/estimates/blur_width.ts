/** How soft a picture is, from the picture alone: the width of an isotropic Gaussian blur. */
import { type Raster, rgbToGray } from "../../raster/mod.ts";

/** An estimated blur. */
export interface BlurWidth {
  /** Standard deviation of the Gaussian in pixels. */
  readonly sigma: number;
  /** Half the range of the middle half of what single edges say, in pixels. */
  readonly spread: number;
  /** Edges that were looked at. */
  readonly edges: number;
}

/** Deviation of the Gaussian by which the picture is blurred once more, in pixels. */
const REBLUR = 1;

/** Variance in square pixels that the difference of two neighbours at a distance of 2 adds to an edge. */
const DIFFERENCE_VARIANCE = 1 / 3;

/** Share of the pixels with the greatest slope that count as edges. */
const EDGE_SHARE = 0.02;

/** Fewest edges that tell anything. */
const FEWEST_EDGES = 20;

/** Which of the edges from sharp to soft is the blur: the sharpest are edges that nothing but the blur has softened. */
const QUANTILE = 0.4;

/**
 * The width of a Gaussian blur from how much the steepest edges lose by another one: the slope of a step that was blurred
 * by sigma falls by R = sqrt(1 + s^2 / sigma^2) when it is blurred by s again (Zhuo and Sim, Defocus Map Estimation From
 * a Single Image, 2011).
 * @param picture values in [-1, 1]
 * @returns undefined if the picture has too few edges
 */
export function estimateBlurWidth(picture: Raster): BlurWidth | undefined {
  const gray = picture.channels === 3 ? rgbToGray(picture) : picture;
  const { width, height } = gray;
  if (Math.min(width, height) < 8) return undefined;
  const slope = slopes(gray.data, width, height);
  const softer = slopes(gaussian(gray.data, width, height, REBLUR), width, height);
  const inner = (i: number): boolean => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return x > 2 && y > 2 && x < width - 3 && y < height - 3;
  };
  const steepest = Float32Array.from(slope).sort().at(-Math.ceil(EDGE_SHARE * slope.length))!;
  const found: number[] = [];
  for (let i = 0; i < slope.length; i++) {
    if (!inner(i) || slope[i]! < steepest || slope[i]! <= 0.01 || !isRidge(slope, i, width)) continue;
    const ratio = slope[i]! / softer[i]!;
    if (ratio <= 1.001) continue;
    found.push(Math.sqrt(Math.max(0, REBLUR ** 2 / (ratio ** 2 - 1) - DIFFERENCE_VARIANCE)));
  }
  if (found.length < FEWEST_EDGES) return undefined;
  found.sort((a, b) => a - b);
  const at = (quantile: number): number => found[Math.floor(quantile * (found.length - 1))]!;
  return { sigma: at(QUANTILE), spread: (at(0.75) - at(0.25)) / 2, edges: found.length };
}

/** Lengths of the gradient by central differences, 0 at the border. */
function slopes(data: Float32Array, width: number, height: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      out[i] = Math.hypot(data[i + 1]! - data[i - 1]!, data[i + width]! - data[i - width]!) / 2;
    }
  }
  return out;
}

/** Whether a slope is the greatest across its edge, along a row or a column. */
function isRidge(slope: Float32Array, i: number, width: number): boolean {
  const isTop = (step: number): boolean => slope[i]! >= slope[i - step]! && slope[i]! >= slope[i + step]!;
  return isTop(1) || isTop(width);
}

/** The picture blurred by a Gaussian; the border is repeated. */
function gaussian(data: Float32Array, width: number, height: number, sigma: number): Float32Array {
  const radius = Math.ceil(4 * sigma);
  const taps = Array.from({ length: 2 * radius + 1 }, (_, k) => Math.exp(-((k - radius) ** 2) / (2 * sigma ** 2)));
  const sum = taps.reduce((all, tap) => all + tap, 0);
  const along = (from: Float32Array, length: number, step: number, lines: number, lineStep: number): Float32Array => {
    const out = new Float32Array(from.length);
    for (let line = 0; line < lines; line++) {
      for (let k = 0; k < length; k++) {
        let value = 0;
        for (let t = -radius; t <= radius; t++) {
          const place = Math.min(length - 1, Math.max(0, k + t));
          value += taps[t + radius]! * from[line * lineStep + place * step]!;
        }
        out[line * lineStep + k * step] = value / sum;
      }
    }
    return out;
  };
  return along(along(data, width, 1, height, width), height, width, width, 1);
}
