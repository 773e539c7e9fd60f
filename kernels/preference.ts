/** Which of several ways an operation shall take, as the caller of the runtime says. */
import type { Target } from "../engine/mod.ts";

/**
 * The algorithm that the preferences of the target ask for: by the name of the layer, otherwise by that of the operation.
 * @param op name of the operation
 * @param key name of the layer, shapes included
 * @param algorithms the names that there are
 * @param candidates those that can compute the layer
 * @param target where the preferences are
 * @returns the algorithm, or undefined for `auto` and without preference
 * @throws {RangeError} if the preference names no algorithm
 */
export function preferred<A extends string>(
  op: string,
  key: string,
  { algorithms, candidates }: { readonly algorithms: readonly A[]; readonly candidates: readonly A[] },
  target: Target,
): A | undefined {
  const { preferences } = target;
  target.noteLayer?.({ operation: op, key, algorithms: candidates });
  const name = preferences?.[key] !== undefined ? key : op;
  const wish = preferences?.[name] ?? "auto";
  if (wish === "auto") return undefined;
  const algorithm = algorithms.find((known) => known === wish);
  if (algorithm) return algorithm;
  const place = name === op ? "" : ` for "${name}"`;
  throw new RangeError(
    `Cannot build ${op}: the preference${place} is "${wish}", one of auto, ${algorithms.join(", ")} is needed`,
  );
}
