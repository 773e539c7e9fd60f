/** Whether a blur went on at the opposite side of a picture, as in pictures that a program blurred by Fourier transforms. */
import type { Raster } from "../../raster/mod.ts";

/** Differences across the border are at most so many times those beside it, where a blur goes on at the other side. */
const CONTINUED = 2;

/** Kernels that reach less far along an axis do not cross that border, in pixels. */
const CROSSING = 1;

/**
 * Whether the picture goes on at the opposite side wherever a blur crosses the border: it spreads the step from the last
 * pixels to the first as it spreads all others. Photographs end in a step there.
 * @param picture values [H, W, C]
 * @param extent width and height of the kernel in pixels
 */
export function isCircular(
  picture: Raster,
  extent: { readonly width: number; readonly height: number },
): boolean {
  const { width, height } = picture;
  const crossesColumns = extent.width >= CROSSING;
  const crossesRows = extent.height >= CROSSING;
  return (!crossesColumns || goesOn(picture, { count: height, step: width, last: width - 1, along: 1 })) &&
    (!crossesRows || goesOn(picture, { count: width, step: 1, last: height - 1, along: width }));
}

/** Compares the differences of the last pixel of each line with the first one, and of both with their neighbours. */
function goesOn(
  { channels, data }: Raster,
  { count, step, last, along }: Readonly<Record<"count" | "step" | "last" | "along", number>>,
): boolean {
  let [across, beside] = [0, 0];
  for (let line = 0; line < count; line++) {
    for (let channel = 0; channel < channels; channel++) {
      const at = (place: number): number => data[(line * step + place * along) * channels + channel]!;
      across += Math.abs(at(last) - at(0));
      beside += (Math.abs(at(last) - at(last - 1)) + Math.abs(at(1) - at(0))) / 2;
    }
  }
  return across <= CONTINUED * beside;
}
