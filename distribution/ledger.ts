/** What of a plan is stored, missing or given up: a bit for each unit, and counts that are not made anew whenever one asks. */
import { costsOf, type Failure, type Plan, type PlannedUnit, type PlanUnits } from "../evaluation/mod.ts";

/** The units of a plan by their places, and what came of them. */
export class Ledger {
  /** How many there are, each result once. */
  readonly size: number;
  /** Network evaluations of all of them. */
  readonly evaluations: number;
  readonly #units: PlanUnits;
  readonly #costOf: ReturnType<typeof costsOf>;
  /** A bit for each unit that is not missing any more. */
  readonly #closed: Uint8Array;
  readonly #failures = new Map<number, Failure>();
  #missing: number;
  #evaluationsLeft: number;

  /** Begins with all units missing. */
  constructor(units: PlanUnits, plan: Pick<Plan, "pairs">) {
    this.#units = units;
    this.#costOf = costsOf(plan);
    this.#closed = new Uint8Array(Math.ceil(units.length / 8));
    this.size = this.#missing = units.results;
    const runs = this.size / Math.max(1, units.pairs.length);
    this.evaluations = this.#evaluationsLeft = units.pairs.reduce((sum, pair) => sum + runs * this.#costOf(pair), 0);
  }

  /** How many units are neither stored nor given up. */
  get missing(): number {
    return this.#missing;
  }

  /** Network evaluations of these. */
  get evaluationsLeft(): number {
    return this.#evaluationsLeft;
  }

  /** Units that nobody could make. */
  get failures(): readonly Failure[] {
    return [...this.#failures.values()];
  }

  /** How many these are. */
  get failed(): number {
    return this.#failures.size;
  }

  /** Whether a unit is neither stored nor given up. */
  isMissing(index: number): boolean {
    const first = this.#units.firstOf(index);
    return (this.#closed[first >> 3]! >> (first & 7) & 1) === 0;
  }

  /**
   * A unit is stored; one that was given up before counts, too.
   * @returns whether that is news
   */
  store(index: number): boolean {
    return this.#close(index) || this.#failures.delete(this.#units.firstOf(index));
  }

  /**
   * A unit is given up, unless it is stored.
   * @returns whether that is news
   */
  giveUp(index: number, unit: PlannedUnit, reason: string): boolean {
    if (!this.#close(index)) return false;
    this.#failures.set(this.#units.firstOf(index), { unit, reason, isDeviceLimit: false });
    return true;
  }

  /** Network evaluations of a unit. */
  costOf(index: number): number {
    return this.#costOf(this.#units.placeAt(index));
  }

  #close(index: number): boolean {
    if (!this.isMissing(index)) return false;
    const first = this.#units.firstOf(index);
    this.#closed[first >> 3]! |= 1 << (first & 7);
    this.#missing--;
    this.#evaluationsLeft -= this.costOf(first);
    return true;
  }
}
