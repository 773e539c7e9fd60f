/** What of a plan is stored, missing or given up; counts are kept, and not made anew whenever one asks. */
import { type Failure, pairName, type Plan, type PlannedUnit } from "../evaluation/mod.ts";

/** The units of a plan and what came of them. */
export class Ledger {
  /** The units by their names, each once. */
  readonly units: ReadonlyMap<string, PlannedUnit>;
  /** Network evaluations of all units. */
  readonly evaluations: number;
  readonly #missing: Set<string>;
  readonly #failures = new Map<string, Failure>();
  readonly #costs: ReadonlyMap<string, number>;
  #evaluationsLeft: number;

  constructor({ units, pairs }: Pick<Plan, "units" | "pairs">) {
    const named = new Map<string, PlannedUnit>();
    for (const unit of units) if (!named.has(unit.id)) named.set(unit.id, unit);
    this.units = named;
    this.#missing = new Set(named.keys());
    this.#costs = new Map(pairs.map((pair) => [pairName(pair), pair.evaluations.actual]));
    let evaluations = 0;
    for (const unit of named.values()) evaluations += this.#cost(unit);
    this.evaluations = this.#evaluationsLeft = evaluations;
  }

  /** How many units are neither stored nor given up. */
  get missing(): number {
    return this.#missing.size;
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
  isMissing(id: string): boolean {
    return this.#missing.has(id);
  }

  /**
   * A unit is stored; one that was given up before counts, too.
   * @returns whether that is news
   */
  store(id: string): boolean {
    return this.#close(id) || this.#failures.delete(id);
  }

  /** A unit is given up, unless it is stored. */
  giveUp(id: string, reason: string): void {
    const unit = this.units.get(id);
    if (unit && this.#close(id)) this.#failures.set(id, { unit, reason, isDeviceLimit: false });
  }

  #close(id: string): boolean {
    if (!this.#missing.delete(id)) return false;
    this.#evaluationsLeft -= this.#cost(this.units.get(id)!);
    return true;
  }

  #cost(unit: PlannedUnit): number {
    return this.#costs.get(pairName(unit)) ?? 0;
  }
}
