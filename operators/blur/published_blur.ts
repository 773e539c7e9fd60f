/** The blur that the code published with DDRM, DDNM and SSD computes, to reproduce published numbers. */
import { constant, type HostTensor, hostTensor, type Tensor } from "../../engine/mod.ts";
import { mul } from "../../kernels/mod.ts";
import { introsortDescending } from "./introsort.ts";
import { type LinearOperator, linearOperator } from "../operator.ts";
import { invert, truncate, turning, vectorsOf } from "./separable_operator.ts";
import { type Matrix, svd } from "../matrix.ts";

/** Singular value decomposition of the n x n factor of a blur of square images: U diag(s) V^T. */
export interface BlurFactors {
  /** Left singular vectors [n, n], row after row, a vector in each column. */
  readonly u: ArrayLike<number>;
  /** Singular values [n]; values below the threshold count as zero. */
  readonly s: ArrayLike<number>;
  /** Right singular vectors [n, n], row after row, a vector in each column. */
  readonly v: ArrayLike<number>;
}

/** Parameters of `publishedBlur`. */
export interface PublishedBlurOptions {
  /** The square blur matrix for a given extent. */
  readonly factorOf: (extent: number) => Matrix;
  /** That along the width, where it is another one. */
  readonly widthFactorOf: ((extent: number) => Matrix) | undefined;
  /** Position of the singular value at each place of the descending order; default: as the published program sorts. */
  readonly permutation: ArrayLike<number> | undefined;
  /** Decomposition to use instead of that of `factorOf`. */
  readonly factors: BlurFactors | undefined;
  /** Decomposition to use instead of that of `widthFactorOf`. */
  readonly factorsWidth: BlurFactors | undefined;
  /** Smallest singular value of a factor that is kept. */
  readonly threshold: number;
}

/**
 * The separable blur L X R^T with L = U_L S_L V_L^T and R = U_R S_R V_R^T, except that the N = H W products of singular
 * values, sorted in descending order to d_0, d_1, ..., meet the wrong coefficients: the coefficient of V_L^T X V_R at
 * sorted place p in channel c is scaled by d[(C p + c) mod N] instead of d[p]. The published code lays coefficients out
 * with the channel fastest, but the sorted values channel after channel. A, A^T and A^+ remain consistent.
 *
 * So the operator depends on the order of equal products: of d_i d_j and d_j d_i, and of all that the threshold has made
 * zero. The published program multiplies in f32 and sorts with PyTorch, whose order is that of `introsortDescending`.
 * @param name name in the register
 * @param imageShape [H, W, C], checked
 * @throws {TypeError} if the permutation or the factors have another size
 * @throws {RangeError} if the permutation does not hold every position once
 */
export function publishedBlur(
  name: string,
  [height, width, channels]: readonly [number, number, number],
  { factorOf, widthFactorOf, permutation, factors, factorsWidth, threshold }: PublishedBlurOptions,
): LinearOperator {
  const left = factors ? given(name, factors, height, width) : svd(factorOf(height));
  const right = factorsWidth
    ? given(name, factorsWidth, height, width)
    : widthFactorOf
    ? svd(widthFactorOf(width))
    : height === width
    ? left
    : svd(factorOf(width));
  const leftValues = truncate(left.s.map(Math.fround), threshold);
  const rightValues = truncate(right.s.map(Math.fround), threshold);
  const products = Float32Array.from(
    { length: height * width },
    (_, i) => leftValues[Math.floor(i / width)]! * rightValues[i % width]!,
  );
  const order = permutation ? checkedPermutation(name, permutation, products.length) : introsortDescending(products);
  const gains = new Float64Array(products.length * channels);
  order.forEach((position, place) => {
    for (let channel = 0; channel < channels; channel++) {
      gains[position * channels + channel] = products[order[(channels * place + channel) % order.length]!]!;
    }
  });
  const shape = [height, width, channels];
  const scale = hostTensor(Float32Array.from(gains), shape);
  const inverse = hostTensor(Float32Array.from(invert(gains)), shape);
  const leftVectors = vectorsOf(left);
  const turned = turning(leftVectors, right === left ? leftVectors : vectorsOf(right));
  const through = (from: "ut" | "vt", values: HostTensor, to: "u" | "v") => (x: Tensor): Tensor =>
    turned(to)(mul(turned(from)(x), constant(values)));
  return linearOperator({
    name,
    imageShape: shape,
    measurementShape: shape,
    forward: through("vt", scale, "u"),
    pseudoInverse: through("ut", inverse, "v"),
    adjoint: through("ut", scale, "v"),
    spectral: () => ({
      singularValues: scale,
      toSpectrum: turned("vt"),
      fromSpectrum: turned("v"),
      toMeasurement: turned("u"),
      fromMeasurement: turned("ut"),
    }),
  });
}

function given(
  name: string,
  { u, s, v }: BlurFactors,
  height: number,
  width: number,
): { readonly u: Matrix; readonly s: Float64Array; readonly v: Matrix } {
  if (height !== width || s.length !== height || u.length !== height ** 2 || v.length !== height ** 2) {
    throw new TypeError(
      `Cannot build operator "${name}": the factors have ${u.length}, ${s.length} and ${v.length} elements and the ` +
        `image has ${height} x ${width} pixels, n^2, n and n^2 for a square image of side n are needed; leave them out`,
    );
  }
  const square = (data: ArrayLike<number>): Matrix => ({
    rows: height,
    columns: height,
    data: Float64Array.from(data),
  });
  return { u: square(u), s: Float64Array.from(s), v: square(v) };
}

function checkedPermutation(name: string, permutation: ArrayLike<number>, count: number): Int32Array {
  const order = Array.from(permutation);
  if (order.length !== count) {
    throw new TypeError(
      `Cannot build operator "${name}": the permutation has ${order.length} elements, ${count} are needed; ` +
        `give one position per pixel, or leave it out`,
    );
  }
  const seen = new Uint8Array(count);
  for (const position of order) {
    if (!Number.isSafeInteger(position) || position < 0 || position >= count || seen[position]) {
      throw new RangeError(
        `Cannot build operator "${name}": the permutation holds ${position} out of place or twice, ` +
          `every position from 0 to ${count - 1} is needed once; leave it out`,
      );
    }
    seen[position] = 1;
  }
  return Int32Array.from(order);
}
