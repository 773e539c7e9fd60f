/** Filling a queue with the chunks of a plan, no further ahead of the workers than they need, so that it stays small. */
import { type PlannedUnit, type PlanUnits, readUnit, type Store } from "../evaluation/mod.ts";
import { chunkOf, groupsOf } from "./chunks.ts";
import type { Ledger } from "./ledger.ts";
import type { Queue } from "./queue.ts";

/** Chunks that are made, and on their way to the server, at once. */
const AT_ONCE = 64;

/** Units that are looked for in the store before results are taken again. */
const LOOKS = 16_384;

/** What a queue is filled with. */
export interface FillingOptions {
  /** What tells the units of the plan from those of others. */
  readonly plan: string;
  /** The units. */
  readonly units: PlanUnits;
  /** Where those are that were made before. */
  readonly store: Pick<Store, "read" | "has">;
  /** Most units of a chunk. */
  readonly size: number;
  /** Most chunks that wait. */
  readonly ahead: number;
  /** What is missing. */
  readonly ledger: Ledger;
  /** Throws if the user wants to stop. */
  check(): Promise<void>;
}

/** Units that belong together: all, by which their chunk is named, and those that are missing. */
interface Group {
  readonly all: readonly PlannedUnit[];
  readonly units: readonly PlannedUnit[];
}

/**
 * The way through the plan, which looks in the store on the way. It may be gone again: what is not missing any more is left
 * out then.
 */
export class Filling {
  #groups: Iterator<readonly number[], void>;
  #next: readonly Group[] = [];
  #round = 0;
  #waiting = 0;
  #isThrough = false;

  constructor(readonly queue: Pick<Queue, "addChunk">, readonly options: FillingOptions) {
    this.#groups = this.#begin();
  }

  /** Puts chunks there until enough of them wait, or much was found in the store. */
  async fill(): Promise<void> {
    const { queue, options: { plan, size, ahead, check } } = this;
    // Half empty: each look then has something to do for many workers.
    if (this.#waiting > ahead / 2) return;
    const attempt = this.#round === 0 ? "" : `.${this.#round}`;
    for (let looks = 0; this.#waiting < ahead && looks < LOOKS; looks += AT_ONCE * size) {
      await check();
      if (this.#next.length === 0) this.#next = await this.#take(Math.min(AT_ONCE, ahead - this.#waiting));
      if (this.#next.length === 0 && this.#isThrough) return;
      const outcomes = await Promise.allSettled(this.#next.map(async ({ all, units }) => {
        const { id } = await chunkOf(all);
        await queue.addChunk(plan, { id, units }, attempt);
      }));
      // After all of them: none may be on its way when they are sent once more.
      for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
      if (this.#next.length > 0) looks = 0;
      this.#waiting += this.#next.length;
      this.#next = [];
    }
  }

  /** A chunk has come back. */
  done(): void {
    this.#waiting = Math.max(0, this.#waiting - 1);
  }

  /** Nothing waits: goes on, or begins again with what is missing if all of it had been put there. */
  async refill(): Promise<void> {
    this.#waiting = 0;
    if (this.#isThrough && this.#next.length === 0) this.restart();
    await this.fill();
  }

  /** Begins again: the queue has lost what was there. */
  restart(): void {
    this.#round++;
    this.#groups = this.#begin();
    this.#next = [];
    this.#waiting = 0;
    this.#isThrough = false;
  }

  #begin(): Iterator<readonly number[], void> {
    const { units, size } = this.options;
    return groupsOf(units, size);
  }

  /** The next groups that may have something to do; none if all of them are stored, or there are no more. */
  async #take(most: number): Promise<readonly Group[]> {
    const { ledger } = this.options;
    const groups: Promise<Group>[] = [];
    while (groups.length < most) {
      const { done, value } = this.#groups.next();
      if (done) {
        this.#isThrough = true;
        break;
      }
      if (value.some((index) => ledger.isMissing(index))) groups.push(this.#look(value));
    }
    return (await Promise.all(groups)).filter(({ units }) => units.length > 0);
  }

  /** Names units, and looks which of them the store has not. */
  async #look(places: readonly number[]): Promise<Group> {
    const { ledger, store, units } = this.options;
    const looked = await Promise.all(places.map(async (index) => {
      const unit = await units.at(index);
      if (ledger.isMissing(index) && await readUnit(store, unit.id)) ledger.store(index);
      return { unit, isMissing: ledger.isMissing(index) };
    }));
    return {
      all: looked.map(({ unit }) => unit),
      units: looked.flatMap(({ unit, isMissing }) => isMissing ? [unit] : []),
    };
  }
}
