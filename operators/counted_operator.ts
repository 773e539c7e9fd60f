/** A degradation whose applications the runtime counts. */
import { type Counted, counted, type Tensor } from "../engine/mod.ts";
import { type Degradation, isLinear, type NonlinearOperator, type Operator, type SpectralForm } from "./operator.ts";

/** Applications of a degradation by what the runtime counts them as; the reverse of A is A^T, or its transposed derivative. */
export const APPLICATIONS: Readonly<Record<"forward" | "adjoint" | "pseudoInverse" | "spectral", Counted>> = {
  /** A x. */
  forward: { name: "forward", reverse: "adjoint" },
  /** A^T y. */
  adjoint: { name: "adjoint", reverse: "forward" },
  /** A^+ y, or what stands for it where the degradation is not linear: its estimate, or a projection. */
  pseudoInverse: { name: "pseudo-inverse", reverse: "pseudo-inverse" },
  /** One of U, U^T, V and V^T of the singular value decomposition. */
  spectral: { name: "spectral", reverse: "spectral" },
};

/** The map, whose applications count as `what`. */
function counting<A extends readonly unknown[]>(
  what: Counted,
  map: (tensor: Tensor, ...rest: A) => Tensor,
): (tensor: Tensor, ...rest: A) => Tensor {
  return (tensor, ...rest) => counted(what, tensor.shape[0]!, () => map(tensor, ...rest));
}

/**
 * The degradation, whose applications count. What one application does inside, such as steps of conjugate gradients for
 * A^+, is part of it.
 */
export function countedOperator<D extends Degradation>(operator: D): D {
  return { ...operator, ...countedMaps(operator) };
}

function countedMaps(operator: Degradation): Partial<Operator> {
  const { forward, adjoint, pseudoInverse, spectral } = APPLICATIONS;
  const shared = { forward: counting(forward, (x) => operator.forward(x)) };
  if (isLinear(operator)) {
    return {
      ...shared,
      adjoint: counting(adjoint, (y) => operator.adjoint(y)),
      pseudoInverse: counting(pseudoInverse, (y) => operator.pseudoInverse(y)),
      ...(operator.spectral && {
        spectral(): SpectralForm {
          const form = operator.spectral!();
          return {
            singularValues: form.singularValues,
            toSpectrum: counting(spectral, (x) => form.toSpectrum(x)),
            fromSpectrum: counting(spectral, (c) => form.fromSpectrum(c)),
            toMeasurement: counting(spectral, (c) => form.toMeasurement(c)),
            fromMeasurement: counting(spectral, (y) => form.fromMeasurement(y)),
          };
        },
      }),
    };
  }
  const { estimate, project } = operator as Partial<NonlinearOperator>;
  return {
    ...shared,
    ...(estimate && { estimate: counting(pseudoInverse, (y) => estimate.call(operator, y)) }),
    ...(project && {
      project: counting(pseudoInverse, (x, y: Tensor, to?: "nearest" | "middle") => project.call(operator, x, y, to)),
    }),
  };
}
