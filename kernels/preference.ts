/** Which of several ways an operation shall take, as the caller of the runtime says. */
import type { LayerChoice, Target } from "../engine/mod.ts";

/** What a preference may ask for. */
interface Choice<A extends string> extends Pick<LayerChoice, "takesFasterWeights"> {
  /** The names that there are. */
  readonly algorithms: readonly A[];
  /** Those that can compute the layer. */
  readonly candidates: readonly A[];
}

/**
 * The algorithm that the preferences of the target ask for: by the name of the layer, otherwise by that of the operation.
 * @param op name of the operation
 * @param key name of the layer, shapes included
 * @param target where the preferences are
 * @returns the algorithm, or undefined for `auto` and without preference
 * @throws {RangeError} if the preference names no algorithm
 */
export function preferred<A extends string>(
  op: string,
  key: string,
  { algorithms, candidates, ...more }: Choice<A>,
  target: Target,
): A | undefined {
  const { preferences } = target;
  target.noteLayer?.({ operation: op, key, algorithms: candidates, ...more });
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
