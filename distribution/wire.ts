/**
 * What travels between machines, as JSON: the offer that describes an evaluation, chunks of units, their results, and what
 * workers say of themselves. Nothing is taken from the wire that does not fit its schema and its size.
 */
import * as v from "valibot";
import { METRICS, type PlannedUnit, type Seeds, type UnitRecord } from "../evaluation/mod.ts";
import type { OptionValues } from "../parameters/mod.ts";

/** Raised when older programs would misunderstand what travels. */
export const WIRE_FORMAT = 3;

/** What was received is not what it should be. */
export class WireError extends Error {
  /** Name of the class. */
  override readonly name = "WireError";
}

/** The most bytes of each kind. */
export const LIMITS = {
  /** A message: a chunk, the notice of a result, the state of a worker. */
  message: 1 << 20,
  /** The description of an evaluation. */
  offer: 256 << 20,
  /** A picture or a file of a task. */
  input: 1 << 30,
  /** The records and pictures of a chunk; texts longer than half a gigabyte cannot be held. */
  result: 400 << 20,
} as const;

const SHA256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits are needed"));
const COUNT = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const SEED = v.pipe(COUNT, v.maxValue(2 ** 32 - 1));
const FINITE = v.pipe(v.number(), v.finite());
const SECONDS = v.pipe(FINITE, v.minValue(0));
const SIDE = v.pipe(COUNT, v.minValue(1), v.maxValue(65535));
const TEXT = v.pipe(v.string(), v.maxLength(4096));
const WORKER = v.pipe(v.string(), v.regex(/^[0-9a-f]{8}$/, "8 hexadecimal digits are needed"));
const OPTIONS = v.record(v.string(), v.union([TEXT, FINITE, v.boolean()]));

/** Name of a picture of `pictures/` or of a file of a task: the SHA-256 of its content, with an ending. */
const PICTURE_NAME = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}\.png$/, "a hash with .png is needed"));
const INPUT_NAME = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}(\.[A-Za-z0-9]{1,12})?$/, "a hash is needed"));

const ENTRY = v.strictObject({
  name: TEXT,
  label: TEXT,
  series: TEXT,
  options: OPTIONS,
  byTask: v.exactOptional(v.record(TEXT, OPTIONS)),
  lenient: v.boolean(),
});

const OFFER = v.strictObject({
  format: v.literal(WIRE_FORMAT),
  plan: SHA256,
  version: TEXT,
  title: TEXT,
  model: v.strictObject({ name: TEXT, sha256: SHA256 }),
  precision: TEXT,
  class: v.nullable(COUNT),
  images: v.pipe(v.array(v.strictObject({ name: TEXT, sha256: SHA256 })), v.minLength(1)),
  tasks: v.array(ENTRY),
  methods: v.array(ENTRY),
  seeds: v.union([v.literal("each"), v.array(SEED)]),
  options: OPTIONS,
  inputs: v.array(INPUT_NAME),
});

/** A task or method as it travels: an entry of a study, with files by the names of inputs. */
export interface WireEntry {
  /** Name in the register. */
  readonly name: string;
  /** What tables call it. */
  readonly label: string;
  /** What entries of a list of values have in common. */
  readonly series: string;
  /** Its options. */
  readonly options: OptionValues;
  /** Of a method: options that outweigh the others on a task, by the label of the task. */
  readonly byTask?: Readonly<Record<string, OptionValues>>;
  /** Whether options that it does not take are left out. */
  readonly lenient: boolean;
}

/** An evaluation as workers are told of it. */
export interface Offer {
  /** `WIRE_FORMAT`. */
  readonly format: number;
  /** What tells its units from those of others. */
  readonly plan: string;
  /** Version of the program. */
  readonly version: string;
  /** Heading of the report. */
  readonly title: string;
  /** Which network it is. */
  readonly model: { readonly name: string; readonly sha256: string };
  /** How weights are kept. */
  readonly precision: string;
  /** Class of the pictures, for networks that take one. */
  readonly class: number | null;
  /** The pictures, in the order of the plan. */
  readonly images: readonly { readonly name: string; readonly sha256: string }[];
  /** What is wrong with the pictures. */
  readonly tasks: readonly WireEntry[];
  /** What restores them. */
  readonly methods: readonly WireEntry[];
  /** Seeds of every pair of a task and a method. */
  readonly seeds: Seeds;
  /** Values of the options of a study. */
  readonly options: OptionValues;
  /** Names of the pictures and files that workers need. */
  readonly inputs: readonly string[];
}

const UNIT = v.strictObject({ id: SHA256, task: COUNT, method: COUNT, image: COUNT, seed: SEED });

const CHUNK = v.strictObject({ plan: SHA256, units: v.pipe(v.array(UNIT), v.minLength(1)) });

/** Units that one worker does together; all are of one task and method. */
export interface ChunkMessage {
  /** The plan that they are of. */
  readonly plan: string;
  /** At least one. */
  readonly units: readonly PlannedUnit[];
}

const NOTICE = v.strictObject({
  plan: SHA256,
  object: v.pipe(v.string(), v.regex(/^result\/[0-9a-f-]{36}$/, "the name of a result is needed")),
  worker: WORKER,
  adapter: TEXT,
});

/** Says that a result is in the object store, and whose it is. */
export interface Notice {
  /** The plan that it is of. */
  readonly plan: string;
  /** Name of the object. */
  readonly object: string;
  /** The worker: 8 hexadecimal digits that it has drawn. */
  readonly worker: string;
  /** What computed it. */
  readonly adapter: string;
}

const STATE = v.strictObject({
  worker: WORKER,
  adapter: TEXT,
  units: COUNT,
  failed: COUNT,
  evaluations: COUNT,
  state: v.picklist(["working", "waiting", "leaving"]),
});

/** What a worker says of itself, every few seconds. */
export interface WorkerState {
  /** 8 hexadecimal digits that it has drawn. */
  readonly worker: string;
  /** What it computes with. */
  readonly adapter: string;
  /** Units that it has made. */
  readonly units: number;
  /** Units that it could not make. */
  readonly failed: number;
  /** Network evaluations that its units took. */
  readonly evaluations: number;
  /** What it is at. */
  readonly state: "working" | "waiting" | "leaving";
}

const STATISTICS = { mean: FINITE, variance: FINITE, divergence: FINITE };

const RECORD = v.strictObject({
  id: SHA256,
  key: v.record(v.string(), v.unknown()),
  metrics: v.record(
    v.picklist(Object.keys(METRICS), "the name of a quantity is needed"),
    v.union([FINITE, v.literal("infinite")]),
  ),
  noise: v.exactOptional(
    v.array(v.strictObject({ timestep: COUNT, ...STATISTICS, effective: v.strictObject(STATISTICS) })),
  ),
  nfe: COUNT,
  counts: v.exactOptional(
    v.strictObject({ nfe: COUNT, vjp: COUNT, forward: COUNT, adjoint: COUNT, pseudoInverse: COUNT, spectral: COUNT }),
  ),
  truth: PICTURE_NAME,
  before: PICTURE_NAME,
  width: SIDE,
  height: SIDE,
  time: v.strictObject({ seconds: SECONDS, steadySeconds: SECONDS, batch: v.pipe(COUNT, v.minValue(1)) }),
  peakDeviceBytes: v.exactOptional(COUNT),
  device: TEXT,
});

const RESULT = v.strictObject({
  units: v.array(UNIT),
  records: v.array(RECORD),
  failures: v.array(v.strictObject({ id: SHA256, reason: TEXT })),
  pictures: v.record(v.string(), v.string()),
});

/** What came of a chunk: records of units, those that failed, and PNG files in base 64 by their names in a store. */
export interface ChunkResult {
  /** The units of the chunk. */
  readonly units: readonly PlannedUnit[];
  /** One for each unit that was made. */
  readonly records: readonly UnitRecord[];
  /** Units that could not be made. */
  readonly failures: readonly { readonly id: string; readonly reason: string }[];
  /** The restored pictures, originals and baselines. */
  readonly pictures: Readonly<Record<string, string>>;
}

const SCHEMAS = { offer: OFFER, chunk: CHUNK, notice: NOTICE, state: STATE, result: RESULT } as const;

const MESSAGES = { chunk: LIMITS.message, notice: LIMITS.message, state: LIMITS.message } as const;

/** What each kind holds. */
export interface Kinds {
  /** The description of an evaluation. */
  readonly offer: Offer;
  /** Units to be done. */
  readonly chunk: ChunkMessage;
  /** Where a result is. */
  readonly notice: Notice;
  /** What a worker is at. */
  readonly state: WorkerState;
  /** What came of a chunk. */
  readonly result: ChunkResult;
}

/** The bytes of a value on the wire. */
export function encode<K extends keyof Kinds>(_kind: K, value: Kinds[K]): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/**
 * Reads what was received; keys stay in the order in which they came.
 * @throws {WireError} naming the place of what does not fit
 */
export function decode<K extends keyof Kinds>(kind: K, bytes: Uint8Array): Kinds[K] {
  const limit = { ...MESSAGES, offer: LIMITS.offer, result: LIMITS.result }[kind];
  if (bytes.length > limit) {
    throw new WireError(`Cannot read a ${kind}: it has ${bytes.length} bytes, at most ${limit} are allowed`);
  }
  let found: unknown;
  try {
    found = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new WireError(`Cannot read a ${kind}: it is no JSON; all machines need the same version of the program`);
  }
  const { success, issues } = v.safeParse(SCHEMAS[kind], found);
  if (success) return found as Kinds[K];
  const [issue] = issues;
  const place = v.getDotPath(issue) ?? "the whole";
  throw new WireError(
    `Cannot read a ${kind}: ${place} does not fit (${
      issue.message.slice(0, 200)
    }); all machines need the same version ` +
      "of the program",
  );
}
