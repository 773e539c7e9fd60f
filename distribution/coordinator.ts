/** The coordinator: fills the queue with what the store has not, and takes results into the store until it has all. */
import type { JsMsg } from "@nats-io/jetstream";
import {
  evaluationsOf,
  type Failure,
  type PlannedUnit,
  readUnits,
  type Store,
  type Watch,
  type Work,
} from "../evaluation/mod.ts";
import { acceptResult, type Difference } from "./accept.ts";
import { type Chunk, chunksOf } from "./chunks.ts";
import { QueueError } from "./connection.ts";
import type { Input } from "./offer.ts";
import type { Queue } from "./queue.ts";
import { decode, LIMITS, type Notice, type Offer, WireError } from "./wire.ts";
import { Workers } from "./workers.ts";

/** How often the results of a unit are refused before it is given up. */
const REFUSALS = 5;

/** What a coordinator works with. */
export interface ServeOptions {
  /** The plan with what it is of. */
  readonly work: Work;
  /** How workers are told of it. */
  readonly offer: Offer;
  /** What they need besides. */
  readonly inputs: readonly Input[];
  /** Where units are kept. */
  readonly store: Store;
  /** Most units of a chunk. */
  readonly chunk: number;
  /** Seconds that a worker has a chunk for without a sign of life. */
  readonly lease: number;
  /** Whether another evaluation is removed from the queue. */
  readonly replace: boolean;
  /** Throws if the user wants to stop. */
  check(): Promise<void>;
  /** Is told how far the work is whenever that changes; it may throw to stop. */
  readonly watch: Watch;
  /** Tells the user something. */
  readonly note: (text: string) => void;
}

/** What came of serving. */
export interface Served {
  /** Units that were stored. */
  readonly restored: number;
  /** Units that nobody could make. */
  readonly failures: readonly Failure[];
  /** Units that came from two machines with other results. */
  readonly differences: readonly Difference[];
}

/**
 * Serves an evaluation until every unit is stored or given up, and removes the queue then. If it is stopped before, the queue
 * stays, workers go on, and the next coordinator takes what they have made.
 * @throws {QueueError} if another coordinator is at work there, or another evaluation waits there
 * @throws {FileError} if the disk does not take a result; it waits in the queue then
 * @throws what `watch` throws
 */
export async function serve(queue: Queue, options: ServeOptions): Promise<Served> {
  if (await queue.hasCoordinator()) {
    throw new QueueError(
      `Cannot serve in "${queue.name}" at ${queue.host}: another coordinator is at work there; choose another --queue`,
    );
  }
  using _answering = queue.answer();
  using workers = new Workers(queue, options.note);
  return await new Coordinator(queue, options, workers).run();
}

class Coordinator {
  readonly #units: ReadonlyMap<string, PlannedUnit>;
  readonly #missing: Set<string>;
  readonly #failures = new Map<string, Failure>();
  readonly #refusals = new Map<string, number>();
  readonly #differences: Difference[] = [];
  #chunks: readonly Chunk[] = [];
  #restored = 0;
  #rounds = 0;
  #shown = "";

  constructor(readonly queue: Queue, readonly options: ServeOptions, readonly workers: Workers) {
    this.#units = new Map(options.work.plan.units.map((unit) => [unit.id, unit]));
    this.#missing = new Set(this.#units.keys());
  }

  async run(): Promise<Served> {
    const { queue, options: { work: { plan }, store, chunk, note } } = this;
    for (const id of (await readUnits(store, this.#units.keys())).keys()) this.#missing.delete(id);
    this.#chunks = await chunksOf(plan, chunk);
    await this.#refuseOthers();
    await this.#establish();
    note(`Serving in "${queue.name}" at ${queue.host}; other machines join by evaluate work and this address`);
    // What workers made while there was no coordinator comes first, so that it is not made again.
    let isFilled = (await queue.waiting())?.results === 0 && await this.#fill();
    while (this.#missing.size > 0) {
      await this.#show();
      try {
        const message = await queue.nextNotice();
        if (message) await this.#take(message);
        else if (isFilled) await this.#mend();
        else isFilled = await this.#fill();
      } catch (error) {
        await queue.survive(error);
        if (await this.#isGone()) isFilled = await this.#renew();
      }
    }
    await this.#show();
    await queue.remove();
    return { restored: this.#restored, failures: [...this.#failures.values()], differences: this.#differences };
  }

  /** Removes another evaluation if that was asked for. */
  async #refuseOthers(): Promise<void> {
    const { queue, options: { offer: { plan }, replace, note } } = this;
    let title = "that another version left there";
    try {
      const found = await queue.offer();
      if (!found || found.plan === plan) return;
      title = `"${found.title}"`;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
    if (!replace) {
      throw new QueueError(
        `Cannot serve in "${queue.name}" at ${queue.host}: it holds the evaluation ${title}, which is not finished; ` +
          "go on with that one, choose another --queue, or remove it with --replace",
      );
    }
    await queue.remove();
    note(`Removed the evaluation ${title} from the queue`);
  }

  /** Makes the queue, with all that workers need; what is there already stays. */
  async #establish(): Promise<void> {
    const { queue, options: { inputs, offer, lease, watch } } = this;
    await queue.prepare(lease);
    for (const [index, { name, bytes }] of inputs.entries()) {
      const object = `input/${name}`;
      if (!(await queue.has(object))) await queue.put(object, await bytes());
      await watch("upload", index + 1, inputs.length);
    }
    await queue.putOffer(offer);
  }

  /** Adds every chunk of which something is missing, as far as it does not wait already. */
  async #fill(): Promise<true> {
    const { queue, options: { offer, watch } } = this;
    const attempt = this.#rounds === 0 ? "" : `.${this.#rounds}`;
    this.#rounds++;
    for (const [index, { id, units }] of this.#chunks.entries()) {
      const missing = units.filter((unit) => this.#missing.has(unit.id));
      if (missing.length > 0) await queue.addChunk(offer.plan, { id, units: missing }, attempt);
      await watch("publish", index + 1, this.#chunks.length);
    }
    return true;
  }

  /** Adds what is missing once more if nothing waits: the queue may have lost it, or its result was refused. */
  async #mend(): Promise<void> {
    const waiting = await this.queue.waiting();
    if (waiting === undefined) await this.#renew();
    else if (waiting.chunks === 0 && waiting.results === 0) await this.#fill();
  }

  async #isGone(): Promise<boolean> {
    try {
      return await this.queue.waiting() === undefined;
    } catch (error) {
      await this.queue.survive(error);
      return false;
    }
  }

  /** Makes a queue that is lost anew. */
  async #renew(): Promise<true> {
    this.options.note("The queue is not there any more; it is made anew with what is missing");
    await this.#establish();
    return await this.#fill();
  }

  async #take(message: JsMsg): Promise<void> {
    const { queue, options: { store, offer, work } } = this;
    let notice: Notice;
    try {
      notice = decode("notice", message.data);
    } catch (error) {
      this.options.note((error as Error).message);
      return message.term();
    }
    if (notice.plan === offer.plan) {
      try {
        const bytes = await queue.take(notice.object, LIMITS.result);
        if (bytes) {
          const result = decode("result", bytes);
          const { stored, differences } = await acceptResult({ work, units: this.#units }, result, store);
          for (const id of stored) this.#stored(id);
          for (const difference of differences) this.#differs(difference);
          for (const { id, reason } of result.failures) this.#failed(id, reason);
        }
      } catch (error) {
        if (error instanceof WireError) this.#refuse(notice, error);
        else {
          // The disk, most likely: the result waits for a coordinator that can store it.
          message.nak();
          throw error;
        }
      }
    }
    message.ack();
    await queue.drop(notice.object);
  }

  #stored(id: string): void {
    if (!this.#missing.delete(id) && !this.#failures.delete(id)) return;
    this.#failures.delete(id);
    this.#restored++;
  }

  #failed(id: string, reason: string): void {
    const unit = this.#units.get(id);
    if (!unit || !this.#missing.delete(id)) return;
    this.#failures.set(id, { unit, reason, isDeviceLimit: false });
  }

  #differs(difference: Difference): void {
    this.#differences.push(difference);
    const { unit: { id }, kept, other } = difference;
    this.options.note(`Unit ${id} came twice with other results: from ${kept}, which is kept, and from ${other}`);
  }

  /** Says why a result was refused; units of it come again, unless that happens too often. */
  #refuse({ worker, adapter }: Notice, error: WireError): void {
    this.options.note(`Refused a result of worker ${worker} (${adapter}): ${error.message}`);
    const count = (this.#refusals.get(worker) ?? 0) + 1;
    this.#refusals.set(worker, count);
    if (count < REFUSALS) return;
    throw new QueueError(
      `Cannot go on: ${count} results of worker ${worker} (${adapter}) were refused; stop it, and start again`,
    );
  }

  async #show(): Promise<void> {
    const { work: { plan }, watch, check } = this.options;
    await check();
    const now = [this.#missing.size, this.#failures.size, this.workers.count].join();
    if (now === this.#shown) return;
    this.#shown = now;
    const left = [...this.#missing].map((id) => this.#units.get(id)!);
    const [all, open] = [evaluationsOf(plan, plan.units), evaluationsOf(plan, left)];
    const { size } = this.#units;
    const figures = { units: size - left.length, failed: this.#failures.size, workers: this.workers.count };
    // Where no network is asked, units are all that there is to count.
    await (all > 0
      ? watch("evaluate, NFE", all - open, all, figures)
      : watch("evaluate, units", size - left.length, size, figures));
  }
}
