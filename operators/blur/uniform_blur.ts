/** Blur by the mean of the surroundings. */
import type { Shape } from "../../engine/mod.ts";
import type { Parameter, ValuesOf } from "../../parameters/mod.ts";
import { taps, threshold, undone } from "../common_parameters.ts";
import { linearEntry, type OperatorEntry } from "../entry.ts";
import { mirroredFilter } from "./filter_matrix.ts";
import { checkImageShape, type LinearOperator } from "../operator.ts";
import { separableOperator } from "./separable_operator.ts";

const PARAMETERS = { taps: taps(9) as Parameter<number>, threshold: threshold() as Parameter<number> };

/** Measures the mean of taps x taps pixels around every pixel; the picture is mirrored at the border. */
function build(imageShape: Shape, { taps, threshold }: ValuesOf<typeof PARAMETERS>): LinearOperator {
  const shape = checkImageShape("deblur_uniform", imageShape);
  const kernel = new Float64Array(taps).fill(1 / taps);
  return separableOperator("deblur_uniform", shape, mirroredFilter(kernel), { threshold });
}

/** The mean of the surroundings. */
export const deblurUniform: OperatorEntry<LinearOperator, typeof PARAMETERS> = linearEntry({
  name: "deblur_uniform",
  about: "the mean of taps x taps pixels around every pixel",
  parameters: PARAMETERS,
  build,
  examples: [
    { imageShape: [17, 24, 3], options: {} },
    { imageShape: [33, 20, 1], options: { taps: 5, threshold: 0.1 } },
  ],
  tasks: [{
    name: "deblur-uniform",
    about: "sharpen a picture whose pixels are means of their surroundings",
    kind: "deblurring",
  }],
  defaultsFor: undone,
});
