/** What a classifier of noisy images makes of an image without noise. */
import type { HostTensor, Runtime, Scalars, Tensors } from "../engine/mod.ts";
import type { OpenedClassifier } from "./open_classifier.ts";

/** A class, and how likely it is. */
export interface ClassProbability {
  /** Its index, 0 to classes - 1. */
  readonly class: number;
  /** p(class | image), 0 to 1; those of all classes have the sum 1. */
  readonly probability: number;
  /** The logarithm of the same, up to a constant. */
  readonly logit: number;
}

/**
 * The classes of an image, which is taken as the state at the least noisy timestep.
 * @param runtime where the classifier is
 * @param image [H, W, inChannels] in the range of the training, nominally [-1, 1]; where the pool is attention, of the
 * training size
 * @returns all classes, the likeliest first; their probabilities are softmax(logits) in f64
 * @throws {TypeError} if the image does not fit
 */
export async function classify(
  runtime: Runtime,
  classifier: OpenedClassifier,
  image: HostTensor,
): Promise<readonly ClassProbability[]> {
  const stage = runtime.stage("classify", ({ x }: Tensors<"x">, { timestep }: Scalars<"timestep">) => ({
    logits: classifier.logits(x, timestep),
  }));
  const x = runtime.upload(image.data, [1, ...image.shape]);
  try {
    const logits = await (await stage({ x }, { timestep: 0 })).logits.read();
    const probabilities = softmax(logits);
    const order = Array.from(probabilities.keys()).sort((a, b) => probabilities[b]! - probabilities[a]!);
    return order.map((index) => ({ class: index, probability: probabilities[index]!, logit: logits[index]! }));
  } finally {
    x.free();
    stage.release();
  }
}

/** Probabilities from logits, in f64. */
function softmax(logits: Float32Array): Float64Array {
  const greatest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = Float64Array.from(logits, (value) => Math.exp(value - greatest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
