/** The coordinator: fills the queue with what the store has not, and takes results into the store until it has all. */
import type { JsMsg } from "@nats-io/jetstream";
import { type Failure, type PlanUnits, type Store, unitsOf, type Watch, type Work } from "../evaluation/mod.ts";
import { type Accepted, acceptResult, type Difference } from "./accept.ts";
import { QueueError } from "./connection.ts";
import { Filling } from "./filling.ts";
import { Ledger } from "./ledger.ts";
import { serveMetrics } from "./metrics.ts";
import type { Input } from "./offer.ts";
import { metricsText, type Overview } from "./overview.ts";
import type { Queue, Taken } from "./queue.ts";
import { Rate } from "./rate.ts";
import { type ChunkResult, decode, LIMITS, type Notice, type Offer, WireError } from "./wire.ts";
import { Workers } from "./workers.ts";

/** How often the results of a unit are refused before it is given up. */
const REFUSALS = 5;

/** The most chunks that wait in a queue: some for each of a thousand workers, and no more than a server holds easily. */
const AHEAD = 8192;

/** Results that are on their way here at once: a question to the server takes longer than to store what it answers. */
const TAKERS = 8;

/** Milliseconds between two overviews. */
const TELLING = 5000;

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
  /** Most chunks that wait in the queue (default 8192). */
  readonly ahead?: number;
  /** The port of this machine where metrics are served; none by default. */
  readonly metrics?: number | undefined;
  /** Throws if the user wants to stop. */
  check(): Promise<void>;
  /** Is told how far the work is whenever that changes; it may throw to stop. */
  readonly watch: Watch;
  /** Is told every few seconds how far the work and every worker is. */
  readonly view?: (overview: Overview) => void;
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
  const coordinator = new Coordinator(queue, options, workers);
  const { metrics } = options;
  if (metrics === undefined) return await coordinator.run();
  await using _serving = serveMetrics(metrics, () => metricsText(coordinator.overview));
  options.note(`Metrics are at http://127.0.0.1:${metrics}/metrics`);
  return await coordinator.run();
}

class Coordinator {
  readonly #all: PlanUnits;
  readonly #ledger: Ledger;
  readonly #filling: Filling;
  readonly #refusals = new Map<string, number>();
  readonly #differences: Difference[] = [];
  #restored = 0;
  /** Network evaluations of the units that came of results. */
  #made = 0;
  readonly #units = new Rate(0);
  readonly #evaluations = new Rate(0);
  readonly #takers = new Set<Promise<boolean>>();
  #hasTaken = false;
  /** Results that were taken from the queue and are not stored yet. */
  #taking = 0;
  #storing: Promise<unknown> = Promise.resolve();
  #shown = "";
  #told = -Infinity;

  constructor(readonly queue: Queue, readonly options: ServeOptions, readonly workers: Workers) {
    const { work, offer: { plan }, chunk: size, ahead = AHEAD, store } = options;
    const units = this.#all = unitsOf(work);
    const ledger = this.#ledger = new Ledger(units, work.plan);
    this.#filling = new Filling(queue, { plan, units, store, size, ahead, ledger, check: () => this.#show() });
  }

  async run(): Promise<Served> {
    const { queue } = this;
    // What workers made while there was no coordinator is taken first, so that it is not made again.
    let mayFill = false;
    let isThere = false;
    try {
      while (!isThere || this.#ledger.missing > 0) {
        await this.#show();
        try {
          if (!isThere) mayFill = await this.#establish();
          isThere = true;
          if (mayFill) await this.#filling.fill();
          if (await this.#takeNext() || this.#taking > 0) continue;
          if (mayFill) isThere = await this.#mend();
          else mayFill = true;
        } catch (error) {
          await queue.survive(error);
          if (isThere && await this.#isGone()) isThere = this.#lose();
        }
      }
    } finally {
      await Promise.allSettled(this.#takers);
    }
    await this.#show();
    this.options.view?.(this.overview);
    await this.#remove();
    return { restored: this.#restored, failures: this.#ledger.failures, differences: this.#differences };
  }

  /** How far it is. */
  get overview(): Overview {
    const { size, missing, failed, evaluations, evaluationsLeft } = this.#ledger;
    const stored = size - missing - failed;
    // Where no network is asked, units are all that there is to count.
    const [rate, left] = evaluations > 0
      ? [this.#evaluations.perSecond, evaluationsLeft]
      : [this.#units.perSecond, missing];
    return {
      units: size,
      stored,
      failed,
      differences: this.#differences.length,
      unitsPerSecond: this.#units.perSecond,
      ...(rate > 0 || missing === 0 ? { secondsLeft: missing === 0 ? 0 : left / rate } : {}),
      workers: this.workers.views,
    };
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

  /**
   * Makes the queue, with all that workers need; what is there already stays.
   * @returns whether no results wait there
   */
  async #establish(): Promise<boolean> {
    const { queue, options: { inputs, offer, lease, watch, note } } = this;
    await this.#refuseOthers();
    await queue.prepare(lease);
    for (const [index, { name, bytes }] of inputs.entries()) {
      const object = `input/${name}`;
      if (!(await queue.has(object))) await queue.put(object, await bytes());
      await watch("upload", index + 1, inputs.length);
    }
    await queue.putOffer(offer);
    note(`Serving in "${queue.name}" at ${queue.host}; other machines join by evaluate work and this address`);
    return (await queue.waiting())?.results === 0;
  }

  /** Adds what is missing once more if nothing waits; returns whether the queue is there. */
  async #mend(): Promise<boolean> {
    const waiting = await this.queue.waiting();
    if (waiting === undefined) return this.#lose();
    // The queue may have lost it, or its result was refused.
    if (waiting.chunks === 0 && waiting.results === 0) await this.#filling.refill();
    return true;
  }

  async #isGone(): Promise<boolean> {
    try {
      return await this.queue.waiting() === undefined;
    } catch (error) {
      await this.queue.survive(error);
      return false;
    }
  }

  /** The queue is lost, and has to be made anew. */
  #lose(): false {
    this.options.note("The queue is not there any more; it is made anew with what is missing");
    this.#filling.restart();
    return false;
  }

  /** Removes the queue, however long the server is away. */
  async #remove(): Promise<void> {
    for (;;) {
      try {
        return await this.queue.remove();
      } catch (error) {
        await this.options.check();
        await this.queue.survive(error);
      }
    }
  }

  /**
   * Takes results, several at once, until one of them is in the store, or there was none for a second.
   * @returns whether there was one
   */
  async #takeNext(): Promise<boolean> {
    // Where there was none a moment ago, one question at a time is enough.
    const most = this.#hasTaken ? TAKERS : 1;
    while (this.#takers.size < most) this.#takers.add(this.#takeOne());
    const [first] = await Promise.race(Array.from(this.#takers, (taker) => taker.then(() => [taker], () => [taker])));
    this.#takers.delete(first!);
    return this.#hasTaken = await first!;
  }

  async #takeOne(): Promise<boolean> {
    const message = await this.queue.nextNotice();
    if (!message) return false;
    this.#taking++;
    try {
      await this.#take(message);
      return true;
    } finally {
      this.#taking--;
    }
  }

  async #take(message: JsMsg): Promise<void> {
    const { queue, options: { offer } } = this;
    let notice: Notice;
    try {
      notice = decode("notice", message.data);
    } catch (error) {
      this.options.note((error as Error).message);
      return message.term();
    }
    let taken: Taken | undefined;
    if (notice.plan === offer.plan) {
      this.#filling.done();
      try {
        taken = await queue.takeOnce(notice.object, LIMITS.result);
        if (taken) await this.#accept(decode("result", taken.bytes));
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
    await (taken ? taken.drop() : queue.drop(notice.object));
  }

  /** Stores a result, one after the other: the same unit from two machines is compared. */
  async #accept(result: ChunkResult): Promise<void> {
    const { store, work } = this.options;
    const before = this.#storing;
    const storing = before.then(() => acceptResult({ work, units: this.#all }, result, store));
    this.#storing = storing.catch(() => {});
    this.#count(await storing);
  }

  #count({ stored, there, differences, failures }: Accepted): void {
    const ledger = this.#ledger;
    for (const index of there) ledger.store(index);
    const news = stored.filter((index) => ledger.store(index));
    this.#restored += news.length;
    for (const { index, unit, reason } of failures) if (ledger.giveUp(index, unit, reason)) news.push(index);
    this.#made += news.reduce((sum, index) => sum + ledger.costOf(index), 0);
    for (const difference of differences) this.#differs(difference);
    this.#units.at(this.#restored);
    this.#evaluations.at(this.#made);
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
    const { watch, check, view } = this.options;
    await check();
    const { size, missing, failed, evaluations, evaluationsLeft } = this.#ledger;
    const workers = this.workers.count;
    if (view && performance.now() - this.#told >= TELLING) {
      this.#told = performance.now();
      view(this.overview);
    }
    const now = [missing, failed, workers].join();
    if (now === this.#shown) return;
    this.#shown = now;
    const { unitsPerSecond, secondsLeft } = this.overview;
    const units = size - missing;
    const rate = { unitsPerSecond: Math.round(100 * unitsPerSecond) / 100 };
    const left = secondsLeft === undefined ? {} : { secondsLeft: Math.round(secondsLeft) };
    const figures = { units, failed, workers, ...rate, ...left };
    await (evaluations > 0
      ? watch("evaluate, NFE", evaluations - evaluationsLeft, evaluations, figures)
      : watch("evaluate, units", units, size, figures));
  }
}
