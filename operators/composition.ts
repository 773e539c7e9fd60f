/** Degradations one after the other, such as those of an old photo. */
import type { HostTensor, Shape } from "../engine/mod.ts";
import { averageDownsample } from "./average_downsample.ts";
import { colorization } from "./colorization.ts";
import { inpainting } from "./inpainting.ts";
import { leastSquares } from "./least_squares.ts";
import { type LinearOperator, linearOperator } from "./operator.ts";

/** How A^+ of a composition is formed: by iteration, or from the factors as in the published code. */
export type CompositionInverse = "exact" | "factors";

/** Parameters of `composition`. */
export interface CompositionOptions {
  /**
   * Default `exact`: conjugate gradients. `factors` is A_1^+ A_2^+ ... A_k^+, which is A^+ only if the factors commute
   * in the right way: not where a mask cuts through the pixels that are averaged.
   */
  readonly inverse?: CompositionInverse;
  /** Steps of the conjugate gradients, 1 or more; default 30. */
  readonly iterations?: number;
}

/**
 * The operator A = A_k ... A_2 A_1.
 * @param name name in the register
 * @param factors A_1 to A_k, each for the measurements of the one before
 * @throws {TypeError} if there is no factor
 */
export function composition(
  name: string,
  factors: readonly LinearOperator[],
  { inverse = "exact", iterations = 30 }: CompositionOptions = {},
): LinearOperator {
  const [first, last] = [factors[0], factors[factors.length - 1]];
  if (!first || !last) throw new TypeError(`Cannot build operator "${name}": it has no factor, at least 1 is needed`);
  const forward: LinearOperator["forward"] = (x) => factors.reduce((image, factor) => factor.forward(image), x);
  const adjoint: LinearOperator["adjoint"] = (y) => factors.reduceRight((image, factor) => factor.adjoint(image), y);
  return linearOperator({
    name,
    imageShape: first.imageShape,
    measurementShape: last.measurementShape,
    forward,
    adjoint,
    pseudoInverse: inverse === "exact"
      ? (y) => leastSquares({ forward, adjoint }, y, { iterations })
      : (y) => factors.reduceRight((image, factor) => factor.pseudoInverse(image), y),
    ...(inverse === "exact" ? {} : { isApproximate: true as const }),
  });
}

/** Parameters of `oldPhoto`. */
export interface OldPhotoOptions extends CompositionOptions {
  /** 1 where the picture is known, 0 where it is scratched. */
  readonly mask: HostTensor;
  /** Reduction along each side; default 2. */
  readonly scale?: number;
}

/**
 * An old photo: scratched (mask), gray (the mean of the channels) and small (the mean of s x s pixels), as in DDNM.
 * @param imageShape [H, W, C], H and W divisible by the scale
 * @throws {TypeError} if a shape does not fit
 * @throws {RangeError} if a parameter is out of range
 */
export function oldPhoto(imageShape: Shape, { mask, scale = 2, ...options }: OldPhotoOptions): LinearOperator {
  const scratched = inpainting(imageShape, { mask });
  return composition("old_photo", [scratched, ...grayAndSmall(imageShape, scale).toReversed()], options);
}

/**
 * A small gray picture: the mean of s x s pixels, then of the channels.
 * @param imageShape [H, W, C], H and W divisible by the scale
 * @throws {TypeError} if a shape does not fit
 * @throws {RangeError} if a parameter is out of range
 */
export function graySmall(
  imageShape: Shape,
  { scale = 4, ...options }: CompositionOptions & { readonly scale?: number },
): LinearOperator {
  return composition("sr_gray", grayAndSmall(imageShape, scale).toReversed(), options);
}

function grayAndSmall(imageShape: Shape, scale: number): readonly LinearOperator[] {
  const [height = 0, width = 0, channels = 0] = imageShape;
  const gray = colorization(imageShape, {
    weights: new Array<number>(Math.max(1, channels)).fill(1 / Math.max(1, channels)),
  });
  return [averageDownsample([height, width, 1], { scale }), gray];
}
