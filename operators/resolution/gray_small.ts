/** A small gray picture: the mean of the channels and of s x s pixels. */
import { integer, type Parameter } from "../../parameters/mod.ts";
import { COMPOSITION, composition, grayAndSmall } from "../composition.ts";
import { linearEntry, type OperatorEntry } from "../entry.ts";
import type { LinearOperator } from "../operator.ts";

const PARAMETERS = {
  scale: integer(4, { min: 1, programsOnly: true }, "reduction along each side") as Parameter<number>,
  ...COMPOSITION,
};

/** A gray and small picture. */
export const srGray: OperatorEntry<LinearOperator, typeof PARAMETERS> = linearEntry({
  name: "sr_gray",
  about: "a gray and small picture: mean of the channels, mean of blocks",
  parameters: PARAMETERS,
  build: (imageShape, { scale, ...options }) => composition("sr_gray", grayAndSmall(imageShape, scale), options),
  examples: [
    { imageShape: [16, 24, 3], options: {} },
    { imageShape: [15, 9, 2], options: { scale: 3, iterations: 3 } },
  ],
  tasks: [{
    name: "sr4-gray",
    about: "enlarge x4 and colour a small gray picture",
    kind: "colorization",
    fixed: { scale: 4 },
    scale: 4,
    channels: 1,
    isLocal: true,
  }],
});
