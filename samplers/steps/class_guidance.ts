/**
 * Classifier guidance: plain sampling follows the gradient of the log probability that a classifier of noisy images
 * gives to a class. Dhariwal, Nichol, Diffusion Models Beat GANs on Image Synthesis, NeurIPS 2021.
 */
import { type Coefficient, constant, hostTensor, scope, type Tensor } from "../../engine/mod.ts";
import { gradient, sampleDot, softmax, sub } from "../../kernels/mod.ts";

/** A class that samples are drawn towards. */
export interface ClassGuidance {
  /** Records the logits [N, classes] of noisy images [N, H, W, C] at a training timestep. */
  logits(xt: Tensor, timestep: Coefficient): Tensor;
  /** The class, 0 to classes - 1. */
  readonly label: number;
  /** Weight s of the gradient, 0 or more. Published: 1, for unconditional networks up to 10. */
  readonly scale: number;
}

/**
 * Checks the weight.
 * @param sampler name for the message
 * @throws {RangeError} if it is no number of at least 0
 */
export function checkGuidance(sampler: string, { scale }: ClassGuidance): void {
  if (scale >= 0 && Number.isFinite(scale)) return;
  throw new RangeError(
    `Cannot run ${sampler}: the guidance scale is ${scale}, a number of at least 0 is needed; use 1`,
  );
}

/**
 * Makes sure that no classifier is given to a sampler that makes its list of noise levels itself: classifiers are told
 * timesteps of their training.
 * @param sampler name for the message
 * @throws {TypeError} if one is given
 */
export function refuseGuidance(sampler: string, guidance: ClassGuidance | undefined): void {
  if (!guidance) return;
  throw new TypeError(
    `Cannot run ${sampler} with a classifier: it goes over noise levels of its own, classifiers know timesteps of ` +
      "their training; use ddpm or ddim",
  );
}

/**
 * The gradient of log p(label | x_t) with respect to x_t, inside a stage: what is differentiated are the logits, with the
 * cotangent onehot(label) - softmax(logits).
 * @param xt [N, H, W, C]
 * @returns [N, H, W, C]
 * @throws {RangeError} if the classifier has no such class
 */
export function classGradient({ logits, label }: ClassGuidance, xt: Tensor, timestep: Coefficient): Tensor {
  const scores = scope("classifier", () => logits(xt, timestep));
  const classes = scores.shape[1]!;
  if (!Number.isSafeInteger(label) || label < 0 || label >= classes) {
    throw new RangeError(
      `Cannot guide to class ${label}: the classifier has ${classes} classes, an integer from 0 to ${classes - 1} is ` +
        "needed",
    );
  }
  return scope("guidance", () => {
    const wanted = Float32Array.from(
      { length: scores.shape[0]! * classes },
      (_, i) => i % classes === label ? 1 : 0,
    );
    const cotangent = sub(constant(hostTensor(wanted, scores.shape)), softmax(scores));
    return gradient(sampleDot(scores, cotangent), [xt], [cotangent])[0]!;
  });
}
