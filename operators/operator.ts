/** What a degradation is: a linear map A from images to measurements, with its adjoint and its pseudo-inverse. */
import { type Coefficient, formatShape, type HostTensor, scope, type Shape, type Tensor } from "../engine/mod.ts";
import { add, sub, weightedSum } from "../kernels/mod.ts";

/**
 * The singular value decomposition A = U diag(s) V^T as maps of tensors. A coefficient belongs to one column of V and,
 * where it is measured, to one of U; all coefficients of an image stand in one tensor [N, ...singularValues.shape], in
 * no particular order. Methods record operations in the current trace.
 */
export interface SpectralForm {
  /** s for every coefficient, not negative; 0 where A loses it. The shape is that of the coefficients of one image. */
  readonly singularValues: HostTensor;
  /** V^T x: the coefficients of images. V is square and orthogonal, so white noise stays white noise. */
  toSpectrum(x: Tensor): Tensor;
  /** V c: the images with the coefficients c. */
  fromSpectrum(c: Tensor): Tensor;
  /** U c: the measurements with the coefficients c; those with s = 0 count for nothing or for an orthonormal direction. */
  toMeasurement(c: Tensor): Tensor;
  /** U^T y: the coefficients of measurements; of no meaning where s = 0. */
  fromMeasurement(y: Tensor): Tensor;
}

/** A degradation A of images [N, H, W, C] in [-1, 1], linear or not; it records operations in the current trace. */
export interface Degradation {
  /** Name in the register, such as `sr_bicubic`. */
  readonly name: string;
  /** Shape of one image: [H, W, C]. */
  readonly imageShape: Shape;
  /** Shape of one measurement, without the batch. */
  readonly measurementShape: Shape;
  /** A x, of operations that have gradients. */
  forward(x: Tensor): Tensor;
}

/** A degradation that is not linear, so that all that a method can take from it is A x and its gradient. */
export interface NonlinearOperator extends Degradation {
  /** A picture [N, H, W, C] that shows what y tells without any prior, to start from and to compare with. */
  estimate(y: Tensor): Tensor;
  /**
   * The picture near x that measures as y does, where the set of these can be projected onto.
   * @param to the nearest of the set (default), or one in its middle, if it has one
   */
  project?(x: Tensor, y: Tensor, to?: "nearest" | "middle"): Tensor;
}

/** A linear degradation A of images [N, H, W, C] in [-1, 1]; the methods record operations in the current trace. */
export interface LinearOperator extends Degradation {
  /** A^+ y, the Moore-Penrose pseudo-inverse, or what stands for it if `isApproximate`. */
  pseudoInverse(y: Tensor): Tensor;
  /** A^T y. */
  adjoint(y: Tensor): Tensor;
  /** Set if `pseudoInverse` is not A^+ to rounding, so that A A^+ A = A holds roughly at best. */
  readonly isApproximate?: true;
  /** The singular value decomposition; absent where there is none in closed form. Computed at the first call. */
  spectral?(): SpectralForm;
}

/** A degradation onto whose measurements pictures can be projected. */
export type Projectable = LinearOperator | NonlinearOperator & Required<Pick<NonlinearOperator, "project">>;

/** Whether pictures can be projected onto the measurements of a degradation. */
export function isProjectable(operator: Degradation): operator is Projectable {
  return isLinear(operator) || "project" in operator;
}

/** A degradation of one of the registers. */
export type Operator = LinearOperator | NonlinearOperator;

/** A^+ y, or what stands for it where the operator is not linear: what y tells without any prior. */
export function estimate(operator: Operator, y: Tensor): Tensor {
  return isLinear(operator) ? operator.pseudoInverse(y) : operator.estimate(y);
}

/** Whether a degradation is linear, with A^T and A^+. */
export function isLinear(operator: Degradation): operator is LinearOperator {
  return "adjoint" in operator && "pseudoInverse" in operator;
}

/** A map of tensors of one shape that checks its argument and has a scope `<name>.<method>`. */
type Checked = (method: string, argument: string, itemShape: Shape, map: (tensor: Tensor) => Tensor) => (
  tensor: Tensor,
) => Tensor;

function checks(name: string): Checked {
  return (method, argument, itemShape, map) => (tensor) => {
    const [, ...item] = tensor.shape;
    const fits = tensor.dtype === "f32" && tensor.shape.length === itemShape.length + 1 &&
      item.every((extent, axis) => extent === itemShape[axis]);
    if (!fits) {
      throw new TypeError(
        `Cannot apply ${method} of "${name}": ${argument} is ${tensor.dtype} ${formatShape(tensor.shape)}, ` +
          `f32 [N, ${itemShape.join(", ")}] is needed; build the operator for the shape of the image`,
      );
    }
    return scope(`${name}.${method}`, () => map(tensor));
  };
}

/**
 * Adds to the methods of an operator that is not linear what `linearOperator` adds to those of one that is.
 * @param operator the bare maps, which may rely on the shapes being right
 * @returns the same operator; its methods throw TypeError on an argument of another shape
 */
export function nonlinearOperator(operator: NonlinearOperator): NonlinearOperator {
  const { name, imageShape, measurementShape } = operator;
  const checked = checks(name);
  return {
    name,
    imageShape,
    measurementShape,
    forward: checked("forward", "x", imageShape, operator.forward),
    estimate: checked("estimate", "y", measurementShape, operator.estimate),
    ...(operator.project ? { project: operator.project } : {}),
  };
}

/**
 * Adds to the methods of an operator the check of their argument's shape and a scope `<name>.<method>` for profiles.
 * @param operator the bare maps, which may rely on the shapes being right
 * @returns the same operator; its methods throw TypeError on an argument of another shape
 */
export function linearOperator(operator: LinearOperator): LinearOperator {
  const { name, imageShape, measurementShape } = operator;
  const checked = checks(name);
  let decomposition: SpectralForm | undefined;
  const spectral = (): SpectralForm => {
    if (decomposition) return decomposition;
    const bare = operator.spectral!();
    const { singularValues } = bare;
    decomposition = {
      singularValues,
      toSpectrum: checked("toSpectrum", "x", imageShape, bare.toSpectrum),
      fromSpectrum: checked("fromSpectrum", "c", singularValues.shape, bare.fromSpectrum),
      toMeasurement: checked("toMeasurement", "c", singularValues.shape, bare.toMeasurement),
      fromMeasurement: checked("fromMeasurement", "y", measurementShape, bare.fromMeasurement),
    };
    return decomposition;
  };
  return {
    name,
    imageShape,
    measurementShape,
    forward: checked("forward", "x", imageShape, operator.forward),
    pseudoInverse: checked("pseudoInverse", "y", measurementShape, operator.pseudoInverse),
    adjoint: checked("adjoint", "y", measurementShape, operator.adjoint),
    ...(operator.isApproximate ? { isApproximate: true } : {}),
    ...(operator.spectral ? { spectral } : {}),
  };
}

/**
 * Replaces the range part of an image by that of a measurement: x - A^+ A x + A^+ y, the image nearest to x with
 * A x = y where y is in the range of A (DDNM, equation 13). It is evaluated as x + A^+ (y - A x): the same map with one
 * pseudo-inverse instead of two, and in f32 the large gains of A^+ meet a small difference instead of two large terms.
 * Where the operator is not linear, its own projection.
 * @param operator the degradation A, linear or with a projection
 * @param x images [N, H, W, C]
 * @param y measurements [N, ...measurementShape]
 * @param trust where many pictures measure the same: how much x counts in choosing among them; by default alone
 * @returns images [N, H, W, C]
 * @throws {TypeError} on other shapes, or if x and y differ in N
 */
export function project(operator: Projectable, x: Tensor, y: Tensor, trust?: Trust): Tensor {
  if (x.shape[0] !== y.shape[0]) {
    throw new TypeError(
      `Cannot project onto the measurement of "${operator.name}": x is ${formatShape(x.shape)} and y is ` +
        `${formatShape(y.shape)}, equal batch sizes are needed; repeat the measurement for every image`,
    );
  }
  return scope("project", () => {
    if (isLinear(operator)) return add(x, operator.pseudoInverse(sub(y, operator.forward(x))));
    const nearest = operator.project(x, y);
    return trust
      ? weightedSum([[trust.inPicture, nearest], [trust.inMiddle, operator.project(x, y, "middle")]])
      : nearest;
  });
}

/** Weights of sum 1: of the nearest picture that measures as y does, and of the one in the middle of all of these. */
export interface Trust {
  /** Of the nearest. */
  readonly inPicture: Coefficient;
  /** Of the one in the middle. */
  readonly inMiddle: Coefficient;
}

/**
 * How much a picture is trusted that a network predicts at a noise level: alphaBar^2. From noise the network knows little
 * beyond what was measured, and what it then chooses of the set decides the rest of the way.
 * @param alphaBar share of the signal in the variance, 0 to 1
 */
export function trustAt(alphaBar: number): Readonly<Record<keyof Trust, number>> {
  return { inPicture: alphaBar ** 2, inMiddle: 1 - alphaBar ** 2 };
}

/**
 * Checks the shape of an image for which an operator is to be built.
 * @param name the operator's name in the register, for the message
 * @param imageShape [H, W, C]
 * @param divisor number by which H and W must be divisible; default 1
 * @returns height, width and number of channels
 * @throws {TypeError} unless there are three extents, all positive integers
 * @throws {RangeError} if height or width is not divisible
 */
export function checkImageShape(name: string, imageShape: Shape, divisor = 1): readonly [number, number, number] {
  const [height = 0, width = 0, channels = 0] = imageShape;
  if (imageShape.length !== 3 || !imageShape.every((extent) => Number.isSafeInteger(extent) && extent > 0)) {
    throw new TypeError(
      `Cannot build operator "${name}": the image shape is ${formatShape(imageShape)}, ` +
        `[height, width, channels] with positive integers is needed; leave the batch out`,
    );
  }
  if (height % divisor !== 0 || width % divisor !== 0) {
    throw new RangeError(
      `Cannot build operator "${name}": the image has ${height} x ${width} pixels, ` +
        `multiples of ${divisor} are needed; crop or resize it`,
    );
  }
  return [height, width, channels];
}
