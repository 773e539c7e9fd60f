/** Learned perceptual image patch similarity: how different two images look to a network. */
import {
  constant,
  elementCount,
  formatShape,
  hostTensor,
  type Runtime,
  sameShape,
  type Shape,
  type Tensor,
  type Tensors,
} from "../engine/mod.ts";
import { conv2d, mul, sub, unitChannels } from "../kernels/mod.ts";
import {
  type Checkpoint,
  CheckpointError,
  loadWeights,
  type Parameter,
  type ParameterSet,
  PERCEPTUAL_NETWORKS,
  perceptualNetwork,
  type PerceptualNetworkName,
  quoteName,
  type UploadOptions,
} from "../models/mod.ts";

/** Distance of a pair of images. */
export interface PerceptualDistance {
  /** Sum of the layers: 0 for equal images, about 0.7 for unlike ones. */
  readonly distance: number;
  /** What each layer that is read adds. */
  readonly layers: readonly number[];
}

/** LPIPS with its weights on a runtime. */
export interface Lpips {
  /** Whose features are compared. */
  readonly network: PerceptualNetworkName;
  /** Least height and width of an image. */
  readonly leastSide: number;
  /**
   * Distances of pairs of images.
   * @param a values in [-1, 1]
   * @param b values in [-1, 1]
   * @param shape of both, [N, H, W, 3]
   * @returns one for each pair
   * @throws {TypeError} if the images do not have the shape, or are smaller than `leastSide`
   */
  distances(a: Float32Array, b: Float32Array, shape: Shape): Promise<readonly PerceptualDistance[]>;
  /** Gives the weights' memory back. */
  free(): void;
}

/** The files of LPIPS, and how they are loaded. */
export interface OpenLpipsOptions extends UploadOptions {
  /** torchvision's `vgg16` or `alexnet`: tensors `features.K.weight` and `features.K.bias`; the rest is not used. */
  readonly features: Checkpoint;
  /** The linear weights of LPIPS 0.1: `linK.model.1.weight` [1, C, 1, 1]. They may stand in the same file. */
  readonly linear: Checkpoint;
  /** Found from the shape of the first convolution by default. */
  readonly network?: PerceptualNetworkName;
  /** All numbers of channels of the network are divided by it, for trials; 1 is the published network. */
  readonly divisor?: number;
}

/** Mean and deviation of the colours that the networks were trained on, for values in [-1, 1]; LPIPS 0.1. */
const SHIFT = [-0.030, -0.088, -0.188] as const;
const SCALE = [0.458, 0.448, 0.450] as const;

/** Added to the length of a pixel's features. */
const EPS = 1e-10;

const LINEAR_PREFIX = "lin";

/**
 * Opens LPIPS 0.1 (Zhang et al. 2018). Of the scaled images (x - shift) / scale, features f_k after five rectifiers of
 * VGG16 or AlexNet are brought to length 1 at every pixel; the distance is the sum over k of the mean over pixels of
 * sum over channels of w_k (f_k(a) - f_k(b))^2.
 * @param runtime where the weights go
 * @param options the files
 * @throws {CheckpointError} if the tensors of a file do not fit
 * @throws {DeviceLimitError} if a parameter does not fit a buffer
 */
export async function openLpips(
  runtime: Runtime,
  { features: file, linear: linearFile, network: wanted, divisor = 1, ...options }: OpenLpipsOptions,
): Promise<Lpips> {
  const network = perceptualNetwork(wanted ?? networkOf(file), divisor);
  const weights = await loadWeights(runtime, file, network.parameters, { ...options, prefix: network.prefix });
  const linear = await loadWeights(runtime, linearFile, linearParameters(network.channels), { prefix: LINEAR_PREFIX })
    .catch((error) => {
      weights.free();
      throw error;
    });
  const stage = runtime.stage<"a" | "b", never, string>("lpips", ({ a, b }: Tensors<"a" | "b">) => {
    const unit = (x: Tensor): readonly Tensor[] =>
      network.features(scaled(x), (name) => weights.constant(name)).map((layer) => unitChannels(layer, EPS));
    const [left, right] = [unit(a), unit(b)];
    return Object.fromEntries(left.map((features, k) => {
      const difference = sub(features, right[k]!);
      return [`${k}`, conv2d(mul(difference, difference), linear.constant(linearName(k)))];
    }));
  });
  let traced = "";
  return {
    network: network.name,
    leastSide: network.leastSide,
    async distances(a: Float32Array, b: Float32Array, shape: Shape): Promise<readonly PerceptualDistance[]> {
      requirePairs(a, b, shape, network.leastSide);
      if (traced !== String(shape)) stage.release();
      traced = String(shape);
      const inputs = { a: runtime.upload(a, shape), b: runtime.upload(b, shape) };
      try {
        const maps = await stage(inputs, {});
        const layers = await Promise.all(network.channels.map((_, k) => maps[`${k}`]!.read()));
        return Array.from({ length: shape[0]! }, (_, pair) => {
          const means = layers.map((map) => meanOf(map, pair, shape[0]!));
          return { distance: means.reduce((sum, value) => sum + value, 0), layers: means };
        });
      } finally {
        inputs.a.free();
        inputs.b.free();
      }
    },
    free(): void {
      weights.free();
      linear.free();
    },
  };
}

/** The linear weights of LPIPS by name after `lin`. */
function linearParameters(channels: readonly number[]): ParameterSet {
  return new Map(channels.map((inputs, k) => {
    const parameter: Parameter = { shape: [1, inputs, 1, 1], layout: "convolution" };
    return [linearName(k), parameter];
  }));
}

function linearName(layer: number): string {
  return `${layer}.model.1.weight`;
}

/** Which network a file holds, by the kernel of its first convolution. */
function networkOf(file: Checkpoint): PerceptualNetworkName {
  const found = file.tensors.get("features.0.weight")?.shape;
  const name = PERCEPTUAL_NETWORKS.find((name) => {
    const { prefix, parameters } = perceptualNetwork(name);
    const side = parameters.get("0.weight")!.shape[3];
    return file.tensors.get(`${prefix}0.weight`)?.shape[3] === side;
  });
  if (name !== undefined) return name;
  throw new CheckpointError(
    `Cannot load ${quoteName(file.name)} for LPIPS: its "features.0.weight" ` +
      `${found ? `is ${formatShape(found)}` : "is missing"}, [64, 3, 3, 3] (torchvision's vgg16) or [64, 3, 11, 11] ` +
      "(torchvision's alexnet) is needed; choose one of these files",
  );
}

function scaled(x: Tensor): Tensor {
  const shift = constant(hostTensor(Float32Array.from(SHIFT), [3]));
  return mul(sub(x, shift), constant(hostTensor(Float32Array.from(SCALE, (value) => 1 / value), [3])));
}

function requirePairs(a: Float32Array, b: Float32Array, shape: Shape, leastSide: number): void {
  const count = elementCount(shape);
  const [, height = 0, width = 0, channels] = shape;
  const fits = sameShape([shape.length, channels!], [4, 3]) && a.length === count && b.length === count;
  if (fits && count > 0 && Math.min(height, width) >= leastSide) return;
  throw new TypeError(
    `Cannot compute LPIPS of shape ${formatShape(shape)}: the images have ${a.length} and ${b.length} values, ` +
      `[N, H, W, 3] with at least ${leastSide} x ${leastSide} pixels is needed`,
  );
}

/** Mean of the part of a map [N, ...] that belongs to one pair. */
function meanOf(map: Float32Array, pair: number, pairs: number): number {
  const each = map.length / pairs;
  let sum = 0;
  for (let i = pair * each; i < (pair + 1) * each; i++) sum += map[i]!;
  return sum / each;
}
