/** The feature network of the Frechet distance: Inception v3 with the weights of a published file. */
import { elementCount, formatShape, type Runtime, scope, type Tensor } from "../../engine/mod.ts";
import { concatChannels, conv2d, maxPool, meanPool, relu, reshape } from "../../kernels/mod.ts";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { CheckpointError, quoteName } from "../checkpoint/checkpoint_error.ts";
import {
  convolutionPath,
  type InceptionBlock,
  inceptionBlocks,
  inceptionConvolutions,
  type InceptionStep,
  type InceptionVariant,
  type PlacedConvolution,
} from "./inception_layout.ts";
import { meanOverPixels } from "../pixel_mean.ts";
import {
  type Parameter,
  type ParameterSet,
  requireParameters,
  type UploadOptions,
  uploadWeights,
  type Weights,
} from "../weights.ts";

/** Height and width of the images that the network is given. */
export const INCEPTION_SIDE = 299;

/** Added to the variance of every norm. */
const NORM_EPS = 0.001;

/** Classes of the last layer, which is not used: they tell the published files apart. */
const CLASSES: Readonly<Record<InceptionVariant, number>> = { fid: 1008, torchvision: 1000 };

/** The network on a runtime. */
export interface Inception {
  /** Name of the file. */
  readonly name: string;
  /** Whose weights and preparation of images it has. */
  readonly variant: InceptionVariant;
  /** Numbers that describe an image: 2048. */
  readonly channels: number;
  /**
   * Records the network up to the mean of the last image, `pool3`.
   * @param x [N, 299, 299, 3] in [-1, 1]
   * @param observe called with the result of each block as it is recorded
   * @returns [N, channels]
   * @throws {TypeError} if x has another shape
   */
  features(x: Tensor, observe?: (block: string, tensor: Tensor) => void): Tensor;
  /** Gives the weights' memory back; stages that use the network cannot run any more. */
  free(): void;
}

/** Options of `openInception`. */
export interface OpenInceptionOptions extends UploadOptions {
  /** Which network the file is for; found from the classes of its last layer by default. */
  readonly variant?: InceptionVariant;
  /** All numbers of channels but the image's are divided by it, for trials; 1 is the published network. */
  readonly divisor?: number;
}

/**
 * Loads the network from `pt_inception-2015-12-05` (variant `fid`) or torchvision's `inception_v3` (variant
 * `torchvision`). Every norm is folded into the convolution before it, in f64:
 * weight gamma / sqrt(variance + 0.001) and bias beta - mean gamma / sqrt(variance + 0.001).
 * @param runtime where the weights go
 * @param file the open file; its last layer, auxiliary classifier and counters of batches are not used
 * @param options variant, precision, and what to be told while loading
 * @throws {CheckpointError} if the file is for no known variant, or its tensors do not fit
 * @throws {DeviceLimitError} if a parameter does not fit a buffer
 */
export async function openInception(
  runtime: Runtime,
  file: Checkpoint,
  { variant = variantOf(file), divisor = 1, ...options }: OpenInceptionOptions = {},
): Promise<Inception> {
  const blocks = inceptionBlocks(variant);
  const { convolutions, channels } = inceptionConvolutions(blocks, divisor);
  requireParameters(file, publishedParameters(convolutions), (name) => isUnused(name) ? undefined : name);
  const weights = await uploadWeights(runtime, foldedSource(file, convolutions), options);
  return {
    name: file.name,
    variant,
    channels,
    features(x: Tensor, observe?: (block: string, tensor: Tensor) => void): Tensor {
      const [images = 0, height, width, colours] = x.shape;
      if (x.shape.length !== 4 || height !== INCEPTION_SIDE || width !== INCEPTION_SIDE || colours !== 3) {
        throw new TypeError(
          `Cannot build the features of Inception: x is ${formatShape(x.shape)}, ` +
            `[N, ${INCEPTION_SIDE}, ${INCEPTION_SIDE}, 3] is needed`,
        );
      }
      const last = blocks.reduce((image, block) => {
        const result = scope(block.name, () => follow(block, block.steps, image, weights));
        observe?.(block.name, result);
        return result;
      }, x);
      return reshape(scope("pool3", () => meanOverPixels(last)), [images, channels]);
    },
    free: weights.free,
  };
}

/**
 * The tensors of a published file that the network uses: weight and the four vectors of the norm of each convolution.
 * @param variant which file
 * @param divisor see `openInception`
 */
export function inceptionParameters(variant: InceptionVariant, divisor = 1): ParameterSet {
  return publishedParameters(inceptionConvolutions(inceptionBlocks(variant), divisor).convolutions);
}

function publishedParameters(convolutions: readonly PlacedConvolution[]): ParameterSet {
  const parameters = new Map<string, Parameter>();
  for (const { path, ...convolution } of convolutions) {
    parameters.set(`${path}.conv.weight`, weightOf(convolution));
    for (const vector of ["weight", "bias", "running_mean", "running_var"]) {
      parameters.set(`${path}.bn.${vector}`, { shape: [convolution.outputs], layout: "plain" });
    }
  }
  return parameters;
}

function weightOf({ outputs, inputs, height, width }: Omit<PlacedConvolution, "path">): Parameter {
  return { shape: [outputs, inputs, height, width], layout: "convolution" };
}

function isUnused(name: string): boolean {
  return /^(fc|AuxLogits)\.|\.num_batches_tracked$/.test(name);
}

function variantOf(file: Checkpoint): InceptionVariant {
  const found = file.tensors.get("fc.weight")?.shape;
  const variant = Object.entries(CLASSES).find(([, classes]) => classes === found?.[0])?.[0];
  if (variant !== undefined) return variant as InceptionVariant;
  throw new CheckpointError(
    `Cannot load ${quoteName(file.name)} as Inception v3: its "fc.weight" ` +
      `${found ? `is ${formatShape(found)}` : "is missing"}, ${CLASSES.fid} classes (pt_inception-2015-12-05) or ` +
      `${CLASSES.torchvision} (torchvision's inception_v3) are needed; choose one of these files`,
  );
}

/** Weights and biases of the convolutions with their norms folded in. */
function foldedSource(
  file: Checkpoint,
  convolutions: readonly PlacedConvolution[],
): Parameters<typeof uploadWeights>[1] {
  const parameters = new Map<string, Parameter>();
  for (const { path, ...convolution } of convolutions) {
    parameters.set(`${path}.weight`, weightOf(convolution));
    parameters.set(`${path}.bias`, { shape: [convolution.outputs], layout: "plain" });
  }
  const factorsOf = async (path: string): Promise<Float64Array> => {
    const gamma = await file.readFloat32(`${path}.bn.weight`);
    const variance = await file.readFloat32(`${path}.bn.running_var`);
    return Float64Array.from(gamma, (value, channel) => value / Math.sqrt(variance[channel]! + NORM_EPS));
  };
  return {
    name: file.name,
    parameters,
    async read(name: string, into: Float32Array): Promise<Float32Array> {
      const cut = name.lastIndexOf(".");
      const path = name.slice(0, cut);
      const factors = await factorsOf(path);
      if (name.slice(cut) === ".bias") {
        const beta = await file.readFloat32(`${path}.bn.bias`, into);
        const mean = await file.readFloat32(`${path}.bn.running_mean`);
        for (let channel = 0; channel < beta.length; channel++) beta[channel]! -= mean[channel]! * factors[channel]!;
        return beta;
      }
      const weight = await file.readFloat32(`${path}.conv.weight`, into);
      const perChannel = elementCount(parameters.get(name)!.shape.slice(1));
      for (let i = 0; i < weight.length; i++) weight[i]! *= factors[Math.floor(i / perChannel)]!;
      return weight;
    },
  };
}

/** Windows of 3 x 3 pixels every 2, and around every pixel. */
const HALVING = { size: 3, stride: 2 } as const;
const AROUND = { size: 3, stride: 1, padding: 1 } as const;

function follow(block: InceptionBlock, steps: readonly InceptionStep[], x: Tensor, weights: Weights): Tensor {
  return steps.reduce((image, step) => {
    switch (step.kind) {
      case "halve":
        return maxPool(image, HALVING);
      case "pool":
        return step.reduction === "max"
          ? maxPool(image, AROUND)
          : meanPool(image, AROUND, step.reduction === "mean-with-border");
      case "branches":
        return step.branches.map((branch) => follow(block, branch, image, weights)).reduce(concatChannels);
      case "convolution": {
        const path = convolutionPath(block.name, step.name);
        const { height, width, stride, isPadded } = step;
        const [rows, columns] = isPadded ? [(height - 1) / 2, (width - 1) / 2] : [0, 0];
        return scope(step.name || "conv", () =>
          relu(conv2d(image, weights.constant(`${path}.weight`), {
            bias: weights.constant(`${path}.bias`),
            stride,
            padding: { top: rows, bottom: rows, left: columns, right: columns },
          })));
      }
    }
  }, x);
}
