/** Cutting a plan into chunks: the units that one worker does together. */
import { hashOf, pairName, type Plan, type PlannedUnit } from "../evaluation/mod.ts";

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
 * All units of a plan in chunks. They do not depend on what is done already, so that a coordinator that starts again names
 * them as before.
 * @param size most units of a chunk, at least 1
 */
export async function chunksOf({ units }: Pick<Plan, "units">, size: number): Promise<readonly Chunk[]> {
  const groups: PlannedUnit[][] = [];
  for (const unit of new Map(units.map((unit) => [unit.id, unit])).values()) {
    const last = groups.at(-1);
    if (last && last.length < size && pairName(last[0]!) === pairName(unit)) last.push(unit);
    else groups.push([unit]);
  }
  return await Promise.all(groups.map(chunkOf));
}
