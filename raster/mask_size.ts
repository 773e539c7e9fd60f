/** Masks of another size than the picture. */
import type { MaskReading } from "./mask.ts";
import type { Size } from "./raster.ts";
import { resize } from "./resize.ts";

/** Sides may differ by this much from one shape, as a part and in pixels. */
const SAME_SHAPE = { part: 0.02, pixels: 2 };

/**
 * A mask of the picture's size.
 *
 * @param mask The mask as it was read.
 * @param size The size of the picture.
 * @returns The mask; where a resized pixel is missing in part it is missing. That it was resized is in its notes.
 * @throws RangeError If it has another shape than the picture, or no pixel is known.
 */
export function maskOfSize(mask: MaskReading, size: Size): MaskReading {
  if (size.width === mask.width && size.height === mask.height) return mask;
  checkShape(mask, size);
  const { data } = resize({ ...mask, channels: 1 }, size, "area");
  const known = data.map((part) => part > 0.999 ? 1 : 0);
  const share = known.filter((value) => value === 0).length / known.length;
  if (share === 1) throw new RangeError("made as large as the picture it keeps no pixel");
  const { width, height } = size;
  return {
    ...mask,
    width,
    height,
    data: known,
    share,
    reading: { keep: mask.reading.keep, missing: share },
    notes: [
      ...mask.notes,
      `the mask has ${mask.width} x ${mask.height} pixels and is resized to ${width} x ${height}`,
    ],
  };
}

function checkShape(mask: Size, size: Size): void {
  const scale = Math.sqrt((size.width * size.height) / (mask.width * mask.height));
  const fits = (["width", "height"] as const).every((side) => {
    const difference = Math.abs(mask[side] * scale - size[side]);
    return difference <= Math.max(SAME_SHAPE.pixels * Math.max(1, scale), SAME_SHAPE.part * size[side]);
  });
  if (fits) return;
  throw new RangeError(
    `it has ${mask.width} x ${mask.height} pixels, the picture has ${size.width} x ` +
      `${size.height}, which is another shape; make a mask of the picture's size`,
  );
}
