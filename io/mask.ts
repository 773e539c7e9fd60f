import { readImage, type ReadImageOptions } from "./image_file.ts";

/** A mask of known and missing pixels. */
export interface Mask {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** [H, W]: 1 known, 0 missing. */
  readonly data: Float32Array<ArrayBuffer>;
  /** True if the picture holds only pure black and pure white. */
  readonly twoValued: boolean;
  /** Sentences for the user. */
  readonly warnings: readonly string[];
}

/** What `readMask` needs to know. */
export interface ReadMaskOptions extends ReadImageOptions {
  /** The colour of the pixels that are known and kept; the other colour marks what is missing. */
  readonly keep: "white" | "black";
}

/**
 * Reads a mask picture: a pixel is white if the mean of its colour channels is above half of the full value.
 *
 * @param path PNG or JPEG file; its alpha is not looked at.
 * @param options Which colour is kept, and limits.
 * @returns 1 where the picture is known, 0 where it is missing.
 * @throws ImageError If the file cannot be read as an image.
 */
export async function readMask(path: string, options: ReadMaskOptions): Promise<Mask> {
  const image = await readImage(path, options);
  const { width, height, channels, samples } = image;
  const full = channels * (2 ** image.bitDepth - 1);
  const data = new Float32Array(width * height);
  let between = 0;
  let kept = 0;
  for (let pixel = 0; pixel < data.length; pixel++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += samples[pixel * channels + c]!;
    if (sum !== 0 && sum !== full) between++;
    const white = 2 * sum > full;
    data[pixel] = white === (options.keep === "white") ? 1 : 0;
    kept += data[pixel]!;
  }
  const warnings = [...image.warnings];
  if (between > 0) {
    warnings.push(
      `the mask is not two-valued: ${between} of ${data.length} pixels are neither black nor white and were cut at half`,
    );
  }
  if (kept === data.length) warnings.push(`the mask keeps every pixel (${options.keep} is kept)`);
  if (kept === 0) warnings.push(`the mask keeps no pixel (${options.keep} is kept)`);
  if (image.alpha?.some((value) => value < 2 ** image.bitDepth - 1)) {
    warnings.push("the mask has transparent pixels; only its colours are looked at");
  }
  return { width, height, data, twoValued: between === 0, warnings };
}
