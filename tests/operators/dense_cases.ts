/** Every linear operator of the register with its options, beside the dense matrices of its definition. */
import { elementCount, hostTensor } from "../../engine/mod.ts";
import {
  coilMaps,
  gaussianKernel2d,
  type ImagePart,
  jpegSteps,
  motionKernel,
  type OperatorOptions,
  randomMask,
  samplingMask,
} from "../../operators/mod.ts";
import { draws, randomPermutation } from "../../operators/draws.ts";
import { randomValues } from "../support/random.ts";
import * as define from "./definitions.ts";
import {
  type Built,
  circular,
  exact,
  mirroredPair,
  openPair,
  published,
  reflecting,
  separable,
  wrappedPair,
} from "./dense_blurs.ts";
import { decomposed, type Dense, dense, krylov, product, pseudoInverse, transposed, unit } from "./dense.ts";

/** An operator with the matrices that its definition gives. */
export interface DenseCase {
  readonly name: string;
  readonly shape: define.Sides;
  readonly options: OperatorOptions;
  readonly matrices: Built[2];
}

const SLANTED = hostTensor(Float32Array.of(0.1, 0.3, 0, 0.05, 0.25, 0.2, 0, 0.02, 0.08, 0.1, -0.2, 0.1), [3, 4]);
const SQUARE: define.Sides = [8, 8, 3];
const GRAY: define.Sides = [8, 8, 1];
const WIDE: define.Sides = [4, 8, 2];
const TALL: define.Sides = [8, 4, 1];
const MASK = randomMask(8, 8, 0.4, 5);
const MEASURED: ImagePart = { top: 1, left: 3, height: 5, width: 4 };

function hadamard(shape: define.Sides, options: OperatorOptions, order: ArrayLike<number>): Built {
  const pixels = shape[0] * shape[1];
  const kept = new Set(Array.from(order).slice(0, Math.floor((options.ratio ?? 0.25) * pixels)));
  return [shape, options, () => exact(define.everyChannel(define.hadamardMatrix(pixels, kept), shape[2]))];
}

function blocks(shape: define.Sides, options: OperatorOptions): Built {
  const { block = 32, ratio = 0.25, seed = 0 } = options;
  return [shape, options, () => {
    const rows = define.orthonormalRows(Math.floor(ratio * block ** 2), block ** 2, draws(seed).normal);
    const a = define.blockProducts(shape, block, rows);
    return { a, inverse: transposed(a) };
  }];
}

function photo(
  shape: define.Sides,
  options: OperatorOptions,
  { mask, scale }: { readonly mask?: ArrayLike<number>; readonly scale: number },
): Built {
  const [height, width, channels] = shape;
  const weights = new Array<number>(channels).fill(1 / channels);
  return [shape, options, () => {
    const gray = define.weightedChannels(shape, weights);
    const means = define.blockMeans([height, width, 1], scale);
    const known = define.knownPixels(shape, mask ?? new Array<number>(height * width).fill(1));
    const a = product(product(means, gray), known);
    if (options.inverse === "factors") {
      return { a, inverse: product(product(known, pseudoInverse(gray)), pseudoInverse(means)) };
    }
    return options.iterations === undefined ? exact(a) : { a, inverse: options.iterations };
  }];
}

function maskOf([height, width]: define.Sides, options: OperatorOptions): ArrayLike<number> {
  const { sampling = "gaussian_1d", acceleration = 4, centre = 0.08, seed = 0 } = options;
  return options.mask?.data ?? samplingMask(height, width, { sampling, acceleration, centre, seed }).data;
}

function coilsOf([height, width]: define.Sides, { maps, coils = 1 }: OperatorOptions): ArrayLike<number> {
  if (maps) return maps.data;
  return coils > 1
    ? coilMaps(height, width, coils).data
    : Float32Array.from({ length: height * width * 2 }, (_, i) => 1 - i % 2);
}

function resonance(shape: define.Sides, options: OperatorOptions): Built {
  return [shape, options, () => {
    const a = define.resonance([shape[0], shape[1]], maskOf(shape, options), coilsOf(shape, options));
    return { a, inverse: transposed(a) };
  }];
}

function pictureResonance(shape: define.Sides, options: OperatorOptions): Built {
  return [shape, options, () => {
    const maps = coilsOf(shape, options);
    const imaging = define.resonance([shape[0], shape[1]], maskOf(shape, options), maps);
    const a = product(imaging, define.realMean(shape));
    return options.iterations === undefined ? exact(a) : { a, inverse: options.iterations };
  }];
}

function tomography(shape: define.Sides, options: OperatorOptions): Built {
  const { views = 30, arc = 180 } = options;
  return [shape, options, () => {
    const a = define.rays([shape[0], shape[1]], views, arc);
    return {
      a: define.everyChannel(a, shape[2]),
      inverse: define.everyChannel(define.filteredBackProjection(a, views, arc), shape[2]),
    };
  }];
}

/** The root of sigma^2 M^T C^-1 M; see `storedPrecision`. */
function compressed(shape: define.Sides, options: OperatorOptions, planes: readonly define.Plane[]): Built {
  return [shape, options, () => {
    const square = define.storedPrecision(shape, planes, {
      sigma: options.sigma ?? 0.2,
      rounding: options.rounding ?? 0.1,
    });
    const { s, v } = decomposed(square);
    const power = (exponent: number): Dense => {
      const scaled = dense(v.rows, v.columns, (i, k) => v.data[i * v.columns + k]! * s[k]! ** exponent);
      return product(scaled, transposed(v));
    };
    return { a: power(1 / 2), inverse: power(-1 / 2) };
  }];
}

/** Steps that all differ. */
const COLOUR_PLANES = [0, 1, 2].map((c): define.Plane => ({
  steps: Array.from({ length: 64 }, (_, k) => 10 + 3 * k + 7 * c),
  reduction: [1, 1],
}));

const FLAT = (taps: number): number[] => new Array<number>(taps).fill(1 / taps);
const MAPS = hostTensor(randomValues(8 * 4 * 2 * 2, 31), [8, 4, 4]);
const CHANNELS_APART = hostTensor(randomValues(elementCount(WIDE), 8).map((value) => value > 0 ? 1 : 0), [...WIDE]);
const PERMUTATION = Array.from({ length: 64 }, (_, i) => (i * 37 + 11) % 64);
const FREQUENCIES = hostTensor(Float32Array.from({ length: 64 }, (_, i) => i % 3 === 1 ? 0 : 1), [8, 8]);

const BY_NAME: Readonly<Record<string, readonly Built[]>> = {
  "sr_average": [
    ...[2, 4, 8].map((scale): Built => [SQUARE, { scale }, () => exact(define.blockMeans(SQUARE, scale))]),
    [WIDE, { scale: 2 }, () => exact(define.blockMeans(WIDE, 2))],
  ],
  "sr_area": ([[SQUARE, 1.5, 5, 5], [WIDE, 1.1, 4, 7], [TALL, 1.5, 5, 3], [SQUARE, 2, 4, 4]] as const).map(
    ([shape, scale, rows, columns]): Built => [
      shape,
      { scale },
      () => separable(define.areaFactor(rows, shape[0]), define.areaFactor(columns, shape[1]), shape[2]),
    ],
  ),
  "sr_bicubic": ([[SQUARE, 2], [SQUARE, 4], [WIDE, 2], [TALL, 2], [[9, 6, 1], 3]] as const).map((
    [shape, scale],
  ): Built => [
    shape,
    { scale },
    () => separable(define.bicubicFactor(shape[0], scale), define.bicubicFactor(shape[1], scale), shape[2]),
  ]),
  colorize: [
    [SQUARE, {}, () => exact(define.weightedChannels(SQUARE, [0.3333, 0.3334, 0.3333]))],
    [WIDE, { weights: [0.75, -0.5] }, () => exact(define.weightedChannels(WIDE, [0.75, -0.5]))],
  ],
  inpaint: [
    [SQUARE, { mask: MASK }, () => exact(define.knownPixels(SQUARE, MASK.data))],
    [WIDE, { mask: CHANNELS_APART }, () => exact(define.knownPixels(WIDE, CHANNELS_APART.data))],
    [SQUARE, { missing: 0.4, seed: 5 }, () => exact(define.knownPixels(SQUARE, MASK.data))],
    [WIDE, { box: { top: 1, left: 5, height: 3, width: 2 } }, () => {
      const mask = dense(4, 8, (y, x) => y >= 1 && y < 4 && x >= 5 && x < 7 ? 0 : 1).data;
      return exact(define.knownPixels(WIDE, mask));
    }],
  ],
  "deblur_gauss": [
    mirroredPair(SQUARE, {}, [define.bell(9, 15)]),
    mirroredPair(WIDE, { taps: 5, sigma: 1.5, threshold: 0.15 }, [define.bell(5, 1.5)], 0.15),
    mirroredPair(TALL, { kernel: [0.2, 0.5, 0.3], kernelWidth: [0.1, 0.2, 0.4, 0.2, 0.1] }, [[0.2, 0.5, 0.3], [
      0.1,
      0.2,
      0.4,
      0.2,
      0.1,
    ]]),
    wrappedPair(WIDE, { taps: 5, sigma: 1, boundary: "circular", threshold: 0.1 }, define.bell(5, 1), 0.1),
    openPair(
      SQUARE,
      { taps: 5, sigma: 1, boundary: "unknown", threshold: 0.05 },
      { down: define.bell(5, 1) },
      { top: 2, left: 2, height: 4, width: 4 },
    ),
    openPair(
      SQUARE,
      { kernel: [0.2, 0.5, 0.3], kernelWidth: [0.1, 0.8, 0.1], boundary: "unknown" },
      { down: [0.2, 0.5, 0.3], across: [0.1, 0.8, 0.1] },
      { top: 1, left: 1, height: 6, width: 6 },
    ),
    openPair(
      [8, 9, 2],
      { kernel: [0.2, 0.5, 0.3], kernelWidth: [0.1, 0.2, 0.4, 0.2, 0.1], boundary: "unknown", measured: MEASURED },
      { down: [0.2, 0.5, 0.3], across: [0.1, 0.2, 0.4, 0.2, 0.1] },
      MEASURED,
    ),
    published(SQUARE, { variant: "published_matched" }, define.bell(9, 15)),
    published(WIDE, { variant: "published_matched", kernel: [0.2, 0.5, 0.3] }, [0.2, 0.5, 0.3]),
    published(SQUARE, { variant: "published" }, define.bell(9, 15)),
    published(TALL, { variant: "published", taps: 5, sigma: 10 }, define.bell(5, 10)),
    published(
      WIDE,
      { variant: "published", taps: 5, sigma: 1, kernelWidth: [0.2, 0.5, 0.3], threshold: 0.2 },
      define.bell(5, 1),
      [0.2, 0.5, 0.3],
      0.2,
    ),
  ],
  identity: [[SQUARE, {}, () => exact(unit(192))]],
  "deblur_uniform": [
    mirroredPair(SQUARE, {}, [FLAT(9)]),
    mirroredPair(WIDE, { taps: 5, threshold: 0.3 }, [FLAT(5)], 0.3),
  ],
  "deblur_aniso": [
    mirroredPair(SQUARE, {}, [define.bell(9, 1), define.bell(9, 20)]),
    mirroredPair(WIDE, { taps: 7, sigma: 0.7, sigmaWidth: 4, threshold: 0.1 }, [
      define.bell(7, 0.7),
      define.bell(7, 4),
    ], 0.1),
  ],
  "deblur_kernel": [
    circular(GRAY, { taps: 5, sigma: 1.5 }, gaussianKernel2d(5, 1.5)),
    circular(GRAY, {}, gaussianKernel2d(61, 3)),
    circular(WIDE, { psf: SLANTED, threshold: 0.2 }),
    circular(TALL, { taps: 3, sigma: 0.6, threshold: 0 }, gaussianKernel2d(3, 0.6)),
    reflecting(WIDE, { psf: SLANTED, boundary: "reflect", iterations: 4 }),
    reflecting(TALL, { taps: 9, sigma: 3, boundary: "reflect", iterations: 1 }, gaussianKernel2d(9, 3)),
  ],
  "deblur_motion": [
    circular(GRAY, { taps: 9, seed: 5, threshold: 0.1 }, motionKernel(9, 0.5, 5)),
    reflecting(
      WIDE,
      { taps: 7, intensity: 0.9, boundary: "reflect", iterations: 3 },
      motionKernel(7, 0.9, 0),
    ),
  ],
  "sr_kernel": [
    circular(GRAY, { scale: 2 }, gaussianKernel2d(25, 1.6)),
    circular(WIDE, { scale: 2, psf: SLANTED }),
    circular(TALL, { scale: 4, taps: 9, sigma: 2, threshold: 0.1 }, gaussianKernel2d(9, 2)),
    circular(GRAY, { scale: 1, taps: 3, sigma: 1, threshold: 0.3 }, gaussianKernel2d(3, 1)),
    circular(GRAY, { scale: 2, taps: 9, sigma: 2.5, threshold: 0.2 }, gaussianKernel2d(9, 2.5)),
  ],
  "cs_hadamard": [
    hadamard(SQUARE, { permutation: PERMUTATION }, PERMUTATION),
    hadamard(WIDE, { ratio: 0.6, seed: 4 }, randomPermutation(32, 4)),
  ],
  "cs_block": [
    blocks(SQUARE, { block: 4, ratio: 0.35, seed: 2 }),
    blocks(WIDE, { block: 2, ratio: 0.6 }),
  ],
  "noisy_jpeg": [
    compressed(GRAY, { quality: 30, tables: "standard", sigma: 0.05 }, [
      { steps: jpegSteps({ quality: 30, tables: "standard" }).luminance, reduction: [1, 1] },
    ]),
    compressed(SQUARE, {
      rounding: 0.7,
      file: {
        planes: COLOUR_PLANES,
        color: "ycbcr",
        place: { top: 0, left: 0, height: 8, width: 8, orientation: 1 },
      },
    }, COLOUR_PLANES),
  ],
  outpaint: [
    [
      SQUARE,
      {},
      () => exact(define.knownPixels(SQUARE, dense(8, 8, (y, x) => y >= 2 && y < 6 && x >= 2 && x < 6 ? 1 : 0).data)),
    ],
    [
      TALL,
      { keep: 0.7 },
      () => exact(define.knownPixels(TALL, dense(8, 4, (y, x) => y >= 1 && y < 7 && x < 3 ? 1 : 0).data)),
    ],
    // round(0.7 4) = 3 rows from floor(1 / 2) = 0 on, round(0.7 8) = 6 columns from 1 on.
    [
      WIDE,
      { keep: 0.7 },
      () => exact(define.knownPixels(WIDE, dense(4, 8, (y, x) => y < 3 && x >= 1 && x < 7 ? 1 : 0).data)),
    ],
  ],
  "old_photo": [
    photo(SQUARE, { mask: MASK }, { mask: MASK.data, scale: 2 }),
    photo(SQUARE, { mask: MASK, scale: 4, iterations: 2 }, { mask: MASK.data, scale: 4 }),
    photo(SQUARE, { mask: MASK, inverse: "factors" }, { mask: MASK.data, scale: 2 }),
  ],
  "sr_gray": [
    photo(SQUARE, {}, { scale: 4 }),
    photo(WIDE, { scale: 2, inverse: "factors" }, { scale: 2 }),
    photo(WIDE, { scale: 2, iterations: 1 }, { scale: 2 }),
  ],
  mri: [
    resonance([8, 8, 2], { mask: FREQUENCIES }),
    resonance([8, 5, 2], { sampling: "poisson_2d", acceleration: 3, seed: 1 }),
    resonance([8, 4, 2], { maps: MAPS, sampling: "uniform_2d", acceleration: 2 }),
    resonance([5, 8, 2], { coils: 3, centre: 0.3 }),
  ],
  "mri_picture": [
    pictureResonance(SQUARE, { mask: FREQUENCIES }),
    pictureResonance([5, 8, 1], { sampling: "gaussian_2d", acceleration: 1.5, seed: 2 }),
    pictureResonance([8, 4, 3], { maps: MAPS, sampling: "uniform_2d", acceleration: 2, iterations: 3 }),
    pictureResonance([5, 8, 3], { coils: 3, centre: 0.3, iterations: 2 }),
  ],
  ct: [
    tomography(SQUARE, {}),
    tomography([5, 8, 1], { views: 7, arc: 60 }),
  ],
};

/** All cases; the matrices of each are made once. */
export const DENSE_CASES: readonly DenseCase[] = Object.entries(BY_NAME).flatMap(([name, all]) =>
  all.map(([shape, options, make]) => {
    let made: ReturnType<DenseCase["matrices"]> | undefined;
    return { name, shape, options, matrices: () => made ??= make() };
  })
);

/** A^+ y as defined, for measurements in the rows of a matrix. */
export function inverseOf(a: Dense, inverse: Dense | number, measurements: Dense): Dense {
  if (typeof inverse !== "number") return product(measurements, transposed(inverse));
  const rows = Array.from({ length: measurements.rows }, (_, i) => {
    const y = measurements.data.subarray(i * measurements.columns, (i + 1) * measurements.columns);
    return Array.from(krylov(a, { rows: y.length, columns: 1, data: y }, inverse).data);
  });
  return { rows: rows.length, columns: a.columns, data: Float64Array.from(rows.flat()) };
}
