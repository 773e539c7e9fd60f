import { hostTensor, type Shape } from "../engine/mod.ts";
import { inpainting } from "./inpainting.ts";
import { checkImageShape, type LinearOperator } from "./operator.ts";

/** Parameters of `outpainting`. */
export interface OutpaintingOptions {
  /** Known share of each side, greater than 0, at most 1; default 0.5. */
  readonly keep?: number;
}

/**
 * Measures the middle of the picture: the operator of inpainting with a mask that keeps a centred box.
 * @param imageShape [H, W, C]
 * @throws {TypeError} if the shape is not that of an image
 * @throws {RangeError} if the share is out of range
 */
export function outpainting(imageShape: Shape, { keep = 0.5 }: OutpaintingOptions = {}): LinearOperator {
  const [height, width] = checkImageShape("outpaint", imageShape);
  if (!(keep > 0 && keep <= 1)) {
    throw new RangeError(
      `Cannot build operator "outpaint": the known share is ${keep}, a number greater than 0 and at most 1 is needed; ` +
        `use 0.5`,
    );
  }
  const [rows, columns] = [height, width].map((extent) => Math.max(1, Math.round(extent * keep))) as [number, number];
  const [top, left] = [Math.floor((height - rows) / 2), Math.floor((width - columns) / 2)];
  const mask = new Float32Array(height * width);
  for (let row = top; row < top + rows; row++) mask.fill(1, row * width + left, row * width + left + columns);
  return inpainting(imageShape, { mask: hostTensor(mask, [height, width]) });
}
