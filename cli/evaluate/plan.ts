/** From an evaluation to its units: one image, task, method and seed each, named by a hash of all that decides them. */
import { createHash } from "node:crypto";
import { FileSource, sha256Of } from "../../io/mod.ts";
import { Arguments } from "../arguments.ts";
import type { Method } from "../method.ts";
import type { LoadedModel } from "../model_file.ts";
import { type Evaluation, type MethodEntry, methodFor, type OptionValues, type TaskEntry } from "./config.ts";

/** Part of every hash: a change of the program that changes results makes units new. */
const RESULTS_VERSION = 1;

/** A picture of an evaluation. */
export interface PlannedImage {
  readonly path: string;
  /** File name without folder. */
  readonly name: string;
  readonly sha256: string;
}

/** An image, a task and a seed: one measurement, which several methods restore. */
export interface Case {
  /** 32 hexadecimal digits. */
  readonly hash: string;
  readonly image: PlannedImage;
  readonly entry: TaskEntry;
  readonly seed: number;
}

/** One result. */
export interface Unit extends Case {
  /** Hash of the case. */
  readonly case: string;
  readonly method: MethodEntry;
  /** The method with all its parameters. */
  readonly chosen: Method;
}

/** A method and a task that do not go together. */
export interface Unfit {
  readonly task: string;
  readonly method: string;
  readonly reason: string;
}

/** The command line of `restore` that makes the result of a unit, without the names of the files it writes. */
export function commandOf({ image, entry, method, seed }: Unit, { commonWords }: Evaluation): readonly string[] {
  return ["restore", image.path, "--degrade", ...entry.words, ...method.words, "--seed", `${seed}`, ...commonWords];
}

/** The options of a unit, as `restore` would be given them. */
export function argumentsOf(unit: Unit, evaluation: Evaluation): Arguments {
  const values = new Map([
    ...evaluation.common,
    ...unit.entry.values,
    ...unit.method.values,
    ["degrade", true] as const,
    ["seed", unit.seed] as const,
  ]);
  return new Arguments([unit.image.path], values, commandOf(unit, evaluation).slice(1));
}

/**
 * Reads and hashes the pictures of an evaluation.
 * @throws {FileError} if one cannot be read
 */
export async function planImages({ images }: Evaluation): Promise<readonly PlannedImage[]> {
  const planned: PlannedImage[] = [];
  for (const path of images) {
    planned.push({ path, name: path.split(/[\\/]/).at(-1)!, sha256: await fileHash(path) });
  }
  return planned;
}

/**
 * All units of an evaluation: image by image, so that a picture is prepared once, then by task, seed and method.
 * @param model the network that all are made with
 */
export async function planUnits(
  evaluation: Evaluation,
  images: readonly PlannedImage[],
  model: LoadedModel,
): Promise<readonly Unit[]> {
  const { tasks, methods, seeds, common } = evaluation;
  const shared = {
    version: RESULTS_VERSION,
    model: model.sha256,
    ...Object.fromEntries(["size", "precision", "class"].map((name) => [name, common.get(name) ?? null])),
  };
  const taskKeys = new Map<TaskEntry, unknown>();
  for (const entry of tasks) taskKeys.set(entry, await keyOf(entry.values));
  const chosen = new Map(tasks.map((entry) => [entry, methods.map((method) => methodFor(method, entry))] as const));
  return images.flatMap((image) =>
    tasks.flatMap((entry) =>
      seeds.flatMap((seed) => {
        const key = { ...shared, image: image.sha256, task: taskKeys.get(entry), seed };
        const one = { image, entry, seed };
        const caseHash = hashOf(key);
        return methods.map((method, index): Unit => {
          const restorer = chosen.get(entry)![index]!;
          const { name, options } = restorer;
          const level = method.values.get("noise-level") ?? null;
          const hash = hashOf({ ...key, method: { name, options: sorted({ ...options }), level } });
          return { ...one, hash, case: caseHash, method, chosen: restorer };
        });
      })
    )
  );
}

/** The units of a part of an evaluation: every n-th, from the i-th on. */
export function shardOf(units: readonly Unit[], { index, count }: Shard): readonly Unit[] {
  return units.filter((_, position) => position % count === index - 1);
}

/** One part of several: part `index` of `count`, counted from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Options of a task with files replaced by what is in them. */
async function keyOf(values: OptionValues): Promise<Readonly<Record<string, unknown>>> {
  const mask = values.get("mask");
  const hashed = mask === undefined ? {} : { mask: await fileHash(String(mask)) };
  return sorted({ ...Object.fromEntries(values), ...hashed });
}

function sorted(record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => a < b ? -1 : 1));
}

function hashOf(key: unknown): string {
  return createHash("sha256").update(JSON.stringify(key)).digest("hex").slice(0, 32);
}

async function fileHash(path: string): Promise<string> {
  using source = await FileSource.open(path);
  return await sha256Of(source);
}
