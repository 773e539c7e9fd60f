/** A worker: takes chunks from the queue, restores their pictures, gives the results back, and lets go of the chunk last. */
import type { JsMsg } from "@nats-io/jetstream";
import { DeviceLostError } from "../engine/mod.ts";
import {
  type Failure,
  type Means,
  type PlannedUnit,
  runUnits,
  type Store,
  type Watch,
  type Work,
} from "../evaluation/mod.ts";
import { InterruptedError, writeAtomically } from "../io/mod.ts";
import { type Chunk, chunkOf } from "./chunks.ts";
import { isMissing, type Queue } from "./queue.ts";
import { checkUnits, isInput } from "./offer.ts";
import { UnitStore } from "./unit_store.ts";
import { type ChunkMessage, type ChunkResult, decode, encode, LIMITS, type Offer, WireError } from "./wire.ts";

/** How often a unit is tried before it is given up. */
export const TRIES = 5;

/** Seconds before a chunk that failed for want of a device or of memory is tried again, by whoever is free then. */
const PAUSE = 30;

/** Milliseconds between two messages of a worker about itself. */
const TELLING = 3000;

/** Devices that may be lost one after the other before a worker gives up. */
const LOST_DEVICES = 3;

/** What restores pictures. */
export interface Bench {
  /** What computes, for the coordinator and for messages. */
  readonly adapter: string;
  /** Makes units and stores them; gives those that failed. */
  run(work: Work, units: readonly PlannedUnit[], store: Store, watch: Watch): Promise<readonly Failure[]>;
  /** Lets go of the device. */
  close(): void;
}

/** A bench with an open network. */
export function benchOf(
  { close, runtime, ...means }: Pick<Means, "runtime" | "model" | "batch"> & Pick<Bench, "close">,
): Bench {
  return {
    adapter: runtime.description,
    run: (work, units, store, watch) => runUnits(work, units, { ...means, runtime, store, watch }),
    close,
  };
}

/** What a worker works with. */
export interface WorkerOptions {
  /** Makes work of an offer; what it throws ends the worker. */
  prepare(offer: Offer, fetch: (name: string) => Promise<string>): Promise<Work>;
  /** Opens what restores pictures; again after a device was lost. */
  open(offer: Offer, work: Work): Promise<Bench>;
  /** A folder for pictures and files, which the caller removes. */
  readonly folder: string;
  /** Throws if the user wants to stop. */
  check(): Promise<void>;
  /** Is told how far the work is; it may throw to stop. */
  readonly watch: Watch;
  /** Tells the user something. */
  readonly note: (text: string) => void;
  /** Seconds before a chunk that failed is tried again (default 30). */
  readonly pause?: number;
}

/** What a worker did. */
export interface Worked {
  /** Units that it made. */
  readonly units: number;
  /** Units that it could not make. */
  readonly failed: number;
}

/**
 * Works until the evaluation of the queue is over; waits for one if there is none yet.
 * @throws {UsageError} if the evaluation is of another network or version
 * @throws what `watch` throws, after the chunk was given back
 */
export async function work(queue: Queue, options: WorkerOptions): Promise<Worked> {
  return await new Worker(queue, options).run();
}

class Worker {
  readonly #id = crypto.getRandomValues(new Uint8Array(4)).toHex();
  #adapter = "no device yet";
  #state: "working" | "waiting" | "leaving" = "waiting";
  #units = 0;
  #failed = 0;
  #evaluations = 0;
  #lost = 0;
  #bench: Bench | undefined;

  constructor(readonly queue: Queue, readonly options: WorkerOptions) {}

  async run(): Promise<Worked> {
    const timer = setInterval(() => this.#tell(), TELLING);
    this.#tell();
    try {
      let last: Offer | undefined;
      for (let isWaiting = false;;) {
        await this.options.check();
        const offer = await this.#offer(last !== undefined);
        if (offer === "over") return { units: this.#units, failed: this.#failed };
        if (offer === undefined) {
          if (!isWaiting) this.options.note(`Waiting for an evaluation in "${this.queue.name}" at ${this.queue.host}`);
          isWaiting = true;
          await new Promise((resolve) => setTimeout(resolve, 500));
          continue;
        }
        last = offer;
        await this.#serve(offer);
      }
    } finally {
      clearInterval(timer);
      this.#close();
      this.#state = "leaving";
      this.#tell();
    }
  }

  /** The evaluation of the queue; "over" if it was there and neither it nor its coordinator are. */
  async #offer(wasThere: boolean): Promise<Offer | "over" | undefined> {
    try {
      const offer = await this.queue.offer();
      if (offer || !wasThere) return offer;
      return await this.queue.hasCoordinator() ? undefined : "over";
    } catch (error) {
      await this.queue.survive(error);
      return undefined;
    }
  }

  /** Works for one evaluation, until it is gone from the queue. */
  async #serve(offer: Offer): Promise<void> {
    const { options, queue } = this;
    this.#close();
    let work: Work;
    try {
      work = await options.prepare(offer, (name) => this.#fetch(name));
    } catch (error) {
      return await queue.survive(error);
    }
    options.note(`Worker ${this.#id} is at "${offer.title}", ${offer.images.length} pictures`);
    this.#tell();
    // Asked for often, and by every worker: the digest is small, however large the offer is.
    let digest: string | undefined;
    for (;;) {
      await options.check();
      try {
        digest ??= await queue.offerDigest();
        if (digest === undefined) return;
        const message = await queue.nextChunk();
        if (message && !(await this.#take(message, offer, work))) return;
        if (message) continue;
        if (await queue.offerDigest() !== digest) return;
      } catch (error) {
        if (isMissing(error)) return;
        await queue.survive(error);
      }
    }
  }

  /** Does a chunk; returns whether it is of this evaluation, and not of one that has taken its place. */
  async #take(message: JsMsg, offer: Offer, work: Work): Promise<boolean> {
    let chunk: ChunkMessage;
    try {
      chunk = decode("chunk", message.data);
    } catch (error) {
      this.options.note((error as Error).message);
      message.term();
      return true;
    }
    if (chunk.plan !== offer.plan) {
      message.nak();
      return false;
    }
    await checkUnits(work, chunk.units);
    const { deliveryCount } = message.info;
    if (deliveryCount > 1 && chunk.units.length > 1) await this.#split(message, offer, chunk.units);
    else if (deliveryCount > TRIES) {
      const reason = `${TRIES} workers had it, and each of them ended or was cut off before it was done`;
      await this.#deliver(message, offer, givenUp(chunk.units, reason));
    } else await this.#restore(message, offer, work, chunk.units);
    return true;
  }

  /** A chunk that comes again may hold a unit that ends every worker: its units go apart. */
  async #split(message: JsMsg, offer: Offer, units: readonly PlannedUnit[]): Promise<void> {
    for (const unit of units) await this.queue.addChunk(offer.plan, await chunkOf([unit]), "");
    message.ack();
  }

  async #restore(message: JsMsg, offer: Offer, work: Work, units: readonly PlannedUnit[]): Promise<void> {
    const { options } = this;
    const lease = await this.queue.lease();
    this.#state = "working";
    const beat = setInterval(() => message.working(), 1000 * lease / 3);
    try {
      const store = new UnitStore();
      const failures = await this.#run(message, offer, work, units, store);
      if (failures === undefined) return;
      const isLast = message.info.deliveryCount >= TRIES;
      const again = isLast ? [] : failures.filter(({ isDeviceLimit }) => isDeviceLimit);
      const final = failures.filter((failure) => !again.includes(failure));
      if (again.length > 0 && units.length === 1) {
        options.note(`${again[0]!.reason}; unit ${units[0]!.id} is left to another machine`);
        message.nak(1000 * (options.pause ?? PAUSE));
        return;
      }
      const result = store.result(units, final);
      const left = await Promise.all(again.map(({ unit }) => chunkOf([unit])));
      if (!(await this.#deliver(message, offer, result, left))) return;
      this.#units += result.records.length;
      this.#failed += final.length;
      this.#evaluations += result.records.reduce((sum, record) => sum + record.nfe, 0);
    } finally {
      clearInterval(beat);
      this.#state = "waiting";
    }
  }

  /** Restores units; undefined if that failed, and was said. */
  async #run(
    message: JsMsg,
    offer: Offer,
    work: Work,
    units: readonly PlannedUnit[],
    store: UnitStore,
  ): Promise<readonly Failure[] | undefined> {
    const { options } = this;
    try {
      this.#bench ??= await options.open(offer, work);
      this.#adapter = this.#bench.adapter.slice(0, 1000);
      const failures = await this.#bench.run(work, units, store, options.watch);
      this.#lost = 0;
      return failures;
    } catch (error) {
      if (error instanceof InterruptedError) {
        message.nak();
        throw error;
      }
      // The evaluation is over, and this was no part of it any more.
      if (!isMissing(error)) await this.#failedAt(message, offer, units, error);
      return undefined;
    }
  }

  /** A chunk that could not be done: another try later, or, after the last one, the reason for the coordinator. */
  async #failedAt(message: JsMsg, offer: Offer, units: readonly PlannedUnit[], error: unknown): Promise<void> {
    const { options } = this;
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof DeviceLostError) {
      this.#close();
      this.#lost++;
    }
    if (message.info.deliveryCount >= TRIES) {
      await this.#deliver(message, offer, givenUp(units, reason.slice(0, 4000)));
      this.#failed += units.length;
    } else {
      options.note(`${reason}; the units are tried again in ${options.pause ?? PAUSE} s`);
      message.nak(1000 * (options.pause ?? PAUSE));
    }
    if (this.#lost >= LOST_DEVICES) throw error;
  }

  /**
   * Gives a result to the coordinator and lets go of the chunk, however long the server is away.
   * @param left what of the chunk is for others
   * @returns whether it was delivered; not if the evaluation is over
   */
  async #deliver(
    message: JsMsg,
    offer: Offer,
    result: ChunkResult,
    left: readonly Chunk[] = [],
  ): Promise<boolean> {
    const object = `result/${crypto.randomUUID()}`;
    const bytes = encode("result", result);
    if (bytes.length > LIMITS.result) {
      throw new WireError(
        `Cannot send a result of ${bytes.length} bytes, at most ${LIMITS.result} are allowed; give the coordinator a ` +
          "smaller --chunk",
      );
    }
    try {
      await this.#patiently(async () => {
        for (const chunk of left) await this.queue.addChunk(offer.plan, chunk, "");
        await this.queue.put(object, bytes);
        await this.queue.addNotice({ plan: offer.plan, object, worker: this.#id, adapter: this.#adapter });
      });
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
    // Last: if that is lost, the chunk is done once more, and compared.
    message.ack();
    return true;
  }

  /** Does something with the server, however long that is away. */
  async #patiently<T>(action: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await action();
      } catch (error) {
        if (isMissing(error)) throw error;
        await this.options.check();
        await this.queue.survive(error);
      }
    }
  }

  /** Brings an input here, once; gives its path. */
  async #fetch(name: string): Promise<string> {
    const path = `${this.options.folder}/${name}`;
    if (await Deno.stat(path).then(() => true, () => false)) return path;
    const bytes = await this.#patiently(() => this.queue.take(`input/${name}`, LIMITS.input));
    if (!bytes || !(await isInput(name, bytes))) {
      throw new WireError(
        `Cannot read input ${name} of the queue: it is ${bytes ? "not what its name says" : "missing"}`,
      );
    }
    await writeAtomically(path, bytes);
    return path;
  }

  #close(): void {
    this.#bench?.close();
    this.#bench = undefined;
  }

  #tell(): void {
    this.queue.tellState({
      worker: this.#id,
      adapter: this.#adapter,
      units: this.#units,
      failed: this.#failed,
      evaluations: this.#evaluations,
      state: this.#state,
    });
  }
}

/** A result that says why there is none. */
function givenUp(units: readonly PlannedUnit[], reason: string): ChunkResult {
  return { units, records: [], failures: units.map(({ id }) => ({ id, reason })), pictures: {} };
}
