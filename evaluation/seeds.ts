/** The seeds of a study: a list that every picture is restored with, or one for each picture. */
import { UsageError } from "../parameters/mod.ts";
import { shown } from "./json.ts";

/** Seeds for every picture, or "each": picture k, counted from 0, has seed k, so that no two share their noise. */
export type Seeds = readonly number[] | "each";

const EACH = "each";

/** The largest seed. */
const MOST = 2 ** 32 - 1;

/**
 * Seeds as a study holds them: a number, a list of numbers, "each", or a text such as "0,1,5" or "0-4".
 * @param place where they were found, for messages
 * @throws {UsageError} naming the place
 */
export function readSeeds(found: unknown, place: string): Seeds {
  if (found === EACH) return EACH;
  const list = typeof found === "string" ? parseSeeds(found, place) : Array.isArray(found) ? found : [found];
  const foreign = list.find((seed: unknown) => !Number.isInteger(seed) || Number(seed) < 0 || Number(seed) > MOST);
  if (list.includes(foreign)) throw refusal(foreign, place);
  if (list.length === 0) throw new UsageError(`${place} is an empty list, at least one seed is needed`);
  const seen = new Set<unknown>();
  const repeated = list.find((seed: unknown) => seen.size === seen.add(seed).size);
  if (repeated !== undefined) throw new UsageError(`${place} holds ${repeated} twice; leave one of them out`);
  return list;
}

function parseSeeds(text: string, place: string): readonly number[] {
  return text.split(",").flatMap((part) => {
    const [, first, last] = /^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$/.exec(part) ?? [];
    const [from, to] = [Number(first), Number(last ?? first)];
    if (first === undefined || to < from || to - from > 1e6) throw refusal(text, place);
    return Array.from({ length: to - from + 1 }, (_, k) => from + k);
  });
}

function refusal(found: unknown, place: string): UsageError {
  return new UsageError(
    `${place} holds ${
      shown(found)
    }, whole numbers from 0 to ${MOST} are needed, such as 0,1,2 or 0-4, or "${EACH}" alone`,
  );
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

/** A picture with a seed. */
export interface Run {
  /** Place of the picture in the plan, from 0. */
  readonly image: number;
  /** Seed of all that is drawn. */
  readonly seed: number;
}

/** What every pair of a plan is run with, in order: all pictures with their first seed, then all with their second one. */
export class Runs {
  /** How many there are. */
  readonly length: number;
  readonly #seeds: Seeds;
  readonly #images: number;
  /** Places of the seeds in their list; made when one is looked for, as it is larger than the list. */
  #places: ReadonlyMap<number, number> | undefined;

  /** The runs of so many pictures. */
  constructor(seeds: Seeds, images: number) {
    this.#seeds = seeds;
    this.#images = images;
    this.length = images * seedsOf(seeds, 0).length;
  }

  /** The run of a place, from 0. */
  at(place: number): Run {
    const image = place % this.#images;
    return { image, seed: seedsOf(this.#seeds, image)[Math.floor(place / this.#images)]! };
  }

  /** The place of a run; -1 if it is none of these. */
  indexOf({ image, seed }: Run): number {
    const pass = this.#seeds === EACH ? (seed === image ? 0 : undefined) : this.#passOf(this.#seeds, seed);
    if (pass === undefined || !Number.isInteger(image) || image < 0 || image >= this.#images) return -1;
    return image + this.#images * pass;
  }

  #passOf(seeds: readonly number[], seed: number): number | undefined {
    this.#places ??= new Map(seeds.map((each, place) => [each, place]));
    return this.#places.get(seed);
  }
}
