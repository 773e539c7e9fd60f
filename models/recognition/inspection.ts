/** What is told of a checkpoint: as data, and as rows of a table. */
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { type DescribedCheckpoint, OpenQuestionsError } from "../describe_checkpoint.ts";
import type { DiffusionProcess } from "../diffusion_process.ts";
import type { Description, NetworkPlan } from "../family.ts";
import type { KnownCheckpoint } from "../known_checkpoints.ts";
import { DEFAULT_PROCESS, planDescription } from "../model_description.ts";
import type { NetworkCost } from "../network_cost.ts";
import { summarizeNames } from "./beside.ts";
import { describeProcess, withProcess } from "./describe_process.ts";

/** What is known of the network in a file. */
export interface InspectedNetwork {
  /** As far as it is certain. */
  readonly description: Description;
  /** What it was trained with, if nothing is left open and it predicts noise. */
  readonly process?: DiffusionProcess | undefined;
  /** Published checkpoints with the same tensors. */
  readonly known: readonly KnownCheckpoint[];
  /** What its names begin with in the file, "" if it is nothing. */
  readonly prefix: string;
  /** Names in the file of tensors that are no part of it. */
  readonly leftOut: readonly string[];
}

/** The network in a file as far as it is known, whether all of it is or not. */
export interface FoundNetwork extends InspectedNetwork {
  /** What it computes; undefined where too much is left open. */
  readonly plan: NetworkPlan | undefined;
  /** What was taken of the file, in sentences. */
  readonly notes: readonly string[];
  /** What is left open; undefined where nothing is. */
  readonly open: OpenQuestionsError | undefined;
}

/**
 * Finds what can be told of the network in a file, also where something is left open.
 * @param describe as `describeCheckpoint`, of the file
 * @param size side of the images that a network of open size is planned for; that of the training where it is left out
 * @throws {CheckpointError} as `describe`, but for what is left open
 */
export function findNetwork(describe: () => DescribedCheckpoint, size?: number): FoundNetwork {
  try {
    const { checkpoint: _, description, ...found } = describe();
    const { plan, process, family: { predicts } } = planDescription(description);
    const known = { ...found, plan, open: undefined };
    if (predicts === "noise") return { ...known, description: withProcess(description, process), process };
    return { ...known, description: { ...DEFAULT_PROCESS, ...description } };
  } catch (error) {
    if (!(error instanceof OpenQuestionsError)) throw error;
    const { description, planFor, taken } = error;
    const side = size ?? (description["image_size"] as number | undefined);
    const plan = side === undefined ? undefined : planFor?.(side);
    return { description, plan, known: [], ...taken, open: error };
  }
}

/** The same with what is told of the file. */
export interface Inspection extends InspectedNetwork {
  /** Where the file is. */
  readonly path: string;
  /** Its size. */
  readonly bytes: number;
  /** Names of the samplers that suit the network. */
  readonly samplers: readonly string[];
  /** What an evaluation takes at a side of the image. */
  readonly cost: NetworkCost & { readonly size: number } | undefined;
}

/**
 * What is told of a checkpoint.
 * @param file the open file
 * @param found its network
 * @returns data for programs, and rows of name and text for people
 */
export function inspection(
  file: Checkpoint,
  { path, bytes, description, process, known, prefix, leftOut, samplers, cost }: Inspection,
): { readonly data: Readonly<Record<string, unknown>>; readonly rows: readonly (readonly [string, string])[] } {
  const beside = new Set(leftOut);
  const tensors = [...file.tensors.values()].filter(({ name }) => !beside.has(name));
  const parameters = tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const dtypes = countDtypes(file);
  const names = known.map(({ name }) => name);
  const data = {
    file: path,
    format: file.format,
    stateDict: file.stateDict,
    bytes,
    tensors: file.tensors.size,
    parameters,
    dtypes: Object.fromEntries(dtypes),
    prefix,
    leftOut,
    config: description,
    levels: process?.range ?? null,
    samplers,
    known: names,
    gmac: cost === undefined ? null : cost.macs / 1e9,
    attentionGmac: cost === undefined ? null : cost.attentionMacs / 1e9,
  };
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["file", `${path}: ${file.format}, ${bytes.toLocaleString("en")} bytes`],
    ["tensors", `${file.tensors.size}${file.stateDict === "" ? "" : ` in "${file.stateDict}"`}`],
    ["element types", dtypes.map(([dtype, count]) => `${dtype} x ${count}`).join(", ")],
    ["prefix", prefix || undefined],
    ["left out", summarizeNames(leftOut) || undefined],
    ["parameters", parameters.toLocaleString("en")],
    ...Object.entries(description).map(([key, value]) => [key, shown(value)] as const),
    ["levels", process && describeProcess(process)],
    ["samplers", process && `all of restore; without a picture ${samplers.join(", ")}`],
    ["cost", cost && formatCost(cost)],
    ["published as", names.join(", ") || undefined],
  ];
  return { data, rows: rows.flatMap(([name, text]) => text === undefined ? [] : [[name, text] as const]) };
}

function formatCost({ macs, attentionMacs, size }: NetworkCost & { readonly size: number }): string {
  const giga = (count: number): string => (count / 1e9).toFixed(count < 1e10 ? 3 : 1);
  return `${giga(macs)} GMAC at ${size}x${size}, of them attention ${giga(attentionMacs)}`;
}

function countDtypes({ tensors }: Checkpoint): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const { dtype } of tensors.values()) counts.set(dtype, (counts.get(dtype) ?? 0) + 1);
  return [...counts];
}

/** Entries of a list that are shown. */
const LONGEST_LIST = 32;

function shown(value: unknown): string {
  if (Array.isArray(value) && value.length > LONGEST_LIST) return `${value.length} numbers`;
  return Array.isArray(value) ? value.join(", ") || "none" : String(value);
}
