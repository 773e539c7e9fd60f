/** Degradations one after the other, such as those of an old photo. */
import type { Shape } from "../engine/mod.ts";
import { checkedValues, choice, type Parameter } from "../parameters/mod.ts";
import { averageDownsample } from "./resolution/average_downsample.ts";
import { colorization } from "./pixels/colorization.ts";
import { iterations } from "./common_parameters.ts";
import { leastSquares } from "./least_squares.ts";
import { type LinearOperator, linearOperator } from "./operator.ts";

/** Parameters of compositions. */
export const COMPOSITION = {
  /**
   * `exact`: conjugate gradients. `factors`: A_1^+ A_2^+ ... A_k^+, which is A^+ only if the factors commute in the right
   * way: not where a mask cuts through the pixels that are averaged.
   */
  inverse: choice(
    "exact",
    ["exact", "factors"],
    {},
    "A^+ by conjugate gradients or from the factors, as published",
  ) as Parameter<CompositionInverse>,
  iterations: iterations(30) as Parameter<number>,
};

/** Parameters of `composition`. */
export interface CompositionOptions {
  /** Default: by iteration. */
  readonly inverse?: CompositionInverse | undefined;
  /** Steps of the iteration, default 30. */
  readonly iterations?: number | undefined;
}

/** How A^+ of a composition is formed: by iteration, or from the factors as in the published code. */
export type CompositionInverse = "exact" | "factors";

/**
 * The operator A = A_k ... A_2 A_1.
 * @param name name in the register
 * @param factors A_1 to A_k, each for the measurements of the one before
 * @throws {TypeError} if there is no factor
 * @throws {RangeError} if an option is out of range
 */
export function composition(
  name: string,
  factors: readonly LinearOperator[],
  options: CompositionOptions = {},
): LinearOperator {
  const { inverse, iterations } = checkedValues(`build operator "${name}"`, COMPOSITION, { ...options });
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

/** The mean of the channels, then of s x s pixels: a gray and small picture. */
export function grayAndSmall(imageShape: Shape, scale: number): readonly LinearOperator[] {
  const [height = 0, width = 0, channels = 0] = imageShape;
  const gray = colorization(imageShape, {
    weights: new Array<number>(Math.max(1, channels)).fill(1 / Math.max(1, channels)),
  });
  return [gray, averageDownsample([height, width, 1], { scale })];
}
