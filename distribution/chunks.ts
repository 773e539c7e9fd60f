/** Cutting a plan into chunks: the units that one worker does together. */
import { hashOf, pairName, type PlannedUnit, type PlanUnits } from "../evaluation/mod.ts";

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
 * Places of units in groups that become chunks, one after the other, so that those of a large plan need no memory. They do
 * not depend on what is done already: a coordinator that starts again names their chunks as before.
 * @param units those of a plan; one that another stands for is left out
 * @param size most units of a group, at least 1
 */
export function* groupsOf(units: PlanUnits, size: number): Generator<readonly number[], void> {
  let group: number[] = [];
  let pair = "";
  for (let index = 0; index < units.length; index++) {
    if (units.firstOf(index) !== index) continue;
    const found = pairName(units.placeAt(index));
    if (group.length > 0 && (group.length >= size || pair !== found)) {
      yield group;
      group = [];
    }
    pair = found;
    group.push(index);
  }
  if (group.length > 0) yield group;
}
