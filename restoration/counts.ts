/** What a restoration asked of its network and its degradation, as the runtime counted it. */
import type { Runtime } from "../engine/mod.ts";
import { NETWORK } from "../models/mod.ts";
import { APPLICATIONS } from "../operators/mod.ts";

/**
 * What was computed for each picture. Followed images, such as particles, count for the picture that they are of; a
 * network that sees a picture in windows is evaluated once for all of them.
 */
export interface RunCounts {
  /** Network evaluations. */
  readonly nfe: number;
  /** Vector-Jacobian products with the network. */
  readonly vjp: number;
  /** A x; so counts a vector-Jacobian product with A^T. */
  readonly forward: number;
  /** A^T y; so counts a vector-Jacobian product with A. */
  readonly adjoint: number;
  /** A^+ y, or what stands for it where A is not linear: the estimate of a measurement, or a projection onto it. */
  readonly pseudoInverse: number;
  /** U, U^T, V or V^T of the singular value decomposition of A. */
  readonly spectral: number;
}

/** The names by which a runtime counts. */
const NAMES: Readonly<Record<keyof RunCounts, string>> = {
  nfe: NETWORK.name,
  vjp: NETWORK.reverse,
  forward: APPLICATIONS.forward.name,
  adjoint: APPLICATIONS.adjoint.name,
  pseudoInverse: APPLICATIONS.pseudoInverse.name,
  spectral: APPLICATIONS.spectral.name,
};

/** The counts by name, in the order of tables. */
const COUNT_NAMES = Object.keys(NAMES) as readonly (keyof RunCounts)[];

/**
 * Begins to count. What else the runtime does meanwhile counts too, if it is of a counted network or degradation.
 * @param pictures that are restored at once
 * @param before counts of a run that goes on
 * @returns gives the counts up to when it is called
 */
export function beginCounts(runtime: Runtime, pictures: number, before?: RunCounts): () => RunCounts {
  const start = runtime.statistics().applications;
  return () => {
    const now = runtime.statistics().applications;
    const countOf = (name: keyof RunCounts): number => {
      const [first, last] = [start, now].map((counts) => counts.get(NAMES[name]) ?? 0) as [number, number];
      return (before?.[name] ?? 0) + (last - first) / pictures;
    };
    return Object.fromEntries(COUNT_NAMES.map((name) => [name, countOf(name)])) as Record<keyof RunCounts, number>;
  };
}

/** Counts besides network evaluations, as people read them: `7 VJP, 7 A, 7 A^T`; those that are 0 are left out. */
export function describeCounts({ vjp, forward, adjoint, pseudoInverse, spectral }: RunCounts): string {
  const named = { VJP: vjp, A: forward, "A^T": adjoint, "A^+": pseudoInverse, "U or V": spectral };
  return Object.entries(named).filter(([, count]) => count > 0).map(([name, count]) => `${count} ${name}`).join(", ");
}
