/** Masks for inpainting as host tensors [H, W]: 1 where the picture is known, 0 where it is missing. */
import { type HostTensor, hostTensor } from "../../engine/mod.ts";
import { integers, randomPermutation } from "../draws.ts";

/** A rectangle of missing pixels. */
export interface MissingBox {
  /** Rows of the box, 1 to the height of the picture. */
  readonly height: number;
  /** Columns of the box, 1 to the width of the picture. */
  readonly width: number;
  /** First row of the box; drawn from the seed if absent. */
  readonly top?: number;
  /** First column of the box; drawn from the seed if absent. */
  readonly left?: number;
}

/**
 * A picture from which one box is missing; a side of the corner that is not given is drawn uniformly among those that
 * keep the box inside.
 * @param height rows of the picture
 * @param width columns of the picture
 * @param box the missing rectangle, inside the picture
 * @param seed an integer from 0 to 2^32 - 1; without effect if the corner is given
 * @returns the mask [H, W]
 * @throws {RangeError} if the box does not lie inside the picture, or a number is out of range
 */
export function boxMask(height: number, width: number, box: MissingBox, seed: number): HostTensor {
  checkSize(height, width);
  const draw = integers(seed);
  const place = (axis: string, extent: number, side: number, given: number | undefined): number => {
    const first = given ?? (side <= extent ? draw(extent - side + 1) : 0);
    const inside = Number.isSafeInteger(side) && Number.isSafeInteger(first) && side >= 1 && first >= 0 &&
      first + side <= extent;
    if (inside) return first;
    throw new RangeError(
      `Cannot make a box mask: the box has ${axis} ${first} to ${first + side - 1}, ` +
        `integers from 0 to ${extent - 1} are needed; move or shrink the box`,
    );
  };
  const top = place("rows", height, box.height, box.top);
  const left = place("columns", width, box.width, box.left);
  const mask = new Float32Array(height * width).fill(1);
  for (let row = top; row < top + box.height; row++) {
    mask.fill(0, row * width + left, row * width + left + box.width);
  }
  return hostTensor(mask, [height, width]);
}

/**
 * A picture from which a share of the pixels is missing at random: exactly floor(share * H * W) of them, drawn without
 * replacement.
 * @param height rows of the picture
 * @param width columns of the picture
 * @param share missing share, 0 to 1
 * @param seed an integer from 0 to 2^32 - 1
 * @returns the mask [H, W]
 * @throws {RangeError} if a number is out of range
 */
export function randomMask(height: number, width: number, share: number, seed: number): HostTensor {
  checkSize(height, width);
  if (!(share >= 0 && share <= 1)) {
    throw new RangeError(
      `Cannot make a random mask: the missing share is ${share}, a number from 0 to 1 is needed; use 0.5 for half`,
    );
  }
  const count = height * width;
  const missing = Math.floor(count * share);
  const mask = new Float32Array(count).fill(1);
  for (const pixel of randomPermutation(count, seed, missing).subarray(0, missing)) mask[pixel] = 0;
  return hostTensor(mask, [height, width]);
}

/**
 * The mask that a picture shows: a pixel is white if its first channel is at least 0, the middle of the range.
 * @param image [H, W, C] in [-1, 1]
 * @param keep which pixels are known: the white or the black ones
 * @returns the mask [H, W]
 * @throws {TypeError} if the picture has not three dimensions
 */
export function pictureMask(image: HostTensor, keep: "white" | "black"): HostTensor {
  const [height, width, channels] = image.shape;
  if (image.shape.length !== 3 || height === undefined || width === undefined || channels === undefined) {
    throw new TypeError(
      `Cannot read a mask from a picture: it has ${image.shape.length} dimensions, ` +
        `[height, width, channels] is needed; leave the batch out`,
    );
  }
  const mask = Float32Array.from({ length: height * width }, (_, pixel) => {
    const white = image.data[pixel * channels]! >= 0;
    return white === (keep === "white") ? 1 : 0;
  });
  return hostTensor(mask, [height, width]);
}

function checkSize(height: number, width: number): void {
  if (Number.isSafeInteger(height) && Number.isSafeInteger(width) && height >= 1 && width >= 1) return;
  throw new RangeError(
    `Cannot make a mask: the picture has ${height} x ${width} pixels, positive integers are needed; give its size`,
  );
}
