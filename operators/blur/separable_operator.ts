/** Operators that act along the height and along the width of every channel: A(X) = L X R^T. */
import { constant, type HostTensor, type Shape, type Tensor } from "../../engine/mod.ts";
import { separable } from "../../kernels/mod.ts";
import { pixelValues } from "../layout.ts";
import { type LinearOperator, linearOperator, type SpectralForm } from "../operator.ts";
import { completeBasis, compose, type Matrix, matrix, matrixTensor, type Svd, svd, transpose } from "../matrix.ts";

/**
 * Singular value of a 1-D factor below which it counts as zero, as in the SVD operators published with DDRM, DDNM and
 * SSD. It bounds the gain of A^+ by 1 / 0.03^2.
 */
export const SINGULAR_THRESHOLD = 3e-2;

/** A 1-D factor of a separable operator, as constants of a trace. */
export interface Factor {
  /** A [p, n]. */
  readonly matrix: HostTensor;
  /** A^T [n, p]. */
  readonly transpose: HostTensor;
  /** A^+ [n, p]. */
  readonly pseudoInverse: HostTensor;
}

/** The values that are at least the threshold, and 0 for the others. */
export function truncate(values: Float64Array, threshold: number): Float64Array {
  return values.map((value) => value < threshold ? 0 : value);
}

/** The inverse of every value, and 0 for 0. */
export function invert(values: Float64Array): Float64Array {
  return values.map((value) => value === 0 ? 0 : 1 / value);
}

/** The matrices of a decomposition whose values are truncated already: A, A^T and A^+ stay consistent, A A^+ A = A. */
function factorOf({ u, s, v }: Svd): Factor {
  const truncated = compose(u, s, v);
  return {
    matrix: matrixTensor(truncated),
    transpose: matrixTensor(transpose(truncated)),
    pseudoInverse: matrixTensor(compose(v, invert(s), u)),
  };
}

/** Singular vectors as constants of a trace, as stored and transposed. */
export interface Vectors {
  readonly u: HostTensor;
  readonly ut: HostTensor;
  readonly v: HostTensor;
  readonly vt: HostTensor;
}

/** Singular vectors as constants. */
export function vectorsOf({ u, v }: Pick<Svd, "u" | "v">): Vectors {
  return {
    u: matrixTensor(u),
    ut: matrixTensor(transpose(u)),
    v: matrixTensor(v),
    vt: matrixTensor(transpose(v)),
  };
}

/** The map X -> M_L X M_R^T of every channel, with a part M of the vectors along the height and of those along the width. */
export function turning(left: Vectors, right: Vectors): (part: keyof Vectors) => (x: Tensor) => Tensor {
  return (part) => (x) => separable(constant(left[part]), x, constant(right[part]));
}

/** The square orthogonal V [n, n] of a factor, U with columns of zeros up to [p, n], and s with zeros up to [n]. */
function completed({ u, s, v }: Svd): Svd {
  const n = v.rows;
  const values = new Float64Array(n);
  values.set(s);
  return {
    u: matrix(u.rows, n, (row, column) => column < u.columns ? u.data[row * u.columns + column]! : 0),
    s: values,
    v: completeBasis(v),
  };
}

/** The decomposition of L X R^T: the Kronecker product of those of L and R. */
function separableSvd(left: Svd, right: Svd, channels: number): SpectralForm {
  const vertical = completed(left);
  const horizontal = right === left ? vertical : completed(right);
  const shape: Shape = [vertical.s.length, horizontal.s.length, channels];
  const turned = turning(vectorsOf(vertical), vectorsOf(horizontal));
  return {
    singularValues: pixelValues(shape, (row, column) => vertical.s[row]! * horizontal.s[column]!),
    toSpectrum: turned("vt"),
    fromSpectrum: turned("v"),
    toMeasurement: turned("u"),
    fromMeasurement: turned("ut"),
  };
}

/** Decides about a separable operator; see `separableOperator`. */
export interface SeparableOptions {
  /** Smallest singular value of a factor that is kept; it bounds the gain of A^+ by 1 / threshold^2. */
  readonly threshold?: number | undefined;
  /** The factor along the width, for a given extent, where it is another one than along the height. */
  readonly widthFactorOf?: ((extent: number) => Matrix) | undefined;
}

/** The decomposition of a factor with the values below the threshold set to zero. */
function truncatedSvd(matrix: Matrix, threshold: number): Svd {
  const { u, s, v } = svd(matrix);
  return { u, s: truncate(s, threshold), v };
}

/**
 * The operator A(X) = L X R^T of every channel, with A^T(Y) = L^T Y R and A^+(Y) = L^+ Y (R^+)^T.
 * @param name name in the register
 * @param imageShape [H, W, C], checked
 * @param heightFactorOf the factor for a given extent; called once if height and width are equal and share it
 */
export function separableOperator(
  name: string,
  [height, width, channels]: readonly [number, number, number],
  heightFactorOf: (extent: number) => Matrix,
  { threshold = SINGULAR_THRESHOLD, widthFactorOf }: SeparableOptions = {},
): LinearOperator {
  const leftSvd = truncatedSvd(heightFactorOf(height), threshold);
  const isShared = width === height && !widthFactorOf;
  const rightSvd = isShared ? leftSvd : truncatedSvd((widthFactorOf ?? heightFactorOf)(width), threshold);
  const left = factorOf(leftSvd);
  const factors = [left, isShared ? left : factorOf(rightSvd)] as const;
  return factoredOperator(name, [height, width, channels], factors, () => [leftSvd, rightSvd]);
}

/**
 * The operator A(X) = L X R^T of every channel, from factors with their pseudo-inverses.
 * @param name name in the register
 * @param imageShape [H, W, C], checked
 * @param factors L and R
 * @param decompositions those of L and R, asked for when they are first needed; one object where they are equal
 */
export function factoredOperator(
  name: string,
  [height, width, channels]: readonly [number, number, number],
  [left, right]: readonly [Factor, Factor],
  decompositions: () => readonly [Svd, Svd],
): LinearOperator {
  const along = (part: keyof Factor): LinearOperator["forward"] => (x) =>
    separable(constant(left[part]), x, constant(right[part]));
  return linearOperator({
    name,
    imageShape: [height, width, channels],
    measurementShape: [left.matrix.shape[0]!, right.matrix.shape[0]!, channels],
    forward: along("matrix"),
    pseudoInverse: along("pseudoInverse"),
    adjoint: along("transpose"),
    spectral: () => separableSvd(...decompositions(), channels),
  });
}

/**
 * The decomposition of separable means of blocks of s x s pixels, for operators that compute them in another way. V holds
 * the means of all blocks, then what `completeBasis` makes of them: for each block the vectors k = 0..s - 2 that are
 * sqrt((s - 1 - k)/(s - k)) at pixel k and -1/sqrt((s - 1 - k)(s - k)) behind it.
 */
export function blockMeanSvd(
  [height, width, channels]: readonly [number, number, number],
  scale: number,
): SpectralForm {
  const mean = (extent: number): Svd => {
    const rows = extent / scale;
    return {
      u: matrix(rows, rows, (row, column) => row === column ? 1 : 0),
      s: new Float64Array(rows).fill(1 / Math.sqrt(scale)),
      v: matrix(extent, extent, (row, column) => {
        const [block, place] = [Math.floor(row / scale), row % scale];
        if (column < rows) return block === column ? 1 / Math.sqrt(scale) : 0;
        const k = (column - rows) % (scale - 1);
        if (block !== Math.floor((column - rows) / (scale - 1)) || place < k) return 0;
        const behind = scale - 1 - k;
        return place === k ? Math.sqrt(behind / (behind + 1)) : -1 / Math.sqrt(behind * (behind + 1));
      }),
    };
  };
  const left = mean(height);
  return separableSvd(left, width === height ? left : mean(width), channels);
}
