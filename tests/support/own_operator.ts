/** An operator that is not of the project: everything about it is in this file. */
import { constant, hostTensor, type Shape } from "../../engine/mod.ts";
import { mul } from "../../kernels/mod.ts";
import { linearEntry, ownOperator } from "../../operators/mod.ts";
import { integer, number } from "../../parameters/mod.ts";

/** What is left of the light in the outer rows by default. */
export const FADE = 0.6;

/** A lens that darkens the outer rows. */
export const fadedEntry = linearEntry({
  name: "fade",
  about: "the picture, darker in its outer rows",
  parameters: {
    light: number(FADE, { min: 0.1, max: 1, option: "fade-light" }, "what is left of the light in the outer rows"),
    rows: integer(3, { min: 1, max: 64, unit: "pixels", option: "fade-rows" }, "number of dark rows at either border"),
    // The name of an option of outpainting, with another default.
    keep: number(0.7, { min: 0.01, max: 1 }, "what is left of the light elsewhere"),
  },
  build: ([height = 0, width = 0, channels = 0]: Shape, { light, rows, keep }) => {
    const shape = [height, width, channels];
    const isOuter = (row: number): boolean => row < rows || row >= height - rows;
    const gains = Float32Array.from(
      { length: height * width * channels },
      (_, i) => isOuter(Math.floor(i / (width * channels))) ? light : keep,
    );
    const [gain, inverse] = [gains, gains.map((value) => 1 / value)].map((data) => hostTensor(data, shape));
    return ownOperator({
      name: "fade",
      imageShape: shape,
      measurementShape: shape,
      forward: (x) => mul(x, constant(gain!)),
      pseudoInverse: (y) => mul(y, constant(inverse!)),
    });
  },
  examples: [{ imageShape: [9, 7, 3], options: {} }, { imageShape: [8, 5, 1], options: { light: 0.3, rows: 2 } }],
  tasks: [{ name: "brighten", about: "brighten the outer rows of a picture", kind: "deblurring" }],
});
