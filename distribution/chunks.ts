/** Cutting a plan into chunks: the units that one worker does together. */
import { hashOf, pairName, type PlannedUnit } from "../evaluation/mod.ts";

/** Units of one task and method, and the name that follows from them. */
export interface Chunk {
  /** SHA-256 of the names of its units. */
  readonly id: string;
  /** The units, in the order of the plan. */
  readonly units: readonly PlannedUnit[];
}

/** The pictures of 64 x 64 that a chunk has as many pixels as, unless another size is asked for. */
const PICTURES = 8;

/** How many units a chunk has by default: as many as a batch. */
export function defaultChunk(size: number): number {
  return Math.max(1, Math.floor(PICTURES * 64 * 64 / (size * size)));
}

/** A chunk of some units. */
export async function chunkOf(units: readonly PlannedUnit[]): Promise<Chunk> {
  return { id: await hashOf(units.map(({ id }) => id)), units };
}

/**
 * Units in groups that become chunks, one after the other, so that those of a large plan need no memory. They do not depend
 * on what is done already: a coordinator that starts again names their chunks as before.
 * @param units each once, in the order of the plan
 * @param size most units of a group, at least 1
 */
export function* groupsOf(units: Iterable<PlannedUnit>, size: number): Generator<readonly PlannedUnit[], void> {
  let group: PlannedUnit[] = [];
  for (const unit of units) {
    if (group.length > 0 && (group.length >= size || pairName(group[0]!) !== pairName(unit))) {
      yield group;
      group = [];
    }
    group.push(unit);
  }
  if (group.length > 0) yield group;
}
