/**
 * Where results are kept: `units/` with a JSON file and a picture for each result, named by the hash of all that decides
 * it; `pictures/` with originals and baselines; `plan.json`; the tables and the report; `deepinv/` with tables in the form
 * of its benchmarks.
 */
import type { NoiseStatistics } from "../metrics/mod.ts";
import type { Raster } from "../raster/mod.ts";
import type { RunCounts } from "../restoration/mod.ts";
import type { UnitMetrics } from "./metrics.ts";

/** Files by names such as `units/HASH.json`: a folder, or anything that keeps bytes. */
export interface Store {
  /** The bytes of a file; undefined if there is none. */
  read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Writes a file; it appears complete or not at all. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Whether there is a file of that name. */
  has(name: string): Promise<boolean>;
  /** Names of the files of `units` or `pictures`, without the folder. */
  list(folder: "units" | "pictures"): Promise<readonly string[]>;
  /** A picture that was written, with the 8 bits that are kept of it. */
  readPicture(name: string): Promise<Raster>;
  /** Writes a picture as PNG; values are in [-1, 1]. */
  writePicture(name: string, picture: Raster): Promise<void>;
  /** `read` piece by piece, for files that are larger than memory; without it they are read whole. */
  open?(name: string): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** `write` piece by piece; without it files are written whole. */
  create?(name: string): Promise<FileSink>;
  /** `list` name by name; without it the names are listed at once. */
  names?(folder: "units" | "pictures"): AsyncIterable<string>;
}

/** A file that is written piece by piece. */
export interface FileSink {
  /** Appends bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** Lets the file appear; nothing is there before. */
  commit(): Promise<void>;
  /** Leaves nothing behind, unless the file has appeared. */
  abort(): Promise<void>;
}

/** Statistics of the noise that the network predicted at one step, and of the noise that the step put on. */
export interface StepNoise extends NoiseStatistics {
  /** Training timestep of the step. */
  readonly timestep: number;
  /** Of the effective noise (x' - sqrt(alphaBar') x0)/sqrt(1 - alphaBar') of the state after the step. */
  readonly effective: NoiseStatistics;
}

/** One finished result. */
export interface UnitRecord {
  /** Name of its files. */
  readonly id: string;
  /** All that decides the result; `id` is its hash. */
  readonly key: Readonly<Record<string, unknown>>;
  /** An infinite value is the text "infinite". */
  readonly metrics: Readonly<Record<string, number | "infinite">>;
  /** Of each inversion step, where that was asked for. */
  readonly noise?: readonly StepNoise[];
  /** Network evaluations that were made, for each picture. */
  readonly nfe: number;
  /** What the run asked of the network and the degradation, for each picture; absent where it was not counted. */
  readonly counts?: RunCounts;
  /** File of the original in `pictures/`. */
  readonly truth: string;
  /** File of the baseline in `pictures/`. */
  readonly before: string;
  /** Width of the pictures in pixels. */
  readonly width: number;
  /** Height of the pictures in pixels. */
  readonly height: number;
  /** What it took. */
  readonly time: {
    /** Wall time of the run divided by its pictures. */
    readonly seconds: number;
    /** The same without tracing and compiling: by the time of the steps after the first. */
    readonly steadySeconds: number;
    /** Pictures that were restored at once. */
    readonly batch: number;
  };
  /** Most bytes that were live on the device during the run, weights among them; absent where they are not counted. */
  readonly peakDeviceBytes?: number;
  /** The adapter. */
  readonly device: string;
}

/** Names of the files of a unit. */
export const UNIT_FILES = {
  record: (id: string): string => `units/${id}.json`,
  picture: (id: string): string => `units/${id}.png`,
  /** An original or a baseline, by the name in the record. */
  shown: (name: string): string => `pictures/${name}`,
} as const;

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
export async function hashOf(data: unknown): Promise<string> {
  return await hashOfText(canonical(data));
}

/** SHA-256 of a text in UTF-8, as 64 hexadecimal digits. */
export async function hashOfText(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The names in `pictures/` of the original and the baseline of a unit.
 * @param key all that decides the unit
 * @param shown the size of its pictures, and whether they have no colours
 */
export async function shownFiles(
  key: UnitRecord["key"],
  { width, height, isGray }: Pick<UnitRecord, "width" | "height"> & { readonly isGray: boolean },
): Promise<Pick<UnitRecord, "truth" | "before">> {
  return {
    truth: `${await hashOf({ image: key["image"], size: key["size"], width, height, isGray })}.png`,
    before: `${await hashOf({ ...key, method: "A^+ y", sigmaY: 0, noiseStatistics: false })}.png`,
  };
}

/** Data of a JSON file; undefined if it is missing or no JSON. */
export async function readJson(store: Pick<Store, "read">, name: string): Promise<unknown> {
  const bytes = await store.read(name);
  try {
    return bytes && JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** Writes a text, or data as JSON. */
export async function writeText(store: Store, name: string, content: string | object): Promise<void> {
  const text = typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`;
  await store.write(name, new TextEncoder().encode(text));
}

/** The finished unit of a hash; undefined if there is none, or its file cannot be read as one. */
export async function readUnit(store: Pick<Store, "read" | "has">, id: string): Promise<UnitRecord | undefined> {
  const record = await readJson(store, UNIT_FILES.record(id)) as UnitRecord | undefined;
  if (record?.id !== id || !(await store.has(UNIT_FILES.picture(id)))) return undefined;
  return record;
}

/** Units that are looked for at once: a disk has more to do then than to wait for the next question. */
const AT_ONCE = 64;

/**
 * Looks for units, one after the other in their order, without keeping them.
 * @returns each with its record; undefined where it is not finished
 */
export async function* lookFor<U extends { readonly id: string }>(
  store: Store,
  units: Iterable<U> | AsyncIterable<U>,
): AsyncGenerator<readonly [unit: U, record: UnitRecord | undefined], void> {
  const look = async (unit: U): Promise<readonly [U, UnitRecord | undefined]> => [unit, await readUnit(store, unit.id)];
  let looks: ReturnType<typeof look>[] = [];
  for await (const unit of units) {
    looks.push(look(unit));
    if (looks.length < AT_ONCE) continue;
    yield* await Promise.all(looks);
    looks = [];
  }
  yield* await Promise.all(looks);
}

/** All finished units of a list of hashes. */
export async function readUnits(store: Store, ids: Iterable<string>): Promise<ReadonlyMap<string, UnitRecord>> {
  const found = new Map<string, UnitRecord>();
  for await (const [{ id }, record] of lookFor(store, Array.from(new Set(ids), (id) => ({ id })))) {
    if (record) found.set(id, record);
  }
  return found;
}
