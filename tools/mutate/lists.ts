/** The lists of mutants beside this file. */
import { type Mutant, parseMutants, roomOf } from "./mutant.ts";

/** Where the lists are. */
export const LISTS = new URL("lists/", import.meta.url);

/**
 * All mutants of the lists of a folder, in the order of file names.
 * @throws {MutantError} if an entry of a list is no mutant
 */
export async function readLists(folder: URL = LISTS): Promise<readonly Mutant[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) if (name.endsWith(".json")) names.push(name);
  const lists = await Promise.all(
    names.sort().map(async (name) => parseMutants(await Deno.readTextFile(new URL(name, folder)), name)),
  );
  return lists.flat();
}

/** Which mutants a run is about. */
export interface Choice {
  /** All rooms by default. */
  readonly room?: string | undefined;
  /** How many mutants of each room, drawn by the seed; all by default. */
  readonly sample?: number | undefined;
  readonly seed: number;
}

/**
 * The mutants that a choice names, in the order of the list.
 * @throws {RangeError} if the list has no such room
 */
export function choose(mutants: readonly Mutant[], { room, sample, seed }: Choice): readonly Mutant[] {
  const rooms = [...new Set(mutants.map(roomOf))];
  if (room !== undefined && !rooms.includes(room)) {
    throw new RangeError(`Cannot choose mutants of "${room}": the lists have ${rooms.join(", ")}`);
  }
  const chosen = new Set<Mutant>();
  for (const name of room === undefined ? rooms : [room]) {
    const own = mutants.filter((mutant) => roomOf(mutant) === name);
    const keys = new Map(own.map((mutant, index) => [mutant, sample === undefined ? 0 : mixed(seed, index)]));
    const drawn = own.toSorted((a, b) => keys.get(a)! - keys.get(b)!).slice(0, sample ?? own.length);
    for (const mutant of drawn) chosen.add(mutant);
  }
  return mutants.filter((mutant) => chosen.has(mutant));
}

/** A 32-bit number that depends on every bit of both. */
function mixed(seed: number, index: number): number {
  let bits = Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
  return (bits ^ (bits >>> 16)) >>> 0;
}
