/**
 * Learned linear extrapolation: what a method predicts at a step is replaced by a mixture of it and all predictions
 * before, mixtures themselves, with coefficients of its own for what A measures and for what it loses. Zhang et al.,
 * Improving Diffusion-based Inverse Algorithms under Few-Step Constraint via Learnable Linear Extrapolation, NeurIPS 2025.
 */
import {
  type DeviceTensor,
  elementCount,
  type Runtime,
  type Scalar,
  type Shape,
  type Tensor,
} from "../../../engine/mod.ts";
import { add, matmul, reshape, sub, weightedSum } from "../../../kernels/mod.ts";
import { type Degradation, isLinear, type LinearOperator } from "../../../operators/mod.ts";
import type { RunTensors } from "../../steps/step.ts";

/** The coefficients of every step: list k has those of the predictions of the steps 0 to k. */
export interface Extrapolation {
  /** For what A measures of them. */
  readonly observed: readonly (readonly number[])[];
  /** For what A loses of them. */
  readonly free: readonly (readonly number[])[];
}

/**
 * Makes sure that there are coefficients for every prediction of every step, and that the operator tells what it measures.
 * @param sampler name for the message
 * @throws {RangeError} if a list is missing, or has another number of finite numbers; {TypeError} if the operator is not
 * linear
 */
export function checkExtrapolation(
  sampler: string,
  operator: Degradation,
  extrapolation: Extrapolation,
  steps: number,
): asserts operator is LinearOperator {
  if (!isLinear(operator)) {
    throw new TypeError(
      `Cannot run ${sampler} with extrapolation on "${operator.name}": the operator is not linear, one that is linear is ` +
        "needed, which tells what it measures of a picture",
    );
  }
  for (const part of ["observed", "free"] as const) {
    for (let k = 0; k < Math.max(steps, extrapolation[part].length); k++) {
      const list = extrapolation[part][k];
      if (k < steps && list?.length === k + 1 && list.every(Number.isFinite)) continue;
      const found = list === undefined ? "missing" : `${list.length} numbers long`;
      throw new RangeError(
        `Cannot run ${sampler} with extrapolation: list ${k} of the ${part} coefficients is ${found}, ${steps} lists of ` +
          "1, 2, ... finite numbers are needed, one for each step",
      );
    }
  }
}

/** The names of the tensors that a step with a mixture is given, besides its own. */
export type MixtureTensors = "history" | "observed" | "free" | "slot";

/** The scalars of such a step: the coefficients of its own prediction. */
export type MixtureScalars = "ownObserved" | "ownFree";

/** What a mixture makes. */
export interface Mixed {
  /** The mixture [N, H, W, C]. */
  readonly mixed: Tensor;
  /** All mixtures so far [steps, N H W C], to be given to the next step. */
  readonly history: Tensor;
}

/**
 * Records the mixture A^+ A o + (1 - A^+ A) f with o and f the sums of the predictions by both kinds of coefficients.
 * @param prediction that of the step [N, H, W, C]
 */
export function mixture(
  operator: LinearOperator,
  prediction: Tensor,
  { history, observed, free, slot }: Readonly<Record<MixtureTensors, Tensor>>,
  c: Readonly<Record<MixtureScalars, Scalar>>,
): Mixed {
  const sum = (coefficients: Tensor, own: Scalar): Tensor =>
    weightedSum([[1, reshape(matmul(coefficients, history), prediction.shape)], [own, prediction]]);
  const rest = sum(free, c.ownFree);
  const measured = sub(sum(observed, c.ownObserved), rest);
  const mixed = add(rest, operator.pseudoInverse(operator.forward(measured)));
  return { mixed, history: add(history, matmul(slot, reshape(mixed, [1, elementCount(mixed.shape)]))) };
}

/** The mixtures of a run. */
export interface Mixtures {
  /** Scalars of step k. */
  scalars(k: number): Readonly<Record<MixtureScalars, number>>;
  /** Tensors of step k; freed behind the step. */
  tensors(k: number): RunTensors<MixtureTensors>;
  /** Takes note of what a step made. */
  remember(history: DeviceTensor): void;
  release(): void;
}

/**
 * Prepares the mixtures of a run.
 * @param shape [N, H, W, C] of predictions
 */
export function mixtures(runtime: Runtime, shape: Shape, { observed, free }: Extrapolation): Mixtures {
  const steps = observed.length;
  const empty = runtime.upload(new Float32Array(steps * elementCount(shape)), [steps, elementCount(shape)]);
  let history = empty;
  const before = (list: readonly number[], k: number): DeviceTensor =>
    runtime.upload(Float32Array.from({ length: steps }, (_, j) => j < k ? list[j]! : 0), [1, steps]);
  return {
    scalars: (k) => ({ ownObserved: observed[k]![k]!, ownFree: free[k]![k]! }),
    tensors(k): RunTensors<MixtureTensors> {
      const own = {
        observed: before(observed[k]!, k),
        free: before(free[k]!, k),
        slot: runtime.upload(Float32Array.from({ length: steps }, (_, j) => j === k ? 1 : 0), [steps, 1]),
      };
      return { tensors: { history, ...own }, free: () => Object.values(own).forEach((tensor) => tensor.free()) };
    },
    remember(made): void {
      history = made;
    },
    release: () => empty.free(),
  };
}
