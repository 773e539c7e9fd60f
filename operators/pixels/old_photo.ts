/** An old photo: scratched (mask), gray (the mean of the channels) and small (the mean of s x s pixels), as in DDNM. */
import type { HostTensor } from "../../engine/mod.ts";
import { integer, type Parameter } from "../../parameters/mod.ts";
import { COMPOSITION, composition, grayAndSmall } from "../composition.ts";
import { linearEntry, type OperatorEntry } from "../entry.ts";
import { inpainting, MISSING_EXTRAS, MISSING_PIXELS, missingDefaults, missingMask } from "./inpainting.ts";
import type { LinearOperator } from "../operator.ts";

const PARAMETERS = {
  ...MISSING_PIXELS,
  scale: integer(2, { min: 1, programsOnly: true }, "reduction along each side") as Parameter<number>,
  ...COMPOSITION,
};

/** A scratched, gray and small picture. */
export const oldPhoto: OperatorEntry<LinearOperator, typeof PARAMETERS> = linearEntry({
  name: "old_photo",
  about: "a scratched, gray and small picture: known pixels, mean of the channels, mean of blocks",
  parameters: PARAMETERS,
  build(imageShape, { mask, missing, box, seed, scale, ...options }): LinearOperator {
    const known = missingMask("old_photo", imageShape, { mask, missing, box, seed });
    const factors = [inpainting(imageShape, known), ...grayAndSmall(imageShape, scale)];
    if (!isWhole(known, scale)) return composition("old_photo", factors, options);
    // Then the mask commutes with the means, and the product of the factors' pseudo-inverses is A^+.
    const { isApproximate: _, ...exact } = composition("old_photo", factors, { inverse: "factors" });
    return exact;
  },
  examples: [
    { imageShape: [14, 18, 3], options: { missing: 0.3, seed: 1 } },
    { imageShape: [15, 9, 2], options: { box: { height: 7, width: 4 }, scale: 3, seed: 2 } },
    { imageShape: [14, 18, 3], options: { missing: 0.3, inverse: "factors" } },
    { imageShape: [6, 8, 3], options: { missing: 0 } },
    { imageShape: [5, 7, 3], options: { missing: 0.4, scale: 1, seed: 3 } },
  ],
  tasks: [{
    name: "old-photo",
    about: "repair a picture that is scratched, gray and half as large",
    kind: "colorization",
    fixed: { scale: 2 },
    scale: 2,
    channels: 1,
    form: "picture",
    isLocal: true,
  }],
  extras: MISSING_EXTRAS,
  defaultsFor: missingDefaults,
  knownPixels: (imageShape, values) => missingMask("old_photo", imageShape, values),
});

/** Whether a mask [H, W] cuts through none of the blocks of s x s pixels: each is known or missing as a whole. */
function isWhole({ data, shape: [height = 0, width = 0, channels] }: HostTensor, scale: number): boolean {
  if (channels !== undefined) return false;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const first = (row - row % scale) * width + column - column % scale;
      if (data[row * width + column] !== data[first]) return false;
    }
  }
  return true;
}
