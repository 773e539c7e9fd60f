/** Filling a queue with the chunks of a plan, no further ahead of the workers than they need, so that it stays small. */
import type { PlannedUnit } from "../evaluation/mod.ts";
import { chunkOf, groupsOf } from "./chunks.ts";
import type { Ledger } from "./ledger.ts";
import type { Queue } from "./queue.ts";

/** Chunks that are on their way to the server at once. */
const AT_ONCE = 64;

/** What a queue is filled with. */
export interface FillingOptions {
  /** What tells the units of the plan from those of others. */
  readonly plan: string;
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

/** The way through the plan. It may be gone again: what is not missing any more is left out then. */
export class Filling {
  #groups: Iterator<readonly PlannedUnit[], void>;
  #next: readonly Group[] = [];
  #round = 0;
  #waiting = 0;
  #isThrough = false;

  constructor(readonly queue: Pick<Queue, "addChunk">, readonly options: FillingOptions) {
    this.#groups = this.#begin();
  }

  /** Puts chunks there until enough of them wait. */
  async fill(): Promise<void> {
    const { queue, options: { plan, ahead, check } } = this;
    // Half empty: each look then has something to do for many workers.
    if (this.#isThrough || this.#waiting > ahead / 2) return;
    const attempt = this.#round === 0 ? "" : `.${this.#round}`;
    while (this.#waiting < ahead) {
      await check();
      if (this.#next.length === 0) this.#next = this.#take(Math.min(AT_ONCE, ahead - this.#waiting));
      if (this.#next.length === 0) {
        this.#isThrough = true;
        return;
      }
      const outcomes = await Promise.allSettled(this.#next.map(async ({ all, units }) => {
        const { id } = await chunkOf(all);
        await queue.addChunk(plan, { id, units }, attempt);
      }));
      // After all of them: none may be on its way when they are sent once more.
      for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
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

  #begin(): Iterator<readonly PlannedUnit[], void> {
    const { ledger, size } = this.options;
    return groupsOf(ledger.units.values(), size);
  }

  #take(most: number): readonly Group[] {
    const taken: Group[] = [];
    while (taken.length < most) {
      const { done, value } = this.#groups.next();
      if (done) break;
      const units = value.filter(({ id }) => this.options.ledger.isMissing(id));
      if (units.length > 0) taken.push({ all: value, units });
    }
    return taken;
  }
}
