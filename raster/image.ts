/** Images as stored: whole-numbered samples. */

/** Samples of an image, 0 to 255 or 0 to 65535. */
export type Samples = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/** An image as stored: whole-numbered samples, colour and alpha apart. */
export interface Image {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** 1 for gray, 3 for RGB; alpha is not counted. */
  readonly channels: 1 | 3;
  /** Bits per sample; decides the array type. */
  readonly bitDepth: 8 | 16;
  /** Colour [H, W, channels]. */
  readonly samples: Samples;
  /** Alpha [H, W], 0 transparent, of the same depth; absent if the file has none. */
  readonly alpha?: Samples;
}

/**
 * An array of the type that belongs to a bit depth.
 *
 * @param length Number of samples.
 * @param bitDepth 8 or 16.
 * @returns Zeros.
 */
export function allocateSamples(length: number, bitDepth: 8 | 16): Samples {
  return bitDepth === 16 ? new Uint16Array(length) : new Uint8Array(length);
}

/**
 * Turns an image upright as its EXIF orientation says (EXIF 2.32, tag 0x0112).
 *
 * @param image The image as stored.
 * @param orientation 1 to 8: where the stored row 0 and column 0 belong; 5 to 8 exchange width and height.
 * @returns The upright image; the same object for orientation 1.
 */
export function applyOrientation(image: Image, orientation: number): Image {
  if (orientation === 1) return image;
  const transposed = orientation >= 5;
  const width = transposed ? image.height : image.width;
  const height = transposed ? image.width : image.height;
  // Stored column of the upright column 0 runs backwards for 2, 3, 7, 8; the stored row for 3, 4, 6, 7.
  const flipX = [2, 3, 7, 8].includes(orientation);
  const flipY = [3, 4, 6, 7].includes(orientation);
  const turn = (plane: Samples, channels: number): Samples => {
    const out = allocateSamples(plane.length, image.bitDepth);
    let at = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const column = transposed ? y : x;
        const row = transposed ? x : y;
        const fromX = flipX ? image.width - 1 - column : column;
        const fromY = flipY ? image.height - 1 - row : row;
        const from = (fromY * image.width + fromX) * channels;
        for (let c = 0; c < channels; c++) out[at++] = plane[from + c]!;
      }
    }
    return out;
  };
  return {
    ...image,
    width,
    height,
    samples: turn(image.samples, image.channels),
    ...(image.alpha ? { alpha: turn(image.alpha, 1) } : {}),
  };
}
