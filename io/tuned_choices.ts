/**
 * Choices of algorithms that were measured on an adapter, kept in the user's cache folder: one JSON file for each
 * adapter and precision. They only save time, so a file that cannot be used is ignored with a warning and never an error.
 */
import { createHash } from "node:crypto";
import type { AdapterIdentity } from "../engine/mod.ts";
import { atomicWriter, writeAtomically } from "./atomic_write.ts";
import { describeFileFailure, FileError } from "./file_error.ts";
import { cacheFolder } from "./user_cache.ts";

/** The algorithms of each operation that has several, by its name. */
export type Algorithms = Readonly<Record<string, readonly string[]>>;

/** What choices hold for: another adapter, or other kernels, and they say nothing. */
export interface TunedSubject {
  /** The adapter that was measured. */
  readonly adapter: AdapterIdentity;
  /** How the weights of networks are kept. */
  readonly precision: string;
  /** Version of the engine. */
  readonly version: string;
  /** The algorithms that could be chosen. */
  readonly algorithms: Algorithms;
}

/** What has a file of its own. */
export type TunedIdentity = Pick<TunedSubject, "adapter" | "precision">;

/** The algorithm that was measured to be the fastest for a layer. */
export interface TunedChoice {
  /** What is taken. */
  readonly algorithm: string;
  /** What is taken without the choice. */
  readonly instead: string;
  /** Time of the layer by it, in milliseconds. */
  readonly milliseconds: number;
  /** Time of the default, in milliseconds. */
  readonly insteadMilliseconds: number;
  /** When both were measured, ISO 8601 in UTC. */
  readonly date: string;
}

/** Choices by the key of their layer, which begins with the name of its operation and a space. */
export type TunedChoices = ReadonlyMap<string, TunedChoice>;

/** What was read, with what is to be said of a file that is there and cannot be used. */
export interface TunedReading {
  /** The choices that hold; empty where there are none. */
  readonly choices: TunedChoices;
  /** What is to be said of a file that cannot be used. */
  readonly warning?: string;
}

/** What a file says it is. */
const FORMAT = "shortcut-tuned-1";

/** More than any network has layers; what is larger is not read. */
const MAX_BYTES = 2 ** 20;

/**
 * The file that holds the choices of an adapter.
 * @param folder the cache folder of the program; that of the user by default
 * @returns its path, undefined where there is no such folder
 */
export function tunedFile(
  { adapter, precision }: TunedIdentity,
  folder: string | undefined = cacheFolder(),
): string | undefined {
  if (folder === undefined) return undefined;
  const separator = folder.includes("\\") ? "\\" : "/";
  const name = adapter.description.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60);
  return `${folder}${separator}tuned-${name}-${precision}-${digest(identityOf(adapter)).slice(0, 8)}.json`;
}

/**
 * Reads the choices that hold for an adapter and an engine.
 * @param path the file, as `tunedFile` names it; none where it is undefined or not there
 */
export async function readTuned(path: string | undefined, subject: TunedSubject): Promise<TunedReading> {
  if (path === undefined) return { choices: new Map() };
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_BYTES) throw new UnusableError(`it has ${size} bytes, at most ${MAX_BYTES} are expected`);
    return { choices: parse(await Deno.readTextFile(path), subject) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) return { choices: new Map() };
    const reason = error instanceof UnusableError ? error.message : describeFileFailure(error);
    return {
      choices: new Map(),
      warning: `warning: the tuned choices in "${path}" are ignored: ${reason}; "deno task tune" makes them anew`,
    };
  }
}

/**
 * What is stored for an adapter as preferences of a runtime: the algorithm of each layer by its key. A file that cannot be
 * used is told of in a line on stderr.
 */
export async function storedPreferences(subject: TunedSubject): Promise<Readonly<Record<string, string>>> {
  const { choices, warning } = await readTuned(tunedFile(subject), subject);
  if (warning !== undefined) await Deno.stderr.write(new TextEncoder().encode(`${warning}\n`));
  return Object.fromEntries(Array.from(choices, ([key, { algorithm }]) => [key, algorithm]));
}

/**
 * Makes sure that a file of choices can be written, and makes its folder.
 * @throws {FileError} if it cannot
 */
export async function checkTunedWritable(path: string): Promise<void> {
  await makeFolder(path);
  await (await atomicWriter(path)).abort();
}

/**
 * Writes the choices for an adapter, complete or not at all.
 * @throws {FileError} if the file cannot be written
 */
export async function writeTuned(path: string, subject: TunedSubject, choices: TunedChoices): Promise<void> {
  await makeFolder(path);
  const { adapter, precision } = subject;
  const document = {
    format: FORMAT,
    engine: fingerprint(subject),
    adapter,
    precision,
    choices: Object.fromEntries(choices),
  };
  await writeAtomically(path, new TextEncoder().encode(`${JSON.stringify(document, undefined, 2)}\n`));
}

/**
 * Removes the choices of an adapter.
 * @returns whether there was a file
 * @throws {FileError} if it cannot be removed
 */
export async function forgetTuned(path: string): Promise<boolean> {
  try {
    await Deno.remove(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new FileError(`Cannot remove "${path}": ${describeFileFailure(error)}`, { cause: error });
  }
}

/** Why a file cannot be used, in words that follow "ignored:". */
class UnusableError extends Error {}

function parse(text: string, subject: TunedSubject): TunedChoices {
  const { format, engine, adapter, precision, choices } = objectOf(parseJson(text));
  if (format !== FORMAT) throw new UnusableError(`it is no file of the kind ${FORMAT}`);
  if (identityOf(objectOf(adapter)) !== identityOf(subject.adapter)) {
    throw new UnusableError("they were measured on another adapter");
  }
  if (precision !== subject.precision) throw new UnusableError("they were measured with weights of another precision");
  if (engine !== fingerprint(subject)) throw new UnusableError("they were measured with other kernels");
  return new Map(Object.entries(objectOf(choices)).map(([key, value]) => [key, choiceOf(key, value, subject)]));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UnusableError("it is no JSON");
  }
}

function objectOf<K extends string>(value: unknown): Readonly<Record<K, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<K, unknown>;
  throw new UnusableError("it does not hold what is expected");
}

function choiceOf(key: string, value: unknown, { algorithms }: TunedSubject): TunedChoice {
  const { algorithm, instead, milliseconds, insteadMilliseconds, date } = objectOf(value);
  const [operation = ""] = key.split(" ");
  const known = Object.hasOwn(algorithms, operation) ? algorithms[operation]! : [];
  const isName = (name: unknown): name is string => typeof name === "string" && known.includes(name);
  const isTime = (time: unknown): time is number => typeof time === "number" && Number.isFinite(time);
  if (isName(algorithm) && typeof instead === "string" && isTime(milliseconds) && isTime(insteadMilliseconds)) {
    if (typeof date === "string") return { algorithm, instead, milliseconds, insteadMilliseconds, date };
  }
  throw new UnusableError(`the choice for "${key.slice(0, 80)}" is not understood`);
}

/** The engine in short: its version and a hash of all algorithms, so that a new one makes old choices void. */
function fingerprint({ version, algorithms }: TunedSubject): string {
  return `${version}-${digest(JSON.stringify(algorithms)).slice(0, 12)}`;
}

function identityOf({ description, subgroupSize, features }: Readonly<Record<keyof AdapterIdentity, unknown>>): string {
  return JSON.stringify([description, subgroupSize, features]);
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

async function makeFolder(path: string): Promise<void> {
  const folder = path.slice(0, Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")));
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (error) {
    throw new FileError(`Cannot make the folder "${folder}": ${describeFileFailure(error)}`, { cause: error });
  }
}
