/** Degradations one after the other, such as those of an old photo. */
import { elementCount, type Shape, type Tensor } from "../engine/mod.ts";
import { add, sub } from "../kernels/mod.ts";
import { checkedValues, choice, type Parameter } from "../parameters/mod.ts";
import { averageDownsample } from "./resolution/average_downsample.ts";
import { colorization } from "./pixels/colorization.ts";
import { iterations } from "./common_parameters.ts";
import { leastSquares } from "./least_squares.ts";
import {
  estimate,
  isLinear,
  isProjectable,
  type LinearOperator,
  linearOperator,
  nonlinearOperator,
  type Operator,
  project,
} from "./operator.ts";

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

/** Steps of conjugate gradients where A^+ is not known from the factors. */
const STEPS = 30;

/** Alternations where a projection onto the last measurement leaves the range of what comes before. */
const ALTERNATIONS = 3;

/**
 * As `composition`, of factors of any kind, with A^+ from the factors wherever that is exact: A_1^+ ... A_k^+ if all but
 * the last have orthogonal rows of one length (A A^T = c I), or if all from some place on act on pixels one by one.
 * Factors that are not linear make a whole that is not; where only the last is, pictures are projected onto it.
 * @param options.pixelwiseFrom the first of the last factors that act on pixels one by one
 */
export function chained(
  name: string,
  all: readonly Operator[],
  { pixelwiseFrom }: { readonly pixelwiseFrom: number },
): Operator {
  // A factor that changes nothing must not hide the decomposition of another.
  const [first, last] = [all[0]!, all.at(-1)!];
  const shapes = { name, imageShape: first.imageShape, measurementShape: last.measurementShape };
  const isKept = ({ name }: Operator): boolean => name !== "identity";
  const factors = all.some(isKept) ? all.filter(isKept) : [first];
  if (factors.length === 1) return { ...factors[0]!, name };
  const forward = (x: Tensor): Tensor => factors.reduce((image, factor) => factor.forward(image), x);
  const isKnown = (k: number): boolean => all.indexOf(factors[k]!) >= pixelwiseFrom || hasOrthogonalRows(factors[k]!);
  if (factors.every(isLinear)) {
    const adjoint = (y: Tensor): Tensor => factors.reduceRight((image, factor) => factor.adjoint(image), y);
    const isExact = factors.slice(0, -1).every((_, k) => isKnown(k));
    const isApproximate = factors.some((factor) => factor.isApproximate || (!isExact && !isFlat(factor)));
    return linearOperator({
      ...shapes,
      forward,
      adjoint,
      pseudoInverse: isExact
        ? (y) => factors.reduceRight((image, factor) => factor.pseudoInverse(image), y)
        : (y) => leastSquares({ forward, adjoint }, y, { iterations: STEPS }),
      ...(isApproximate ? { isApproximate: true as const } : {}),
    });
  }
  const end = factors.at(-1)!;
  const before = factors.slice(0, -1);
  const whole = {
    ...shapes,
    forward,
    estimate: (y: Tensor): Tensor => factors.reduceRight((image, factor) => estimate(factor, image), y),
  };
  if (!before.every(isLinear) || !isProjectable(end)) return nonlinearOperator(whole);
  const start = chained(`${name}, all but the last`, before, { pixelwiseFrom }) as LinearOperator;
  const onto = (x: Tensor, y: Tensor, to?: "nearest" | "middle"): Tensor =>
    isLinear(end) ? project(end, x, y) : end.project(x, y, to);
  const rounds = before.every(hasOrthogonalRows) ? 1 : ALTERNATIONS;
  return nonlinearOperator({
    ...whole,
    project(x, y, to): Tensor {
      let image = x;
      for (let round = 0; round < rounds; round++) {
        const measured = start.forward(image);
        image = add(image, start.pseudoInverse(sub(onto(measured, y, to), measured)));
      }
      return image;
    },
  });
}

/** Whether all singular values that are not 0 are equal. */
function isFlat(operator: Operator): boolean {
  return isLinear(operator) && flatRank(operator) !== undefined;
}

/** Whether A A^T = c I. */
function hasOrthogonalRows(operator: Operator): boolean {
  return isLinear(operator) && flatRank(operator) === elementCount(operator.measurementShape);
}

/** How many singular values are not 0, where these are equal. */
function flatRank({ spectral, isApproximate }: LinearOperator): number | undefined {
  if (!spectral || isApproximate) return undefined;
  const data = spectral().singularValues.data as Float32Array;
  const most = data.reduce((a, b) => Math.max(a, b), 0);
  let rank = 0;
  for (const value of data) {
    if (value > 0 && Math.abs(value - most) > 1e-6 * most) return undefined;
    if (value > 0) rank++;
  }
  return rank;
}

/** The mean of the channels, then of s x s pixels: a gray and small picture. */
export function grayAndSmall(imageShape: Shape, scale: number): readonly LinearOperator[] {
  const [height = 0, width = 0, channels = 0] = imageShape;
  const gray = colorization(imageShape, {
    weights: new Array<number>(Math.max(1, channels)).fill(1 / Math.max(1, channels)),
  });
  return [gray, averageDownsample([height, width, 1], { scale })];
}
