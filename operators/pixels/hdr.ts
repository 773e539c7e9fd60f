/** High dynamic range: a picture whose brightness exceeds what the sensor can tell. */
import type { Shape } from "../../engine/mod.ts";
import { clamp, weightedSum } from "../../kernels/mod.ts";
import { number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { nonlinearEntry, type OperatorEntry } from "../entry.ts";
import { checkImageShape, type NonlinearOperator, nonlinearOperator } from "../operator.ts";

const PARAMETERS = {
  gain: number(2, { min: 0.01, max: 100 }, "how far the exposure exceeds the range") as Parameter<number>,
};

/**
 * Clips an overexposed picture: y = clamp(gain x, -1, 1) (Zhang et al., Improving Diffusion Inverse Problem Solving with
 * Decoupled Noise Annealing, 2024).
 */
function build(imageShape: Shape, { gain }: ValuesOf<typeof PARAMETERS>): NonlinearOperator {
  const shape = checkImageShape("hdr", imageShape);
  return nonlinearOperator({
    name: "hdr",
    imageShape: shape,
    measurementShape: shape,
    forward: (x) => clamp(weightedSum([[gain, x]]), -1, 1),
    estimate: (y) => weightedSum([[1 / gain, y]]),
  });
}

/** The picture, exposed too long. */
export const hdr: OperatorEntry<NonlinearOperator, typeof PARAMETERS> = nonlinearEntry({
  name: "hdr",
  about: "the picture, exposed so long that bright and dark parts are clipped",
  parameters: PARAMETERS,
  build,
  examples: [
    { imageShape: [16, 24, 3], options: {} },
    { imageShape: [5, 7, 1], options: { gain: 1.3 } },
  ],
  tasks: [{
    name: "hdr",
    about: "recover what is clipped in an overexposed picture",
    kind: "deblurring",
    form: "picture",
  }],
});
