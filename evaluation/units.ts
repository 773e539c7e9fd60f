/** The units of a plan as a list that is never made: each is computed from its place. */
import type { Place, PlannedUnit } from "./plan.ts";
import { Runs, type Seeds } from "./seeds.ts";
import { canonical, hashOf, hashOfText } from "./store.ts";

/** A pair with all that decides its results, besides picture and seed. */
export interface KeyedPair extends Place {
  /** What decides them. */
  readonly key: Readonly<Record<string, unknown>>;
}

/** Units that are computed at once by those who go through all of them. */
const AT_ONCE = 64;

/**
 * The units of a plan: pair after pair, each with its runs, so that unit k is run k mod R of pair floor(k / R), R the number
 * of runs. Units of equal keys, as of a picture that is there twice, are one result: the first of them stands for all.
 */
export class PlanUnits implements AsyncIterable<PlannedUnit> {
  /** How many there are. */
  readonly length: number;
  readonly #pairs: readonly KeyedPair[];
  readonly #images: readonly { readonly sha256: string }[];
  readonly #seeds: Seeds;
  readonly #runs: Runs;
  readonly #keyTexts: readonly ((image: string, seed: number) => string)[];
  readonly #places: ReadonlyMap<string, number>;
  readonly #firstPairs: readonly number[];
  readonly #firstImages: readonly number[];

  /** The units of pairs, each with every picture and its seeds. */
  constructor(pairs: readonly KeyedPair[], images: readonly { readonly sha256: string }[], seeds: Seeds) {
    this.#pairs = pairs;
    this.#images = images;
    this.#seeds = seeds;
    this.#runs = new Runs(seeds, images.length);
    this.length = pairs.length * this.#runs.length;
    this.#keyTexts = pairs.map(({ key }) => keyTexts(key));
    this.#places = new Map(pairs.map(({ task, method }, place) => [`${task}/${method}`, place]));
    this.#firstPairs = firstPlaces(pairs.map(({ key }) => canonical(key)));
    // With a seed for each picture no two of them are one result.
    this.#firstImages = seeds === "each" ? images.map((_, at) => at) : firstPlaces(images.map(({ sha256 }) => sha256));
  }

  /** Pairs whose units no others stand for. */
  get pairs(): readonly Place[] {
    return this.#pairs.filter((_, place) => this.#firstPairs[place] === place);
  }

  /** How many results there are: units without those that another one stands for. */
  get results(): number {
    const passes = this.#images.length === 0 ? 0 : this.#runs.length / this.#images.length;
    return this.pairs.length * this.#firstImages.filter((first, place) => first === place).length * passes;
  }

  /** What a unit is of, without its name. */
  placeAt(index: number): Omit<PlannedUnit, "id"> {
    const { task, method } = this.#pairs[Math.floor(index / this.#runs.length)]!;
    return { task, method, ...this.#runs.at(index % this.#runs.length) };
  }

  /** The unit of a place in the plan, from 0. */
  async at(index: number): Promise<PlannedUnit> {
    const place = this.placeAt(index);
    const text = this.#keyTexts[Math.floor(index / this.#runs.length)]!(this.#images[place.image]!.sha256, place.seed);
    return { id: await hashOfText(text), ...place };
  }

  /** The place of a unit in the plan; -1 if the plan has none of that pair, picture and seed. */
  indexOf(unit: Omit<PlannedUnit, "id">): number {
    const pair = this.#places.get(`${unit.task}/${unit.method}`);
    const run = this.#runs.indexOf(unit);
    return pair === undefined || run < 0 ? -1 : pair * this.#runs.length + run;
  }

  /** The place of the unit that stands for one. */
  firstOf(index: number): number {
    const { length } = this.#runs;
    const image = index % length % this.#images.length;
    return this.#firstPairs[Math.floor(index / length)]! * length + index % length - image + this.#firstImages[image]!;
  }

  /** What tells these units from those of another plan: the hash of all that decides them. */
  async hash(): Promise<string> {
    const pairs = this.#pairs.map(({ task, method, key }) => ({ task, method, key }));
    return await hashOf({ pairs, images: this.#images.map(({ sha256 }) => sha256), seeds: this.#seeds });
  }

  /** All of them, in order. */
  async *[Symbol.asyncIterator](): AsyncGenerator<PlannedUnit, void> {
    for (let start = 0; start < this.length; start += AT_ONCE) {
      const count = Math.min(AT_ONCE, this.length - start);
      yield* await Promise.all(Array.from({ length: count }, (_, k) => this.at(start + k)));
    }
  }
}

/** For each text the place of the first that is equal to it. */
function firstPlaces(texts: readonly string[]): readonly number[] {
  const places = new Map<string, number>();
  return texts.map((text, place) => {
    const first = places.get(text) ?? place;
    places.set(text, first);
    return first;
  });
}

/** `canonical({ ...key, image, seed })` as a function of these two, with the rest made once. */
function keyTexts(key: KeyedPair["key"]): (image: string, seed: number) => string {
  const all: Readonly<Record<string, unknown>> = { ...key, image: "", seed: 0 };
  const names = Object.keys(all).filter((name) => all[name] !== undefined).sort();
  const entry = (name: string, value: unknown): string => `${JSON.stringify(name)}:${canonical(value)}`;
  const entries = names.map((name) => entry(name, all[name]));
  const [ofImage, ofSeed] = [names.indexOf("image"), names.indexOf("seed")];
  return (image, seed) =>
    `{${entries.with(ofImage, entry("image", image)).with(ofSeed, entry("seed", seed)).join(",")}}`;
}
