/** Who is at work, as far as a coordinator hears of it. */
import type { WorkerView } from "./overview.ts";
import type { Queue } from "./queue.ts";
import { Rate } from "./rate.ts";
import type { WorkerState } from "./wire.ts";

/** Milliseconds without a word after which a worker is taken for gone. */
const SILENCE = 15_000;

/** A worker that was heard of. */
interface Heard {
  readonly state: WorkerState;
  readonly at: number;
  readonly rate: Rate;
}

/** The workers of a queue. */
export class Workers implements Disposable {
  readonly #heard = new Map<string, Heard>();
  readonly #listening: Disposable;

  constructor(queue: Pick<Queue, "hearStates">, readonly note: (text: string) => void) {
    this.#listening = queue.hearStates((state) => this.#hear(state));
  }

  #hear(state: WorkerState): void {
    const { worker, adapter, units } = state;
    const before = this.#heard.get(worker);
    if (state.state === "leaving") {
      if (before) this.note(`Worker ${worker} has left after ${units} units`);
      this.#heard.delete(worker);
      return;
    }
    if (!before) this.note(`Worker ${worker} is there`);
    else if (before.state.adapter !== adapter) this.note(`Worker ${worker} computes with ${adapter}`);
    const rate = before?.rate ?? new Rate(units);
    rate.at(units);
    this.#heard.set(worker, { state, at: performance.now(), rate });
  }

  /** How many are there; says of those that fell silent that they did. */
  get count(): number {
    for (const [worker, { state, at }] of this.#heard) {
      if (performance.now() - at < SILENCE) continue;
      this.#heard.delete(worker);
      this.note(`Worker ${worker} (${state.adapter}) has fallen silent; its units go to others`);
    }
    return this.#heard.size;
  }

  /** Those that are there, in the order of their coming. */
  get views(): readonly WorkerView[] {
    return Array.from(this.#heard.values(), ({ state: { worker, adapter, state, units, failed }, rate }) => ({
      worker,
      adapter,
      state: state === "working" ? state : "waiting",
      units,
      failed,
      unitsPerSecond: rate.perSecond,
    }));
  }

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]();
  }
}
