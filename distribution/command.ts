/** Serving and working by the options of a command line. */
import type { Store, Study, Watch, Work } from "../evaluation/mod.ts";
import { numberOf, type OptionValues, textOf, UsageError } from "../parameters/mod.ts";
import { parseAddress } from "./address.ts";
import { defaultChunk } from "./chunks.ts";
import { connectTo } from "./connection.ts";
import { serve, type Served } from "./coordinator.ts";
import type { Overview } from "./overview.ts";
import { checkOffer, makeOffer, type WorkerInputs, workOf } from "./offer.ts";
import { checkQueueName, Queue } from "./queue.ts";
import type { Offer } from "./wire.ts";
import { type Bench, work, type Worked } from "./worker.ts";

/** The name of a queue where none is given. */
const QUEUE = "evaluation";

/** Seconds of a lease where none are given. */
const LEASE = 60;

/** What an evaluation that is served works with. */
export interface Serving {
  /** The plan with what it is of. */
  readonly work: Work;
  /** What it was made of. */
  readonly study: Study;
  /** Where units are kept. */
  readonly store: Store;
  /** Is told how far the work is; it may throw to stop. */
  readonly watch: Watch;
  /** Is told every few seconds how far the work and every worker is. */
  readonly view: (overview: Overview) => void;
  /** Tells the user something. */
  readonly note: (text: string) => void;
  /** Throws if the user wants to stop. */
  readonly check: () => Promise<void>;
}

/**
 * Serves an evaluation at the server that `--serve` names, until it is done.
 * @param values of `SERVE_OPTIONS`
 * @throws {UsageError} if options do not fit; {QueueError} if the server cannot be used
 */
export async function serveEvaluation(values: OptionValues, serving: Serving): Promise<Served> {
  const { work, study, note } = serving;
  return await withQueue(values, textOf(values, "serve") ?? "", "--serve", note, async (queue) =>
    await serve(queue, {
      ...serving,
      ...await makeOffer(work, study, Deno.readFile),
      chunk: numberOf(values, "chunk") ?? defaultChunk(work.plan.size),
      lease: numberOf(values, "lease") ?? LEASE,
      replace: values["replace"] === true,
      metrics: numberOf(values, "metrics"),
    }));
}

/** What a worker of a command line works with. */
export interface Working
  extends Pick<WorkerInputs, "readPicture" | "files">, Omit<Serving, "work" | "study" | "store" | "view"> {
  /** The network of this machine, for an evaluation. */
  readonly subjectOf: (offer: Offer) => Promise<WorkerInputs["subject"]>;
  /** Opens what restores pictures; again after a device was lost. */
  readonly open: (work: Work) => Promise<Bench>;
}

/**
 * Works for the evaluation of a queue until it is over.
 * @param operands the address of the server, and nothing else
 * @param values of `SERVE_OPTIONS`
 * @throws {UsageError} if they do not fit; {QueueError} if the server cannot be used, or the network is another one
 */
export async function workForEvaluation(
  operands: readonly string[],
  values: OptionValues,
  { subjectOf, readPicture, files, open, ...working }: Working,
): Promise<Worked> {
  const [address, ...others] = operands;
  if (address === undefined || others.length > 0) {
    throw new UsageError("work was given no address, or more than that; work nats://HOST:PORT is needed");
  }
  const foreign = ["serve", "shard", "config", "chunk", "lease", "metrics", "replace"].find((name) =>
    values[name] !== undefined
  );
  if (foreign !== undefined) throw new UsageError(`--${foreign} is for the coordinator; leave it out with work`);
  const folder = await Deno.makeTempDir({ prefix: "evaluate-" });
  try {
    return await withQueue(values, address, "work", working.note, async (queue) =>
      await work(queue, {
        ...working,
        folder,
        open: (_offer, work) => open(work),
        prepare: async (offer, fetch) => {
          const subject = await subjectOf(offer);
          checkOffer(offer, subject.identity.sha256);
          return await workOf(offer, { subject, fetch, readPicture, files });
        },
      }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function withQueue<T>(
  values: OptionValues,
  address: string,
  place: string,
  note: (text: string) => void,
  use: (queue: Queue) => Promise<T>,
): Promise<T> {
  const server = parseAddress(address, place);
  const name = textOf(values, "queue") ?? QUEUE;
  checkQueueName(name);
  const files = { credentials: textOf(values, "credentials"), authority: textOf(values, "certificates") };
  const connection = await connectTo(server, files, note);
  try {
    return await use(await Queue.open(connection, server.host, name));
  } finally {
    // What was published last leaves with it; a server that is away does not hold the program.
    await Promise.race([connection.flush().catch(() => {}), new Promise((resolve) => setTimeout(resolve, 1000))]);
    await connection.close();
  }
}
