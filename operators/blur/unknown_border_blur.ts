/** Blurs of pictures beyond whose borders nothing is known. */
import { constant, type HostTensor, type Tensor } from "../../engine/mod.ts";
import { add, gatherElements, sub } from "../../kernels/mod.ts";
import { data, type Parameter } from "../../parameters/mod.ts";
import { mirroredPlace, pixelPlaces } from "../layout.ts";
import { leastSquares } from "../least_squares.ts";
import { type LinearOperator, linearOperator } from "../operator.ts";
import { factorTensor, filtered, transferFunction } from "./fourier_filter.ts";

/** A part of an image in whole pixels. */
export interface ImagePart {
  /** Its first row. */
  readonly top: number;
  /** Its first column. */
  readonly left: number;
  /** Rows. */
  readonly height: number;
  /** Columns. */
  readonly width: number;
}

/** How far an image reaches beyond the part that was measured, in pixels. */
export interface Border {
  /** Above and below. */
  readonly rows: number;
  /** At the left and at the right. */
  readonly columns: number;
}

/** The parameter that is the measured part. */
export function measuredPart(): Parameter<ImagePart | undefined> {
  const names = ["top", "left", "height", "width"] as const;
  const fits = (value: unknown): boolean =>
    typeof value === "object" && value !== null &&
    names.every((name) => Number.isSafeInteger((value as Partial<ImagePart>)[name]));
  return data<ImagePart>(
    { needed: "top, left, height and width in pixels", fits },
    "for `unknown`: the part of the image that was measured; by default all that the kernel does not leave",
  );
}

/** The pixels around a measured part that a kernel [h, w] reaches. */
export function borderOf({ shape: [rows = 0, columns = 0] }: HostTensor): Border {
  return { rows: Math.floor(rows / 2), columns: Math.floor(columns / 2) };
}

/**
 * Convolution of which only a part is measured where the kernel lies within the image (unknown boundary conditions:
 * Almeida and Figueiredo, Deconvolving Images with Unknown Boundaries Using the Alternating Direction Method of
 * Multipliers, 2013): A = M K, M the measured pixels and K the circular convolution, whose wrapped part M leaves out.
 * A^T = K^T M is exact.
 *
 * What stands for A^+ y begins at E y, the measured part mirrored over the image without its edge pixels, and takes steps
 * of conjugate gradients from there: E y + x with x of least squares for A x = y - A E y. It is linear in y too.
 * @param shape [H, W, C]
 * @param psf taps [h, w], their middle at (floor(h / 2), floor(w / 2))
 * @param options.measured the part; the measurement [H, W, C] is 0 elsewhere
 * @throws {RangeError} if the kernel is larger than the image, or reaches over it from the part
 */
export function unknownBorderBlur(
  name: string,
  shape: readonly [number, number, number],
  psf: HostTensor,
  { measured, iterations }: { readonly measured?: ImagePart | undefined; readonly iterations: number },
): LinearOperator {
  const [height, width] = shape;
  const part = measuredWithin(name, shape, psf, measured);
  const factors = factorTensor(transferFunction(psf, height, width), shape);
  const kept = pixelPlaces(shape, width, (row, column) => {
    const [y, x] = [row - part.top, column - part.left];
    return y >= 0 && x >= 0 && y < part.height && x < part.width ? [row, column] : undefined;
  });
  const spread = pixelPlaces(shape, width, (row, column) => [
    part.top + mirroredPlace(row - part.top, part.height),
    part.left + mirroredPlace(column - part.left, part.width),
  ]);
  const forward = (x: Tensor): Tensor => gatherElements(filtered(x, factors), constant(kept));
  const adjoint = (y: Tensor): Tensor => filtered(gatherElements(y, constant(kept)), factors, true);
  return linearOperator({
    name,
    imageShape: shape,
    measurementShape: shape,
    forward,
    adjoint,
    pseudoInverse: (y) => {
      const start = gatherElements(y, constant(spread));
      return add(start, leastSquares({ forward, adjoint }, sub(y, forward(start)), { iterations }));
    },
    isApproximate: true,
  });
}

function measuredWithin(
  name: string,
  [height, width]: readonly number[],
  { shape: [rows = 0, columns = 0] }: HostTensor,
  measured: ImagePart | undefined,
): ImagePart {
  const refuse = (found: string): never => {
    throw new RangeError(
      `Cannot build operator "${name}": ${found}, an image is needed that the kernel of ${rows} x ${columns} taps ` +
        "does not leave; give a larger image, a smaller kernel or another border",
    );
  };
  // Row r of the measurement is made of rows r - (h - 1 - floor(h / 2)) to r + floor(h / 2) of the image, flipped.
  const [below, right] = [Math.floor(rows / 2), Math.floor(columns / 2)];
  const whole = {
    top: rows - 1 - below,
    left: columns - 1 - right,
    height: height! - rows + 1,
    width: width! - columns + 1,
  };
  if (whole.height < 1 || whole.width < 1) refuse(`the image has ${height} x ${width} pixels`);
  if (measured === undefined) return whole;
  const isWithin = measured.height >= 1 && measured.width >= 1 &&
    measured.top >= whole.top && measured.top + measured.height <= whole.top + whole.height &&
    measured.left >= whole.left && measured.left + measured.width <= whole.left + whole.width;
  if (isWithin) return measured;
  return refuse(
    `the measured part has ${measured.height} x ${measured.width} pixels at (${measured.top}, ${measured.left}) of ` +
      `${height} x ${width}`,
  );
}
