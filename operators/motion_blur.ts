/** Blur along the path of a shaken camera. */
import { integer, number } from "../parameters/mod.ts";
import { SEEDS, taps, undone } from "./common_parameters.ts";
import { linearEntry } from "./entry.ts";
import { KERNEL_BLUR, kernelBlur } from "./kernel_blur.ts";
import { motionKernel } from "./kernels_2d.ts";

/** Motion of the camera; the kernel is that of `motionKernel`. */
export const deblurMotion = linearEntry({
  name: "deblur_motion",
  about: "the picture blurred along the path of a shaken camera",
  parameters: {
    taps: taps(61),
    intensity: number(0.5, { min: 0, max: 1, option: "blur-intensity" }, "from a straight line to a tangle"),
    seed: integer(0, { ...SEEDS, option: "blur-seed" }, "seed of the path"),
    ...KERNEL_BLUR,
  },
  build: (imageShape, { taps, intensity, seed, ...options }) =>
    kernelBlur("deblur_motion", imageShape, motionKernel(taps, intensity, seed), options),
  examples: [
    { imageShape: [15, 22, 3], options: { taps: 9, seed: 5 } },
    { imageShape: [13, 20, 1], options: { taps: 7, intensity: 0.9, boundary: "reflect", iterations: 4 } },
  ],
  tasks: [{
    name: "deblur-motion",
    about: "sharpen a picture blurred by a random motion of the camera",
    kind: "deblurring",
  }],
  defaultsFor: undone,
});
