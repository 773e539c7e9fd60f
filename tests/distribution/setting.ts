/** A small evaluation for several processes: a network that takes a tenth of every state for noise, on the CPU. */
import { ReferenceRuntime } from "../../engine/mod.ts";
import {
  evaluate,
  makePlan,
  NO_FILES,
  type PlannedUnit,
  readResults,
  readStudy,
  runUnits,
  type Store,
  type StudyPicture,
  type Subject,
  tableFiles,
  type Work,
} from "../../evaluation/mod.ts";
import { connectTo } from "../../distribution/connection.ts";
import { serve, type Served, type ServeOptions } from "../../distribution/coordinator.ts";
import { type Bench, type Offer, type Worked } from "../../distribution/mod.ts";
import { checkOffer, makeOffer, workOf } from "../../distribution/offer.ts";
import { Queue } from "../../distribution/queue.ts";
import { work, type WorkerOptions } from "../../distribution/worker.ts";
import { encodePng, imageOfPng } from "../../io/mod.ts";
import { colourRaster, toImage } from "../../raster/mod.ts";
import { MemoryStore } from "../evaluation/memory_store.ts";
import { TENTH_NETWORK, TENTH_PROCESS } from "../support/tenth_network.ts";

/** The files of pictures, by their names. */
const FILES = new Map(["a", "b", "c"].map((name, k) => {
  const data = Float32Array.from({ length: 8 * 6 * 3 }, (_, at) => Math.sin(at * (k + 1)));
  return [name, encodePng(toImage({ width: 8, height: 6, channels: 3, data }))] as const;
}));

const STUDY = readStudy({
  title: "Several machines",
  tasks: ["sr2", { task: "colorize", label: "gray", "sigma-y-most": 0.1 }],
  methods: ["pseudo-inverse", { method: "ddrm", steps: 3, "by-task": { gray: { steps: 2 } } }, {
    method: "ddnm",
    steps: 4,
  }],
  seeds: [3, 4],
});

/** The network as plans know it. */
export const SUBJECT: Subject = {
  identity: { name: "tenth", sha256: "0".repeat(64), known: [] },
  precision: "f32",
  label: undefined,
  imageSize: 8,
  process: TENTH_PROCESS,
};

/** The good pictures. */
export async function pictures(): Promise<readonly StudyPicture[]> {
  return await Promise.all(Array.from(FILES, async ([name, bytes]) => ({
    name,
    sha256: new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex(),
    read: async () => colourRaster(await imageOfPng(bytes, 1e6)),
    bytes: () => Promise.resolve(bytes),
  })));
}

/** The plan of the evaluation. */
export async function planned(): Promise<Work> {
  return await makePlan(STUDY, SUBJECT, await pictures());
}

/** Its units. */
export async function plannedUnits(): Promise<readonly PlannedUnit[]> {
  return await Array.fromAsync((await planned()).plan.units);
}

const NO_FILE = (path: string): Promise<never> => Promise.reject(new Error(`no file "${path}" is expected`));

/** The tables that hold no times, of an evaluation that ran in one process. */
export async function expectedTables(): Promise<Readonly<Record<string, string>>> {
  const { results } = await evaluate(new ReferenceRuntime(), TENTH_NETWORK, STUDY, {
    store: new MemoryStore(),
    pictures: await pictures(),
    identity: SUBJECT.identity,
  });
  return { ...await tableFiles(results), "times.csv": "" };
}

/** Opens the queue of a server. */
export async function openQueue(host: string, note: (text: string) => void = () => {}): Promise<Queue> {
  const address = { host, isEncrypted: false, user: "", password: "" };
  return await Queue.open(await connectTo(address, {}, note), host, "test");
}

/** What `serve` is called with; chunks of two units, which workers hold for two seconds. */
export async function serveOptions(
  changed: Partial<ServeOptions> & Pick<ServeOptions, "store">,
): Promise<ServeOptions> {
  const work = await planned();
  return {
    work,
    ...await makeOffer(work, STUDY, NO_FILE),
    chunk: 2,
    lease: 2,
    replace: false,
    check: () => Promise.resolve(),
    watch: () => {},
    note: () => {},
    ...changed,
  };
}

/** Serves the evaluation with a connection of its own. */
export async function serveAt(
  host: string,
  options: Partial<ServeOptions> & Pick<ServeOptions, "store">,
): Promise<Served> {
  const queue = await openQueue(host);
  try {
    return await serve(queue, await serveOptions(options));
  } finally {
    // As the command does: results that it gives back leave with it.
    await queue.connection.flush().catch(() => {});
    await queue.connection.close();
  }
}

/**
 * The bench of the evaluation: really restores, on the CPU.
 * @param before what happens first, with the units of a chunk
 */
export function bench(before?: (units: readonly PlannedUnit[]) => void | Promise<void>): Bench {
  const runtime = new ReferenceRuntime();
  return {
    adapter: "CPU of a test",
    run: async (work, units, store, watch) => {
      await before?.(units);
      return await runUnits(work, units, { runtime, model: TENTH_NETWORK, store, batch: 2, watch });
    },
    close: () => runtime.destroy(),
  };
}

/** Works for the evaluation with a connection of its own. */
export async function workAt(
  host: string,
  { subject = SUBJECT, queue: own, ...options }: Partial<WorkerOptions> & {
    readonly subject?: Subject;
    readonly queue?: Queue;
  } = {},
): Promise<Worked> {
  const queue = own ?? await openQueue(host, options.note);
  const folder = await Deno.makeTempDir();
  const readPicture = async (path: string): ReturnType<StudyPicture["read"]> =>
    colourRaster(await imageOfPng(await Deno.readFile(path), 1e6));
  try {
    return await work(queue, {
      prepare: (offer: Offer, fetch) => {
        checkOffer(offer, subject.identity.sha256);
        return workOf(offer, { subject, fetch, readPicture, files: NO_FILES });
      },
      open: () => Promise.resolve(bench()),
      folder,
      check: () => Promise.resolve(),
      watch: () => {},
      note: () => {},
      pause: 0.2,
      ...options,
    });
  } finally {
    await queue.connection.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** The tables of a store without times. */
export async function tablesOf(store: Store): Promise<Readonly<Record<string, string>>> {
  const { plan } = await planned();
  return { ...await tableFiles(await readResults(plan, store)), "times.csv": "" };
}

/** Waits some milliseconds. */
export function pass(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
