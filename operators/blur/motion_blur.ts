/** Blur along the path of a shaken camera. */
import { integer, number, type Parameter } from "../../parameters/mod.ts";
import { blurDefaults, SEEDS, taps } from "../common_parameters.ts";
import { linearEntry, type OperatorEntry } from "../entry.ts";
import { blurBorder } from "./border.ts";
import { KERNEL_BLUR, kernelBlur } from "./kernel_blur.ts";
import { motionKernel } from "./kernels_2d.ts";
import type { LinearOperator } from "../operator.ts";

const PARAMETERS = {
  taps: taps(61) as Parameter<number>,
  intensity: number(
    0.5,
    { min: 0, max: 1, option: "blur-intensity" },
    "from a straight line to a tangle",
  ) as Parameter<number>,
  seed: integer(0, { ...SEEDS, option: "blur-seed" }, "seed of the path") as Parameter<number>,
  ...KERNEL_BLUR,
};

/** Motion of the camera; the kernel is that of `motionKernel`. */
export const deblurMotion: OperatorEntry<LinearOperator, typeof PARAMETERS> = linearEntry({
  name: "deblur_motion",
  about: "the picture blurred along the path of a shaken camera",
  parameters: PARAMETERS,
  build: (imageShape, { taps, intensity, seed, ...options }) =>
    kernelBlur("deblur_motion", imageShape, motionKernel(taps, intensity, seed), options),
  border: ({ taps, boundary }) => blurBorder([taps, taps], boundary),
  examples: [
    { imageShape: [15, 22, 3], options: { taps: 9, seed: 5 } },
    { imageShape: [13, 20, 1], options: { taps: 7, intensity: 0.9, boundary: "reflect", iterations: 4 } },
    { imageShape: [13, 20, 1], options: { taps: 7, intensity: 0.9, boundary: "unknown", iterations: 4 } },
  ],
  tasks: [{
    name: "deblur-motion",
    about: "sharpen a picture blurred by a random motion of the camera",
    kind: "deblurring",
  }],
  defaultsFor: blurDefaults,
});
