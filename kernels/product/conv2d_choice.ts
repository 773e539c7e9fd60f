/** Which algorithm computes a convolution: the one that is asked for, or the best by a model of time and memory. */
import type { Dispatch, Target } from "../../engine/mod.ts";
import { preferred } from "../preference.ts";
import { computedPixels, conv2dDirect, type Convolution } from "./conv2d_direct.ts";
import { conv2dImplicit, implicitCut } from "./conv2d_implicit.ts";
import { inputShape } from "./conv2d_input.ts";
import { type ConvolutionLayer, plainInput, plainResidual, statisticsAfter } from "./conv2d_layer.ts";
import { conv2dWinograd, preparedSizes, preparedWeight } from "./winograd/conv2d_winograd.ts";
import { prefersBroadcast } from "./register_block.ts";
import { conv2dMatrix, conv2dMatrixCut, MATRIX_ALGORITHM } from "./matrix/subgroup_matrix.ts";
import { CUT_VARIANTS, type CutVariant } from "./tile_cut.ts";
import type { Arithmetic } from "./tile_text.ts";
import { BAND_MEBIBYTES, winogradSizes } from "./winograd/winograd_sizes.ts";
import { type TileSize, WINOGRAD } from "./winograd/winograd_transform.ts";

/**
 * Algorithms of a convolution that is not pointwise: blocks in registers alone, tiles in workgroup memory, those in
 * half-precision arithmetic, subgroup matrices of half-precision factors, and the Winograd ones, which serve 3x3
 * convolutions of stride 1.
 */
export const CONVOLUTION_ALGORITHMS = [
  "direct",
  "implicit",
  "implicit-f16",
  MATRIX_ALGORITHM,
  "winograd2",
  "winograd4",
] as const;

/** Algorithms that cut a convolution otherwise than `implicit` or `winograd4` do by themselves, for tuning. */
export const CONVOLUTION_VARIANTS: readonly (
  | `implicit-${CutVariant}`
  | `winograd4-${typeof BAND_MEBIBYTES[number]}`
)[] = [
  ...CUT_VARIANTS.map((variant) => `implicit-${variant}` as const),
  ...BAND_MEBIBYTES.map((size) => `winograd4-${size}` as const),
];

/** One of `CONVOLUTION_ALGORITHMS` or `CONVOLUTION_VARIANTS`. */
export type ConvolutionAlgorithm = typeof CONVOLUTION_ALGORITHMS[number] | typeof CONVOLUTION_VARIANTS[number];

const NAMES: readonly ConvolutionAlgorithm[] = [...CONVOLUTION_ALGORITHMS, ...CONVOLUTION_VARIANTS];

/** Computes a convolution from tiles in workgroup memory. */
interface Implicit {
  readonly arithmetic: Arithmetic;
  readonly variant?: CutVariant;
  /** Whether subgroup matrices multiply the tiles. */
  readonly matrices?: true;
}

/** Computes a convolution by transforms of tiles, with bands of the usual size or another. */
interface Winograd {
  readonly tile: TileSize;
  readonly bandBytes?: number;
}

/** How an algorithm computes, undefined for `direct`. */
type Method = Winograd | Implicit | undefined;

function methodOf(name: ConvolutionAlgorithm): Method {
  if (name === "direct") return undefined;
  if (name === MATRIX_ALGORITHM) return { arithmetic: "f16", matrices: true };
  if (name === "winograd2" || name === "winograd4") return { tile: name === "winograd2" ? 2 : 4 };
  const size = BAND_MEBIBYTES.find((size) => name === `winograd4-${size}`);
  if (size !== undefined) return { tile: 4, bandBytes: size * 2 ** 20 };
  const variant = CUT_VARIANTS.find((variant) => name === `implicit-${variant}`);
  return { arithmetic: name === "implicit-f16" ? "f16" : "f32", ...(variant ? { variant } : {}) };
}

/** What the steps of a convolution cost on an adapter that computes on the CPU. */
interface Rates {
  /** GFLOP/s of the direct kernel. */
  readonly direct: number;
  /** GFLOP/s of the products between the transforms, apart from what each block of rows costs by itself. */
  readonly product: number;
  /** What a block of rows of a product costs by itself, in rows: the loads of the weight. */
  readonly rowsPerBlock: number;
  /** Nanoseconds to load or store one element of a transformed patch or product, and to compute it. */
  readonly transform: number;
}

/**
 * Measured on llvmpipe, 256 bits, 2 cores (time of the process on both, halved): in the `broadcast` form with weights in
 * textures conv3x3 128@32x32 takes 6.5 ms direct, 4.1 with tiles of 2 and 2.4 with tiles of 4; 128@8x8 takes 0.39, 0.27
 * and 0.24 ms, 256@16x16 6.3, 3.4 and 2.0 ms. In the `vector` form 128@32x32 takes 20.1, 6.9 and 4.1 ms, 128@8x8 1.21,
 * 0.50 and 0.35 ms. The model agrees within 15 %.
 */
const RATES: Readonly<Record<"broadcast" | "vector", Rates>> = {
  broadcast: { direct: 47, product: 66, rowsPerBlock: 3, transform: 1.4 },
  vector: { direct: 15, product: 33, rowsPerBlock: 4, transform: 1.1 },
};

/** Nanoseconds of two more dispatches. */
const DISPATCH_NANOSECONDS = 40_000;

/**
 * What a byte of prepared weight has to save, in nanoseconds of each run. The weight takes 4 times the memory of the
 * original with tiles of 4 and once as a texture: at 16x16 pixels tiles of 4 save 0.6 ms per megabyte, at 8x8 0.1 ms.
 */
export const NANOSECONDS_PER_BYTE = 0.2;

/**
 * Output pixels and channels from which a GPU takes tiles of 4, wherever the weight is granted its memory; below, transforms
 * and their traffic outweigh. At 32x32 pixels there are 64 tiles, the rows of a tile of the product: it makes a fourth of the
 * multiply-adds, and reads four times the weight, which pays where the channels are many.
 */
const GPU_LEAST = [{ pixels: 64 * 64, channels: 128 }, { pixels: 32 * 32, channels: 256 }];

/** What the choice depends on. */
export type Shapes = Pick<Convolution, "weight" | "out" | "stride">;

/**
 * What a preference for this layer alone is called: `conv2d KHxKWsS CinxCout HxW` with stride S and the extents of one
 * input image.
 */
export function convolutionKey({ input, weight, stride }: ConvolutionLayer): string {
  const [, height, width] = inputShape(input);
  const [kernelHeight, kernelWidth, channels, outChannels] = weight.shape;
  return `conv2d ${kernelHeight}x${kernelWidth}s${stride} ${channels}x${outChannels} ${height}x${width}`;
}

/** The algorithms that can compute a layer within the limits of the device; the first always can. */
export function convolutionCandidates(convolution: Shapes, target: Target): readonly ConvolutionAlgorithm[] {
  return NAMES.filter((algorithm) => isPossible(methodOf(algorithm), convolution, target));
}

function isPossible(method: Method, convolution: Shapes, target: Target): boolean {
  if (!method) return true;
  if ("arithmetic" in method) {
    if (method.matrices) return conv2dMatrixCut(convolution, target) !== undefined;
    if (method.arithmetic === "f16" && !target.f16) return false;
    return implicitCut(convolution, method.arithmetic, target, method.variant) !== undefined;
  }
  const [kernelHeight, kernelWidth] = convolution.weight.shape;
  if (kernelHeight !== 3 || kernelWidth !== 3 || convolution.stride !== 1) return false;
  const { largestBytes, largestSide, bands } = winogradSizes(
    convolution,
    method.tile,
    target,
    "texture",
    method.bandBytes,
  );
  if (method.bandBytes !== undefined) {
    const isUsual = bands.length === winogradSizes(convolution, method.tile, target).bands.length;
    if (isUsual || target.software) return false;
  }
  return largestBytes <= Math.min(target.maxBindingBytes, target.maxBufferBytes) &&
    largestSide <= target.maxWorkgroupsPerDimension;
}

/**
 * The dispatches of a convolution. The preference `conv2d` of the target, or the one for this layer (`convolutionKey`),
 * asks for an algorithm, which is then taken wherever it can compute the layer; without one, or with `auto`, the cheapest
 * is taken: Winograd only for constant weights, which are transformed once, and half-precision arithmetic never. Nor is
 * Winograd taken for the sake of the layer's own preference where the weight is not prepared.
 * @throws {RangeError} if the preference names no algorithm
 */
export function conv2dChosen(layer: ConvolutionLayer, target: Target): readonly Dispatch[] {
  const key = convolutionKey(layer);
  const candidates = convolutionCandidates(layer, target);
  const wish = preferred("conv2d", key, { algorithms: NAMES, candidates }, target);
  // A layer's own preference comes from measuring it with a prepared weight: without room for one it says nothing.
  const isVoid = wish !== undefined && target.preferences?.[key] !== undefined && lacksWeight(wish, layer, target);
  const algorithm = wish !== undefined && !isVoid ? wish : cheapest(layer, candidates, target);
  const method = methodOf(candidates.includes(algorithm) ? algorithm : "direct");
  if (method && "tile" in method) return conv2dWinograd(layer, method.tile, target, method.bandBytes);
  const before: Dispatch[] = [];
  const x = plainInput(layer.input, target, before);
  const convolution = { ...layer, x, residual: plainResidual(layer, target, before) };
  const matrix = method?.matrices && conv2dMatrixCut(layer, target);
  if (matrix) return [...before, ...conv2dMatrix(convolution, matrix, target), ...statisticsAfter(layer, target)];
  const cut = method && implicitCut(layer, method.arithmetic, target, method.variant);
  const own = cut ? conv2dImplicit(convolution, cut, method.arithmetic, target) : [conv2dDirect(convolution, target)];
  return [...before, ...own, ...statisticsAfter(layer, target)];
}

/**
 * Where kernels run on the CPU, tiles of 2 are taken only where those of 4 exceed what the device binds: they would win
 * for images of 8x8 pixels, by a tenth, and need six kernels of their own, whose compilation takes 0.9 s.
 *
 * Judged by a single image, so that a batch gives the same bits as its images one by one. */
function cheapest(
  convolution: Shapes,
  candidates: readonly ConvolutionAlgorithm[],
  target: Target,
): ConvolutionAlgorithm {
  const { out } = convolution;
  const single = { ...convolution, out: { ...out, shape: [1, ...out.shape.slice(1)] } };
  const tiles = candidates.includes("implicit") ? "implicit" : "direct";
  let best: ConvolutionAlgorithm = "direct";
  if (!target.software) {
    best = candidates.includes("winograd4") && isLarge(single) ? "winograd4" : tiles;
  } else {
    const price = (algorithm: ConvolutionAlgorithm): number => priceOf(methodOf(algorithm), single, target);
    const worthwhile = candidates.filter((algorithm) => algorithm !== "winograd2" || !candidates.includes("winograd4"));
    best = worthwhile.reduce((best, next) => price(next) < price(best) ? next : best);
  }
  return lacksWeight(best, convolution, target) ? target.software ? "direct" : tiles : best;
}

/** Whether an algorithm would have to transform the weight in every run. */
function lacksWeight(algorithm: ConvolutionAlgorithm, layer: Shapes, target: Target): boolean {
  const method = methodOf(algorithm);
  if (!method || !("tile" in method)) return false;
  return preparedWeight(layer.weight, preparedSizes(layer, method.tile, target), target) === undefined;
}

function isLarge({ weight, out }: Shapes): boolean {
  const [, height = 1, width = 1, outChannels = 1] = out.shape;
  const channels = Math.min(weight.shape[2] ?? 1, outChannels);
  return GPU_LEAST.some((least) => height * width >= least.pixels && channels >= least.channels);
}

/** Nanoseconds on an adapter that computes on the CPU by the model, and what the prepared weight has to save. */
function priceOf(method: Method, convolution: Shapes, target: Target): number {
  const broadcast = prefersBroadcast(target);
  const { direct, product, rowsPerBlock, transform } = RATES[broadcast ? "broadcast" : "vector"];
  const [kernelHeight = 1, kernelWidth = 1, channels = 1, outChannels = 1] = convolution.weight.shape;
  if (!method) {
    const lanes = broadcast ? target.subgroupSize : 4;
    const filled = (count: number): number => Math.ceil(count / lanes) * lanes;
    const elements = kernelHeight * kernelWidth * filled(channels) * filled(outChannels);
    const bytes = broadcast && convolution.weight.dtype === "f32" ? 4 * elements : 0;
    return 2 * computedPixels(convolution.out) * elements / direct + NANOSECONDS_PER_BYTE * bytes;
  }
  // Workgroup memory buys nothing where loads from it cost as much as others: 128@32x32 takes 45 ms from tiles, in
  // either arithmetic, where the direct kernel takes 8.3 ms, and 3.2 ms at 8x8, where that takes 0.58 ms. As the direct
  // kernel is as fast per operation at 8x8 as at 32x32, there is nothing for parts of k to gain either.
  if ("arithmetic" in method) return Infinity;
  const { tile } = method;
  const { bands, inner, columns } = winogradSizes(convolution, tile, target);
  const [rows, blocks] = [
    bands.reduce((sum, { rows }) => sum + rows, 0),
    bands.reduce((sum, { blocks }) => sum + blocks, 0),
  ];
  const elements = WINOGRAD[tile].patch ** 2;
  return 2 * elements * (rows + rowsPerBlock * blocks) * inner * columns / product +
    transform * elements * rows * (inner + columns) + bands.length * DISPATCH_NANOSECONDS +
    NANOSECONDS_PER_BYTE * 4 * elements * inner * columns;
}
