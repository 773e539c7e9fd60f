/**
 * The output folder of an evaluation: `units/` with a JSON file and a picture for each result, named by the hash of all
 * that decides it; `pictures/` with originals and baselines; `plan.json`; the tables and the report.
 */
import { createHash } from "node:crypto";
import { FileError, writeAtomically } from "../../io/mod.ts";
import type { UnitMetrics } from "./metrics.ts";

/** Statistics of the noise that the network predicted at one step. */
export interface StepNoise {
  readonly timestep: number;
  readonly mean: number;
  readonly variance: number;
  /** KL(N(mean, variance) || N(0, 1)). */
  readonly divergence: number;
}

/** One finished result. */
export interface UnitRecord {
  readonly id: string;
  /** All that decides the result; `id` is its hash. */
  readonly key: Readonly<Record<string, unknown>>;
  /** An infinite value is the text "infinite". */
  readonly metrics: Readonly<Record<string, number | "infinite">>;
  /** Of each inversion step, where that was asked for. */
  readonly noise?: readonly StepNoise[];
  /** Network evaluations that were made. */
  readonly nfe: number;
  /** Names of files in `pictures/`. */
  readonly truth: string;
  readonly before: string;
  readonly width: number;
  readonly height: number;
  readonly time: {
    /** Wall time of the run divided by its pictures. */
    readonly seconds: number;
    /** The same without tracing and compiling: by the time of the steps after the first. */
    readonly steadySeconds: number;
    /** Pictures that were restored at once. */
    readonly batch: number;
  };
  /** The adapter. */
  readonly device: string;
}

/** The measured values of a unit with infinity as a number. */
export function metricsOf({ metrics }: UnitRecord): UnitMetrics {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [name, value === "infinite" ? Infinity : value]),
  );
}

/** JSON with sorted keys, the same text for equal data. */
export function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, found) =>
      typeof found === "object" && found !== null && !Array.isArray(found)
        ? Object.fromEntries(Object.entries(found).sort(([a], [b]) => a < b ? -1 : 1))
        : found,
  );
}

/** SHA-256 of data, as 64 hexadecimal digits. */
export function hashOf(data: unknown): string {
  return createHash("sha256").update(canonical(data)).digest("hex");
}

/** Reads and writes an output folder. */
export class Store implements Disposable {
  #lock: Deno.FsFile | undefined;

  private constructor(readonly folder: string) {}

  /** Opens a folder to be read; nothing in it is changed. */
  static reading(folder: string): Store {
    return new Store(folder);
  }

  /**
   * Opens a folder to be written: makes it if needed, keeps others from writing to it, and removes temporary files that
   * a killed process left.
   * @throws {FileError} if it cannot be made, holds something else, or another evaluation writes to it
   */
  static async writing(folder: string): Promise<Store> {
    const store = new Store(folder);
    try {
      for (const part of ["units", "pictures"]) await Deno.mkdir(`${folder}/${part}`, { recursive: true });
      store.#lock = await Deno.open(`${folder}/.lock`, { write: true, create: true });
    } catch (error) {
      throw new FileError(`Cannot write to "${folder}": ${(error as Error).message}; choose another folder with --out`);
    }
    if (!store.#lock.tryLockSync(true)) {
      store[Symbol.dispose]();
      throw new FileError(
        `Cannot write to "${folder}": another evaluation is at work there; wait for it, or give this one its own --out ` +
          "(shards are joined by evaluate merge)",
      );
    }
    for (const part of ["", "units/", "pictures/"]) await store.#sweep(part);
    return store;
  }

  async #sweep(part: string): Promise<void> {
    for await (const { name, isFile } of Deno.readDir(`${this.folder}/${part}`)) {
      if (isFile && /^\.[0-9a-f-]{36}\.tmp$/.test(name)) await Deno.remove(`${this.folder}/${part}${name}`);
    }
  }

  /** Path of a file of the folder. */
  path(name: string): string {
    return `${this.folder}/${name}`;
  }

  /** Path of the restored picture of a unit. */
  picturePath(id: string): string {
    return this.path(`units/${id}.png`);
  }

  /** The finished unit of a hash; undefined if there is none, or its file cannot be read as one. */
  async read(id: string): Promise<UnitRecord | undefined> {
    const record = await this.readJson(`units/${id}.json`) as UnitRecord | undefined;
    if (record?.id !== id || !(await this.has(`units/${id}.png`))) return undefined;
    return record;
  }

  /** All finished units of a list of hashes. */
  async readAll(ids: Iterable<string>): Promise<ReadonlyMap<string, UnitRecord>> {
    const found = new Map<string, UnitRecord>();
    for (const id of new Set(ids)) {
      const record = await this.read(id);
      if (record) found.set(id, record);
    }
    return found;
  }

  /** Data of a JSON file; undefined if it is missing or no JSON. */
  async readJson(name: string): Promise<unknown> {
    try {
      return JSON.parse(await Deno.readTextFile(this.path(name)));
    } catch {
      return undefined;
    }
  }

  /** Whether there is a file of that name. */
  async has(name: string): Promise<boolean> {
    return await Deno.stat(this.path(name)).then(({ isFile }) => isFile, () => false);
  }

  /** Writes data as JSON; the file appears complete or not at all. */
  async writeJson(name: string, data: unknown): Promise<void> {
    await this.writeText(name, `${JSON.stringify(data, null, 2)}\n`);
  }

  /** Writes a text; the file appears complete or not at all. */
  async writeText(name: string, text: string): Promise<void> {
    await writeAtomically(this.path(name), new TextEncoder().encode(text));
  }

  [Symbol.dispose](): void {
    this.#lock?.close();
    this.#lock = undefined;
  }
}
