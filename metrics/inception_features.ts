/** From images of any size to the features whose distribution the Frechet distance compares. */
import {
  constant,
  type DeviceTensor,
  elementCount,
  formatShape,
  type HostTensor,
  hostTensor,
  type Runtime,
  type Tensor,
  type Tensors,
} from "../engine/mod.ts";
import { add, bilinearResize, mul, separable } from "../kernels/mod.ts";
import { type Inception, INCEPTION_SIDE } from "../models/mod.ts";

/**
 * How images are brought to 299 x 299 pixels and to the network's range. `pytorch`: bilinear between pixel centres,
 * values 2 v / 255 - 1, as pytorch-fid does and published distances of PyTorch programs use. `tensorflow`: bilinear with
 * the first pixels on each other, values (v - 128) / 128, as the TensorFlow graph of 2015 does. Neither antialiases.
 */
export const INCEPTION_PREPARATIONS = ["pytorch", "tensorflow"] as const;

/** One of `INCEPTION_PREPARATIONS`. */
export type InceptionPreparation = typeof INCEPTION_PREPARATIONS[number];

/** Computes features of images. */
export interface FeatureExtractor {
  /** What makes the features, for their statistics. */
  readonly source: string;
  /** Numbers of one image. */
  readonly dimension: number;
  /**
   * The features of a batch.
   * @param images values in [-1, 1]
   * @param shape [N, H, W, 3]
   * @returns [N, dimension]
   * @throws {TypeError} if the images do not have the shape
   */
  extract(images: Float32Array, shape: readonly number[]): Promise<Float32Array>;
}

/**
 * Makes an extractor of features of Inception.
 * @param runtime where the network is
 * @param inception the open network
 * @param preparation default "pytorch"
 */
export function inceptionFeatures(
  runtime: Runtime,
  inception: Inception,
  preparation: InceptionPreparation = "pytorch",
): FeatureExtractor {
  // Apart from the network, so that images of another size trace only this.
  const prepare = runtime.stage("inception input", ({ x }: Tensors<"x">) => ({ y: PREPARE[preparation](x) }));
  const network = runtime.stage("inception", ({ x }: Tensors<"x">) => ({ y: inception.features(x) }));
  let prepared = "";
  return {
    source: `inception-${inception.variant}-${preparation}`,
    dimension: inception.channels,
    async extract(images: Float32Array, shape: readonly number[]): Promise<Float32Array> {
      if (shape.length !== 4 || shape[3] !== 3 || elementCount(shape) !== images.length || images.length === 0) {
        throw new TypeError(
          `Cannot compute features: ${images.length} values and shape ${formatShape(shape)} were given, [N, H, W, 3] ` +
            "with as many values is needed",
        );
      }
      if (prepared !== String(shape)) prepare.release();
      prepared = String(shape);
      const x: DeviceTensor = runtime.upload(images, shape);
      try {
        const { y: resized } = await prepare({ x }, {});
        const { y: features } = await network({ x: resized }, {});
        return await features.read();
      } finally {
        x.free();
      }
    },
  };
}

const PREPARE: Readonly<Record<InceptionPreparation, (x: Tensor) => Tensor>> = {
  pytorch: (x) => bilinearResize(x, INCEPTION_SIDE, INCEPTION_SIDE),
  tensorflow: (x) => {
    const [, height, width] = x.shape as [number, number, number, number];
    const resized = separable(
      constant(cornerWeights(INCEPTION_SIDE, height)),
      x,
      constant(cornerWeights(INCEPTION_SIDE, width)),
    );
    // ((x + 1) 255 / 2 - 128) / 128
    const number = (value: number): Tensor => constant(hostTensor(Float32Array.of(value), [1]));
    return add(mul(resized, number(127.5 / 128)), number(-0.5 / 128));
  },
};

/** Weights [to, from] of linear interpolation at the positions k from / to; the last pixel repeats. */
function cornerWeights(to: number, from: number): HostTensor {
  const weights = new Float32Array(to * from);
  for (let row = 0; row < to; row++) {
    const position = row * from / to;
    const low = Math.floor(position);
    const share = position - low;
    weights[row * from + low]! += 1 - share;
    weights[row * from + Math.min(low + 1, from - 1)]! += share;
  }
  return hostTensor(weights, [to, from]);
}
