/** The habits by which published tables compute PSNR and SSIM, by name. */
import { psnr } from "./psnr.ts";
import { ssim, type SsimOptions } from "./ssim.ts";

/** How a body of published code compares images. */
export interface Convention {
  /** What it does, in words. */
  readonly description: string;
  /** Whether super-resolution leaves out as many pixels along every edge as the scale. */
  readonly cropsScale?: true;
  /** How SSIM is computed. */
  readonly options: Omit<SsimOptions, "shape" | "range" | "border">;
}

/** A name of `CONVENTIONS`. */
export type ConventionName =
  | "skimage"
  | "float"
  | "ssd"
  | "ddnm"
  | "dmps"
  | "dps"
  | "diffpir"
  | "basicsr"
  | "basicsr-y"
  | "matlab-y";

/** The conventions by name. */
export const CONVENTIONS: Readonly<Record<ConventionName, Convention>> = {
  "skimage": {
    description: "8-bit values, rounded to nearest; SSIM with 7x7 equal weights, sample covariance",
    options: { rounding: "round", window: "uniform" },
  },
  "float": {
    description: "values as they are, limited to the range, not rounded; SSIM with 11x11 Gaussian weights",
    options: { clamp: true, window: "gaussian" },
  },
  "ssd": {
    description: "8-bit values, fractions cut off, as SSD saves its results; SSIM 7x7",
    options: { rounding: "floor", window: "uniform" },
  },
  "ddnm": {
    description: "values limited to the range, not rounded (DDNM, DDRM); SSIM 7x7",
    options: { clamp: true, window: "uniform" },
  },
  "dmps": {
    description: "values neither limited nor rounded, white minus black as peak (DMPS); SSIM 7x7",
    options: { window: "uniform" },
  },
  "dps": {
    description: "each image stretched from its least to its greatest value, not rounded (DPS); SSIM 7x7",
    options: { stretch: true, window: "uniform" },
  },
  "diffpir": {
    description: "8-bit values, ties to even; super-resolution crops the scale (DiffPIR); SSIM 11x11",
    cropsScale: true,
    options: { rounding: "half-even", window: "gaussian" },
  },
  "basicsr": {
    description: "8-bit values, ties to even; super-resolution crops the scale (BasicSR, RGB); SSIM 11x11",
    cropsScale: true,
    options: { rounding: "half-even", window: "gaussian" },
  },
  "basicsr-y": {
    description: "luma of 8-bit values, itself not rounded; super-resolution crops the scale (BasicSR, Y); SSIM 11x11",
    cropsScale: true,
    options: { rounding: "half-even", channels: "luma", window: "gaussian" },
  },
  "matlab-y": {
    description: "luma rounded to 8 bits (MATLAB rgb2ycbcr); super-resolution crops the scale; SSIM 11x11",
    cropsScale: true,
    options: { rounding: "round", channels: "rounded-luma", window: "gaussian" },
  },
};

/** Closeness of two images. */
export interface ImageQuality {
  /** In dB; Infinity for equal images. */
  readonly psnr: number;
  /** Undefined for images that are smaller than the window. */
  readonly ssim: number | undefined;
}

/** What besides the convention decides. */
export interface ImageQualityOptions {
  /** Shape of both images, [H, W, C]. */
  readonly shape: readonly [height: number, width: number, channels: number];
  /** Values of black and white; default [-1, 1]. */
  readonly range?: readonly [low: number, high: number];
  /** Scale of a super-resolution task; default 1. */
  readonly scale?: number;
}

/** Sides of the windows. */
const WINDOW_SIDE = { uniform: 7, gaussian: 11 } as const;

/**
 * PSNR and SSIM of two images by a convention.
 * @param convention which one
 * @param a image [H, W, C]
 * @param b image [H, W, C]
 * @throws {TypeError} if an image does not have the shape; {RangeError} if cropping leaves nothing
 */
export function imageQuality(
  convention: ConventionName,
  a: Float32Array,
  b: Float32Array,
  { shape, range = [-1, 1], scale = 1 }: ImageQualityOptions,
): ImageQuality {
  const { cropsScale, options } = CONVENTIONS[convention];
  const border = cropsScale && scale > 1 ? scale : 0;
  const all = { ...options, shape, range, border };
  const isTooSmall = Math.min(shape[0], shape[1]) - 2 * border < WINDOW_SIDE[options.window ?? "uniform"];
  return { psnr: psnr(a, b, all), ssim: isTooSmall ? undefined : ssim(a, b, all) };
}
