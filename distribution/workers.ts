/** Who is at work, as far as a coordinator hears of it. */
import type { Queue } from "./queue.ts";
import type { WorkerState } from "./wire.ts";

/** Milliseconds without a word after which a worker is taken for gone. */
const SILENCE = 15_000;

/** The workers of a queue. */
export class Workers implements Disposable {
  readonly #heard = new Map<string, { readonly state: WorkerState; readonly at: number }>();
  readonly #listening: Disposable;

  constructor(queue: Pick<Queue, "hearStates">, readonly note: (text: string) => void) {
    this.#listening = queue.hearStates((state) => this.#hear(state));
  }

  #hear(state: WorkerState): void {
    const { worker, adapter } = state;
    const before = this.#heard.get(worker);
    if (state.state === "leaving") {
      if (before) this.note(`Worker ${worker} has left after ${state.units} units`);
      this.#heard.delete(worker);
      return;
    }
    if (!before) this.note(`Worker ${worker} is there`);
    else if (before.state.adapter !== adapter) this.note(`Worker ${worker} computes with ${adapter}`);
    this.#heard.set(worker, { state, at: performance.now() });
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

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]();
  }
}
