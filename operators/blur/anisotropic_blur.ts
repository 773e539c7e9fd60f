/** Blur by a Gaussian that has another width along each axis. */
import type { Shape } from "../../engine/mod.ts";
import { number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { sigma, taps, threshold, undone } from "../common_parameters.ts";
import { linearEntry, type OperatorEntry } from "../entry.ts";
import { mirroredFilter } from "./filter_matrix.ts";
import { gaussianKernel } from "./gaussian_blur.ts";
import { checkImageShape, type LinearOperator } from "../operator.ts";
import { separableOperator } from "./separable_operator.ts";

const PARAMETERS = {
  sigma: sigma(1) as Parameter<number>,
  sigmaWidth: number(
    20,
    { min: 0.01, max: 10000, unit: "pixels", option: "blur-sigma-width" },
    "standard deviation along the width in pixels",
  ) as Parameter<number>,
  taps: taps(9) as Parameter<number>,
  threshold: threshold() as Parameter<number>,
};

/** Measures the picture blurred by a Gaussian, sigma along the height and sigmaWidth along the width; mirrored border. */
function build(
  imageShape: Shape,
  { sigma, sigmaWidth, taps, threshold }: ValuesOf<typeof PARAMETERS>,
): LinearOperator {
  const shape = checkImageShape("deblur_aniso", imageShape);
  return separableOperator("deblur_aniso", shape, mirroredFilter(gaussianKernel(taps, sigma)), {
    threshold,
    widthFactorOf: mirroredFilter(gaussianKernel(taps, sigmaWidth)),
  });
}

/** A narrow and wide Gaussian. */
export const deblurAniso: OperatorEntry<LinearOperator, typeof PARAMETERS> = linearEntry({
  name: "deblur_aniso",
  about: "the picture blurred by a Gaussian that is narrow along the height and wide along the width",
  parameters: PARAMETERS,
  build,
  examples: [
    { imageShape: [17, 24, 3], options: {} },
    { imageShape: [20, 20, 2], options: { taps: 7, sigma: 0.7, sigmaWidth: 4, threshold: 0.1 } },
  ],
  tasks: [{
    name: "deblur-aniso",
    about: "sharpen a picture blurred little along the height and much along the width",
    kind: "deblurring",
  }],
  defaultsFor: undone,
});
