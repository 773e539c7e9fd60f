/** Which algorithm computes a convolution: the one that is asked for, or the best by a model of time and memory. */
import type { Target } from "../engine/mod.ts";
import { computedPixels, type Convolution } from "./conv2d_direct.ts";
import { preparedWeight, winogradSizes } from "./conv2d_winograd.ts";
import { prefersBroadcast } from "./matmul_tiled.ts";
import { type TileSize, WINOGRAD } from "./winograd_transform.ts";

/** Algorithms of a convolution that is not pointwise; the Winograd ones serve 3x3 convolutions of stride 1. */
export const CONVOLUTION_ALGORITHMS = ["direct", "winograd2", "winograd4"] as const;

/** One of `CONVOLUTION_ALGORITHMS`. */
export type ConvolutionAlgorithm = typeof CONVOLUTION_ALGORITHMS[number];

/** Output tile of each Winograd algorithm. */
export const TILE_OF: Readonly<Record<Exclude<ConvolutionAlgorithm, "direct">, TileSize>> = {
  winograd2: 2,
  winograd4: 4,
};

/** Rates in GFLOP/s on an adapter that computes on the CPU. */
interface Rates {
  /** Of the direct kernel. */
  readonly direct: number;
  /** Of the products between the transforms, apart from what each block of rows costs by itself. */
  readonly product: number;
}

/**
 * Measured on llvmpipe, 256 bits, 2 cores (time of the process on both, halved): conv3x3 128@32x32 takes 10.1 ms
 * direct, 5.3 with tiles of 2 and 3.2 with tiles of 4 in the `broadcast` form, 20.1, 6.9 and 4.1 ms in the `vector`
 * form; 128@8x8 takes 0.66, 0.38 and 0.34 ms, and 1.21, 0.50 and 0.35 ms. The model agrees within 15 %.
 */
const RATES: Readonly<Record<"broadcast" | "vector", Rates>> = {
  broadcast: { direct: 27, product: 37 },
  vector: { direct: 15, product: 33 },
};

/** What a block of rows of a product costs by itself, in rows: the loads of the weight. From the same rows. */
const ROWS_PER_BLOCK = 4;

/** Nanoseconds to load or store one element of a transformed patch or product, and to compute it. */
const TRANSFORM_NANOSECONDS = 1.1;

/** Nanoseconds of two more dispatches. */
const DISPATCH_NANOSECONDS = 40_000;

/**
 * What a byte of transformed weight has to save, in nanoseconds of each run. The weight takes 4 times the memory of the
 * original with tiles of 4 and 1.8 times with tiles of 2: at 16x16 pixels it saves 0.8 ms per megabyte, at 8x8 0.15 ms.
 */
const NANOSECONDS_PER_BYTE = 0.35;

/** Output pixels and channels from which a GPU takes tiles of 4; below, transforms and their traffic outweigh. */
const GPU_LEAST = { pixels: 64 * 64, channels: 128 };

/**
 * The algorithm of a convolution. The preference `conv2d` of the target asks for one of `CONVOLUTION_ALGORITHMS`, which
 * is then taken wherever it can compute the layer; without it, or with `auto`, the cheapest is taken, and Winograd
 * only for constant weights, which are transformed once.
 * @throws {RangeError} if the preference names no algorithm
 */
export function chooseAlgorithm(convolution: Convolution, target: Target): ConvolutionAlgorithm {
  const wish = target.preferences?.conv2d ?? "auto";
  if (wish === "auto") {
    const best = cheapest(convolution, target);
    if (best === "direct") return best;
    const sizes = winogradSizes(convolution, TILE_OF[best], target);
    return preparedWeight(convolution.weight, sizes, target) ? best : "direct";
  }
  const algorithm = CONVOLUTION_ALGORITHMS.find((name) => name === wish);
  if (!algorithm) {
    throw new RangeError(
      `Cannot build conv2d: the preference is "${wish}", one of auto, ${CONVOLUTION_ALGORITHMS.join(", ")} is needed`,
    );
  }
  return isPossible(algorithm, convolution, target) ? algorithm : "direct";
}

/** Judged by a single image, so that a batch gives the same bits as its images one by one. */
function cheapest(convolution: Convolution, target: Target): ConvolutionAlgorithm {
  const { out } = convolution;
  const single = { ...convolution, out: { ...out, shape: [1, ...out.shape.slice(1)] } };
  const possible = CONVOLUTION_ALGORITHMS.filter((algorithm) => isPossible(algorithm, convolution, target));
  if (!target.software) return possible.includes("winograd4") && isLarge(single) ? "winograd4" : "direct";
  const price = (algorithm: ConvolutionAlgorithm): number => priceOf(algorithm, single, target);
  return possible.reduce((best, next) => price(next) < price(best) ? next : best);
}

/** Whether an algorithm can compute a layer within the limits of the device. */
function isPossible(algorithm: ConvolutionAlgorithm, convolution: Convolution, target: Target): boolean {
  if (algorithm === "direct") return true;
  const [kernelHeight, kernelWidth] = convolution.weight.shape;
  if (kernelHeight !== 3 || kernelWidth !== 3 || convolution.stride !== 1) return false;
  const { largestBytes, largestSide } = winogradSizes(convolution, TILE_OF[algorithm], target);
  return largestBytes <= Math.min(target.maxBindingBytes, target.maxBufferBytes) &&
    largestSide <= target.maxWorkgroupsPerDimension;
}

function isLarge({ weight, out }: Convolution): boolean {
  const [, height = 1, width = 1, outChannels = 1] = out.shape;
  const channels = Math.min(weight.shape[2] ?? 1, outChannels);
  return height * width >= GPU_LEAST.pixels && channels >= GPU_LEAST.channels;
}

/** Nanoseconds on an adapter that computes on the CPU by the model, and what the transformed weight has to save. */
function priceOf(algorithm: ConvolutionAlgorithm, convolution: Convolution, target: Target): number {
  const rates = RATES[prefersBroadcast(target) ? "broadcast" : "vector"];
  const [kernelHeight = 1, kernelWidth = 1, channels = 1, outChannels = 1] = convolution.weight.shape;
  if (algorithm === "direct") {
    const lanes = prefersBroadcast(target) ? target.subgroupSize : 4;
    const filled = (count: number): number => Math.ceil(count / lanes) * lanes;
    const taps = kernelHeight * kernelWidth;
    return 2 * taps * computedPixels(convolution.out) * filled(channels) * filled(outChannels) / rates.direct;
  }
  const tile = TILE_OF[algorithm];
  const { rows, blocks, inner, columns } = winogradSizes(convolution, tile, target);
  const elements = WINOGRAD[tile].patch ** 2;
  return 2 * elements * (rows + ROWS_PER_BLOCK * blocks) * inner * columns / rates.product +
    TRANSFORM_NANOSECONDS * elements * rows * (inner + columns) + DISPATCH_NANOSECONDS +
    NANOSECONDS_PER_BYTE * 4 * elements * inner * columns;
}
