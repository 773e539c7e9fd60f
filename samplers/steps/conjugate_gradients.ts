/** Conjugate gradients inside a trace, every sample for itself, and the proximal steps that they solve. */
import { type Coefficient, scope, type Tensor } from "../../engine/mod.ts";
import { addRatio, sampleDot, sub, weightedSum } from "../../kernels/mod.ts";
import type { LinearOperator } from "../../operators/mod.ts";

/** How long conjugate gradients go on. */
export interface SolverOptions {
  /** Iterations; a sample that has converged keeps its solution. */
  readonly iterations: number;
  /** Length of the residual below which a sample has converged; default 1e-5. */
  readonly tolerance?: number;
}

/**
 * Solves B u = b for a symmetric positive definite B, from u = start and its residual b - B start (Hestenes, Stiefel).
 * @param apply records B p, for every sample alone
 * @param system.start [N, ...]
 * @param system.residual [N, ...]
 * @returns [N, ...]
 */
export function conjugateGradients(
  apply: (p: Tensor) => Tensor,
  { start, residual }: { readonly start: Tensor; readonly residual: Tensor },
  { iterations, tolerance = 1e-5 }: SolverOptions,
): Tensor {
  return scope("conjugate gradients", () => {
    const floor = tolerance * tolerance;
    let [x, r, p] = [start, residual, residual];
    let length = sampleDot(r, r);
    for (let k = 0; k < iterations; k++) {
      const image = apply(p);
      const ratio = { numerator: length, denominator: sampleDot(p, image) };
      x = addRatio({ x, direction: p, ...ratio }, { sign: 1, floor });
      r = addRatio({ x: r, direction: image, ...ratio }, { sign: -1, floor });
      const next = sampleDot(r, r);
      p = addRatio({ x: r, direction: p, numerator: next, denominator: length }, { sign: 1, floor });
      length = next;
    }
    return x;
  });
}

/**
 * The image u that minimises gamma |y - A u|^2 + rho |u - x|^2, that is (gamma A^T A + rho I) u = gamma A^T y + rho x.
 * @param operator the degradation A
 * @param x [N, H, W, C]
 * @param y [N, ...operator.measurementShape]
 * @param weights gamma and rho, at least one of them positive
 * @returns [N, H, W, C]
 */
export function proximalByGradients(
  operator: LinearOperator,
  { x, y }: { readonly x: Tensor; readonly y: Tensor },
  { gamma, rho }: { readonly gamma: Coefficient; readonly rho: Coefficient },
  options: SolverOptions,
): Tensor {
  const normal = (p: Tensor): Tensor => weightedSum([[gamma, operator.adjoint(operator.forward(p))], [rho, p]]);
  const residual = weightedSum([[gamma, operator.adjoint(sub(y, operator.forward(x)))]]);
  return conjugateGradients(normal, { start: x, residual }, options);
}
