/** Two images made by integer formulas, so that other programs can make the same ones. */

/** Shape of the images, [H, W, C]. */
export const SHAPE = [19, 23, 3] as const;

/** 8-bit values 0..255 with steep edges: (31 h + 17 w + 7 c + h w) mod 256. */
export function steepImage(): Float32Array {
  return fromFormula((h, w, c) => (31 * h + 17 * w + 7 * c + h * w) % 256);
}

/** `steepImage` with an error of at most 10: + (13 h + 5 w + 3 c) mod 21 - 10, clamped to 0..255. */
export function steepImageWithError(): Float32Array {
  const steep = steepImage();
  const error = fromFormula((h, w, c) => (13 * h + 5 * w + 3 * c) % 21 - 10);
  return steep.map((value, i) => Math.min(Math.max(value + (error[i] as number), 0), 255));
}

/** 8-bit values 0..99 in ramps: (3 h + 5 w + 7 c) mod 100. */
export function rampImage(): Float32Array {
  return fromFormula((h, w, c) => (3 * h + 5 * w + 7 * c) % 100);
}

/** `rampImage` with an error of 0..8: + (h w + c) mod 9. */
export function rampImageWithError(): Float32Array {
  const ramp = rampImage();
  const error = fromFormula((h, w, c) => (h * w + c) % 9);
  return ramp.map((value, i) => value + (error[i] as number));
}

/** 8-bit values as [-1, 1]. */
export function signed(image: Float32Array): Float32Array {
  return image.map((value) => value / 127.5 - 1);
}

function fromFormula(formula: (h: number, w: number, c: number) => number): Float32Array {
  const [height, width, channels] = SHAPE;
  return Float32Array.from({ length: height * width * channels }, (_, i) => {
    const pixel = Math.floor(i / channels);
    return formula(Math.floor(pixel / width), pixel % width, i % channels);
  });
}
