/** A small gray picture: the mean of the channels and of s x s pixels. */
import { integer } from "../parameters/mod.ts";
import { COMPOSITION, composition, grayAndSmall } from "./composition.ts";
import { linearEntry } from "./entry.ts";

/** A gray and small picture. */
export const srGray = linearEntry({
  name: "sr_gray",
  about: "a gray and small picture: mean of the channels, mean of blocks",
  parameters: {
    scale: integer(4, { min: 1, programsOnly: true }, "reduction along each side"),
    ...COMPOSITION,
  },
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
