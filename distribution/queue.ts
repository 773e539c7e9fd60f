// deno-lint-ignore-file camelcase -- settings of JetStream keep their spelling
/**
 * The queue of an evaluation on a NATS server: a work-queue stream of chunks, one of notices, and an object store with
 * pictures and results. It is a hint: what counts is what the coordinator has stored, and a queue that is lost is made anew.
 */
import {
  AckPolicy,
  type Consumer,
  DiscardPolicy,
  jetstream,
  type JetStreamClient,
  type JetStreamManager,
  jetstreamManager,
  type JsMsg,
  RetentionPolicy,
  StorageType,
} from "@nats-io/jetstream";
import { type ObjectInfo, type ObjectStore, Objm } from "@nats-io/obj";
import type { NatsConnection } from "@nats-io/transport-node";
import { UsageError } from "../parameters/mod.ts";
import type { Chunk } from "./chunks.ts";
import { QueueError } from "./connection.ts";
import { decode, encode, LIMITS, type Notice, type Offer, WireError, type WorkerState } from "./wire.ts";

/** Nanoseconds of a second. */
const NANOSECONDS = 1e9;

/** Milliseconds that a look for a message takes at most. */
const LOOK = 1000;

/** Seconds that the coordinator has to store a result before it is given to it again. */
const STORING = 20;

/** The object that describes the evaluation. */
const OFFER = "offer";

/** The name of the consumer that all workers share. */
const WORKERS = "workers";

/** The name of the consumer of the coordinator. */
const COORDINATOR = "coordinator";

/** JetStream's number for a subject that holds a message already. */
const SUBJECT_IS_FULL = 10077;

/** An object that was brought here. */
export interface Taken {
  /** Its bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Removes it from the queue. */
  drop(): Promise<void>;
}

/** How much waits in a queue. */
export interface Waiting {
  /** Chunks that are not done. */
  readonly chunks: number;
  /** Results that are not stored. */
  readonly results: number;
}

/**
 * Makes sure that a queue may have a name, which becomes a part of subjects.
 * @throws {UsageError} if it may not
 */
export function checkQueueName(name: string): void {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(name)) return;
  throw new UsageError(`--queue is "${name}", 1 to 64 letters, digits, - and _ are needed`);
}

/** The queue of one name. */
export class Queue {
  readonly #js: JetStreamClient;
  readonly #subject: string;
  readonly #chunks: string;
  readonly #results: string;
  readonly #bucket: string;
  #objects: Promise<ObjectStore> | undefined;
  readonly #consumers = new Map<string, Consumer>();

  private constructor(
    readonly connection: NatsConnection,
    /** The host of the server, for messages. */
    readonly host: string,
    /** The name of the queue. */
    readonly name: string,
    readonly jsm: JetStreamManager,
  ) {
    this.#js = jetstream(connection);
    this.#subject = `shortcut.${name}`;
    this.#chunks = `shortcut-${name}-chunks`;
    this.#results = `shortcut-${name}-results`;
    this.#bucket = `shortcut-${name}`;
  }

  /**
   * Opens a queue of a server, which need not be there yet.
   * @throws {UsageError} if the name cannot be one; {QueueError} if the server has no JetStream
   */
  static async open(connection: NatsConnection, host: string, name: string): Promise<Queue> {
    checkQueueName(name);
    try {
      return new Queue(connection, host, name, await jetstreamManager(connection));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new QueueError(
        `Cannot use ${host}: its JetStream does not answer (${reason}); start the server with nats-server -js, and ` +
          "give this user the permission to use it",
      );
    }
  }

  /** Makes what is missing of the queue. */
  async prepare(lease: number): Promise<void> {
    const stream = { retention: RetentionPolicy.Workqueue, storage: StorageType.File };
    await this.jsm.streams.add({
      ...stream,
      name: this.#chunks,
      subjects: [`${this.#subject}.chunk.*`],
      // What waits already is not taken twice, however long it has been waiting.
      max_msgs_per_subject: 1,
      discard: DiscardPolicy.New,
      discard_new_per_subject: true,
      duplicate_window: NANOSECONDS,
    });
    await this.jsm.streams.add({ ...stream, name: this.#results, subjects: [`${this.#subject}.result`] });
    const consumer = { ack_policy: AckPolicy.Explicit, max_deliver: -1 };
    const leased = { ack_wait: lease * NANOSECONDS, max_ack_pending: 65_536 };
    await this.jsm.consumers.add(this.#chunks, { ...consumer, ...leased, durable_name: WORKERS, max_waiting: 65_536 })
      .catch(() => this.jsm.consumers.update(this.#chunks, WORKERS, leased));
    await this.jsm.consumers.add(this.#results, {
      ...consumer,
      durable_name: COORDINATOR,
      ack_wait: STORING * NANOSECONDS,
    });
    await new Objm(this.connection).create(this.#bucket, { storage: StorageType.File });
  }

  /** Removes the queue with all that it holds. */
  async remove(): Promise<void> {
    for (const name of [this.#chunks, this.#results, `OBJ_${this.#bucket}`]) {
      await this.jsm.streams.delete(name).catch((error) => {
        if (!isMissing(error)) throw error;
      });
    }
  }

  /** How much waits; undefined if the queue, or a part of it, is not there. */
  async waiting(): Promise<Waiting | undefined> {
    try {
      // Chunks first: a worker gives its result away before it lets go of the chunk.
      const chunks = await this.jsm.streams.info(this.#chunks);
      const results = await this.jsm.streams.info(this.#results);
      const offer = await (await this.#store()).info(OFFER);
      if (offer === null || offer.deleted) return undefined;
      return { chunks: chunks.state.messages, results: results.state.messages };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Seconds that a worker has a chunk for, without saying that it is still at it. */
  async lease(): Promise<number> {
    const { config } = await this.jsm.consumers.info(this.#chunks, WORKERS);
    return (config.ack_wait ?? 30 * NANOSECONDS) / NANOSECONDS;
  }

  /**
   * Adds a chunk, unless it waits already.
   * @param attempt tells it from the same chunk when it was added before
   */
  async addChunk(plan: string, { id, units }: Chunk, attempt: string): Promise<void> {
    const bytes = encode("chunk", { plan, units: units.map((unit) => ({ ...unit })) });
    await this.#js.publish(`${this.#subject}.chunk.${id}`, bytes, { msgID: `${id}${attempt}` }).catch((error) => {
      if (error?.code !== SUBJECT_IS_FULL) throw error;
    });
  }

  /** The next chunk, as a message; undefined if there is none for a second. */
  async nextChunk(): Promise<JsMsg | undefined> {
    return await this.#next(this.#chunks, WORKERS);
  }

  /** Says that a result is in the store. */
  async addNotice(notice: Notice): Promise<void> {
    await this.#js.publish(`${this.#subject}.result`, encode("notice", notice));
  }

  /** The next notice of a result; undefined if there is none for a second. */
  async nextNotice(): Promise<JsMsg | undefined> {
    return await this.#next(this.#results, COORDINATOR);
  }

  async #next(stream: string, consumer: string): Promise<JsMsg | undefined> {
    // Looked up once, and again after a failure: each look for a message would be two questions otherwise.
    const found = this.#consumers.get(consumer) ?? await this.#js.consumers.get(stream, consumer);
    this.#consumers.set(consumer, found);
    let message: JsMsg | null = null;
    try {
      message = await found.next({ expires: LOOK });
    } finally {
      if (!message) this.#consumers.delete(consumer);
    }
    return message ?? undefined;
  }

  /** Puts what describes the evaluation. */
  async putOffer(offer: Offer): Promise<void> {
    await this.put(OFFER, encode("offer", offer));
  }

  /**
   * What describes the evaluation of the queue; undefined if there is none.
   * @throws {WireError} if it is no description that this program understands
   */
  async offer(): Promise<Offer | undefined> {
    try {
      const bytes = await this.take(OFFER, LIMITS.offer);
      return bytes && decode("offer", bytes);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** What tells the offer of the queue from others, without bringing it here; undefined if there is none. */
  async offerDigest(): Promise<string | undefined> {
    const info = await (await this.#store()).info(OFFER);
    return info === null || info.deleted ? undefined : info.digest;
  }

  /** Whether the store has an object. */
  async has(name: string): Promise<boolean> {
    const info = await (await this.#store()).info(name);
    return info !== null && !info.deleted;
  }

  /** Puts an object. */
  async put(name: string, bytes: Uint8Array): Promise<void> {
    await (await this.#store()).putBlob({ name }, bytes);
  }

  /**
   * The bytes of an object, whose checksum was compared; undefined if there is none.
   * @param limit most bytes that are taken
   * @throws {WireError} if it has more
   */
  async take(name: string, limit: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return (await this.takeOnce(name, limit))?.bytes;
  }

  /** The same, with what removes it. */
  async takeOnce(name: string, limit: number): Promise<Taken | undefined> {
    const store = await this.#store();
    const info = await store.info(name);
    if (info === null || info.deleted) return undefined;
    if (info.size > limit) {
      throw new WireError(
        `Cannot read "${name}" of the queue: it has ${info.size} bytes, at most ${limit} are allowed`,
      );
    }
    // Of one piece it is a message; for more of them the client makes a consumer, and removes it.
    const bytes = info.chunks === 1 ? await this.#onePiece(info) : await blobOf(store, name);
    return bytes && { bytes, drop: () => this.#purge(info) };
  }

  /** Removes an object, and its name, too. */
  async drop(name: string): Promise<void> {
    const info = await (await this.#store()).info(name);
    if (info !== null) await this.#purge(info);
  }

  /** The bytes of an object of one message, whose checksum is compared. */
  async #onePiece({ name, nuid, digest }: ObjectInfo): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const subject = `$O.${this.#bucket}.C.${nuid}`;
    const message = await this.jsm.streams.getMessage(`OBJ_${this.#bucket}`, { last_by_subj: subject });
    if (message === null) return undefined;
    const bytes = Uint8Array.from(message.data);
    const found = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toBase64({ alphabet: "base64url" });
    if (digest === `SHA-256=${found}`) return bytes;
    throw new WireError(`Cannot read "${name}" of the queue: its bytes do not have its checksum`);
  }

  /** Removes the pieces of an object, and its name, of which the client would leave a mark. */
  async #purge({ name, nuid }: ObjectInfo): Promise<void> {
    const key = new TextEncoder().encode(name).toBase64({ alphabet: "base64url" });
    const subjects = [`C.${nuid}`, `M.${key}`].map((subject) => `$O.${this.#bucket}.${subject}`);
    await Promise.all(subjects.map((filter) => this.jsm.streams.purge(`OBJ_${this.#bucket}`, { filter })));
  }

  async #store(): Promise<ObjectStore> {
    this.#objects ??= new Objm(this.connection).open(this.#bucket, true);
    return await this.#objects.catch((error) => {
      this.#objects = undefined;
      throw error;
    });
  }

  /**
   * Whether a coordinator is at work.
   * @param wait milliseconds that it has to answer
   */
  async hasCoordinator(wait = 2000): Promise<boolean> {
    try {
      await this.connection.request(`${this.#subject}.coordinator`, "", { timeout: wait });
      return true;
    } catch {
      return false;
    }
  }

  /** Answers those who ask for a coordinator, until it is disposed of. */
  answer(): Disposable {
    const subscription = this.connection.subscribe(`${this.#subject}.coordinator`, {
      callback: (_error, message) => void message.respond(),
    });
    return { [Symbol.dispose]: () => subscription.unsubscribe() };
  }

  /** Says what a worker is at; who is not there does not hear it. */
  tellState(state: WorkerState): void {
    if (!this.connection.isClosed()) this.connection.publish(`${this.#subject}.worker`, encode("state", state));
  }

  /** Hears what workers say of themselves, until it is disposed of; what does not fit is not heard. */
  hearStates(heard: (state: WorkerState) => void): Disposable {
    const subscription = this.connection.subscribe(`${this.#subject}.worker`, {
      callback: (_error, message) => {
        try {
          heard(decode("state", message.data));
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
        }
      },
    });
    return { [Symbol.dispose]: () => subscription.unsubscribe() };
  }

  /**
   * Goes on after a failure that may pass, such as a server that is away for a while.
   * @throws what does not pass: errors of this program, and a connection that is closed for good
   */
  async survive(error: unknown): Promise<void> {
    if (this.connection.isClosed()) {
      throw new QueueError(`Cannot go on: the connection to ${this.host} was closed; check the user, and start again`);
    }
    if (!mayPass(error)) throw error;
    await new Promise((resolve) => setTimeout(resolve, LOOK / 2));
  }
}

async function blobOf(store: ObjectStore, name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const bytes = await store.getBlob(name);
    return bytes === null ? undefined : Uint8Array.from(bytes);
  } catch (error) {
    if (!/corrupt|digest/.test(error instanceof Error ? error.message : "")) throw error;
    throw new WireError(`Cannot read "${name}" of the queue: its bytes do not have its checksum`);
  }
}

/** Whether a part of the queue is not there. */
export function isMissing(error: unknown): boolean {
  const text = error instanceof Error ? `${error.name} ${error.message}` : "";
  return /StreamNotFound|ConsumerNotFound|(stream|consumer|object store|bucket) not found/i.test(text);
}

/** Errors of this program and of its files, which no waiting helps. */
const LASTING = [
  "FileError",
  "ImageError",
  "InterruptedError",
  "QueueError",
  "RangeError",
  "ReferenceError",
  "SyntaxError",
  "TypeError",
  "UsageError",
  "WireError",
];

/** Whether an error may be of the connection or the server; the client throws many kinds. */
function mayPass(error: unknown): boolean {
  return error instanceof Error && !LASTING.includes(error.name);
}
