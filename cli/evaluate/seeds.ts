/** The seeds of an evaluation: a list that every picture is restored with, or one for each picture. */
import { UsageError } from "../../parameters/mod.ts";

/** Seeds for every picture, or "each": picture k, counted from 0, has seed k, so that no two share their noise. */
export type Seeds = readonly number[] | typeof EACH;

const EACH = "each";

/** The largest seed. */
const MOST = 2 ** 32 - 1;

/**
 * Seeds as a configuration holds them: a number, a list of numbers, or "each".
 * @param place where they were found, for messages
 * @throws {UsageError} naming the place
 */
export function readSeeds(found: unknown, place: string): Seeds {
  if (found === EACH) return EACH;
  const list: readonly unknown[] = Array.isArray(found) ? found : [found];
  for (const seed of list) {
    if (typeof seed === "number" && Number.isInteger(seed) && seed >= 0 && seed <= MOST) continue;
    throw new UsageError(
      `${place} holds ${JSON.stringify(seed)}, whole numbers from 0 to ${MOST} are needed, or "${EACH}" alone`,
    );
  }
  if (list.length === 0) throw new UsageError(`${place} is an empty list, at least one seed is needed`);
  const repeated = list.find((seed, index) => list.indexOf(seed) !== index);
  if (repeated !== undefined) throw new UsageError(`${place} holds ${repeated} twice; leave one of them out`);
  return list as readonly number[];
}

/**
 * Seeds of a command line: `0,1,5`, `0-4` or `each`.
 * @throws {UsageError} if they are none of these
 */
export function parseSeeds(text: string): Seeds {
  if (text === EACH) return EACH;
  const seeds = text.split(",").flatMap((part) => {
    const [, first, last] = /^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$/.exec(part) ?? [];
    const [from, to] = [Number(first), Number(last ?? first)];
    if (first === undefined || to < from || to - from > 1e6) {
      throw new UsageError(`--seeds is "${text}", numbers such as 0,1,2 or 0-4, or ${EACH}, are needed`);
    }
    return Array.from({ length: to - from + 1 }, (_, k) => from + k);
  });
  return readSeeds(seeds, "--seeds");
}

/** The seeds of a picture. */
export function seedsOf(seeds: Seeds, image: number): readonly number[] {
  return seeds === EACH ? [image] : seeds;
}

/** The seeds in words, such as "3 seeds". */
export function countSeeds(seeds: Seeds): string {
  if (seeds === EACH) return "a seed each";
  return seeds.length === 1 ? "1 seed" : `${seeds.length} seeds`;
}

/** The seeds themselves, where they are few. */
export function listSeeds(seeds: Seeds): string {
  return seeds === EACH || seeds.length > 8 ? countSeeds(seeds) : seeds.join(", ");
}
