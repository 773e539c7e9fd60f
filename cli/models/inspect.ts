/** `models inspect FILE`: what a checkpoint holds. */
import { makeReporter, type ModelFile, openModelFile } from "../../io/mod.ts";
import {
  type Checkpoint,
  DEFAULT_PROCESS,
  type Description,
  type KnownCheckpoint,
  type NetworkCost,
  networkCost,
  type NetworkPlan,
  OpenQuestionsError,
  planDescription,
} from "../../models/mod.ts";
import { type Arguments } from "../arguments.ts";
import { UsageError } from "../../parameters/mod.ts";
import { describeOrigin, descriptionOptions, explainOpen } from "../description_options.ts";

/** What is known of the network in a file. */
interface Found {
  readonly description: Description;
  readonly plan: NetworkPlan | undefined;
  readonly known: readonly KnownCheckpoint[];
  /** What is left open, as text with the options that say it. */
  readonly open: string | undefined;
  /** What was chosen or assumed. */
  readonly notes: readonly string[];
}

/** Prints what a checkpoint holds, also where something is left open. */
export async function inspectModel(args: Arguments, path: string): Promise<number> {
  using reporter = makeReporter(args.flag("json"));
  using source = await openModelFile(path, { stateDict: args.text("state-dict") });
  const file = source.checkpoint;
  const found = describe(source, args);
  const { description, plan, known } = found;
  const size = args.number("size") ?? (description.image_size as number | undefined);
  const cost = plan === undefined || size === undefined ? undefined : costAt(plan, size);
  const parameters = file.tensors.values().reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const dtypes = countDtypes(file);
  const data = {
    file: path,
    format: file.format,
    stateDict: file.stateDict,
    bytes: source.size,
    tensors: file.tensors.size,
    parameters,
    dtypes: Object.fromEntries(dtypes),
    config: description,
    known: known.map(({ name }) => name),
    size: size ?? null,
    gmac: cost === undefined ? null : cost.macs / 1e9,
    attentionGmac: cost === undefined ? null : cost.attentionMacs / 1e9,
    open: found.open ?? null,
  };
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["file", `${path}: ${file.format}, ${source.size.toLocaleString("en")} bytes`],
    ["tensors", `${file.tensors.size}${file.stateDict === "" ? "" : ` in "${file.stateDict}"`}`],
    ["element types", dtypes.map(([dtype, count]) => `${dtype} x ${count}`).join(", ")],
    ["parameters", parameters.toLocaleString("en")],
    ...Object.entries(description).map(([key, value]) => [key, shown(value)] as const),
    ["cost", cost && formatCost(cost, size!)],
    ["published as", known.length === 0 ? undefined : known.map(({ name }) => name).join(", ")],
  ];
  const lines = rows.flatMap(([name, text]) => text === undefined ? [] : [`${name.padEnd(28)}${text}`]);
  const notes = [describeOrigin(known), ...found.notes, found.open].filter((note) => note !== undefined);
  reporter.result(data, [...lines, ...notes].join("\n"));
  return 0;
}

function describe(file: ModelFile, args: Arguments): Found {
  try {
    const { description, known, notes } = file.describe(descriptionOptions(args));
    const { plan } = planDescription(description);
    return { description: { ...DEFAULT_PROCESS, ...description }, plan, known, open: undefined, notes };
  } catch (error) {
    if (!(error instanceof OpenQuestionsError)) throw error;
    const { description, planFor } = error;
    const size = args.number("size") ?? (description.image_size as number | undefined);
    const plan = size === undefined ? undefined : planFor?.(size);
    return { description, plan, known: [], open: (explainOpen(error) as UsageError).message, notes: [] };
  }
}

function costAt(plan: NetworkPlan, size: number): NetworkCost {
  try {
    return networkCost(plan, size, size);
  } catch (cause) {
    throw new UsageError(`--size ${size} does not fit the network: ${cause instanceof Error ? cause.message : cause}`);
  }
}

function formatCost({ macs, attentionMacs }: NetworkCost, size: number): string {
  const giga = (count: number): string => (count / 1e9).toFixed(count < 1e10 ? 3 : 1);
  return `${giga(macs)} GMAC at ${size}x${size}, of them attention ${giga(attentionMacs)}`;
}

function countDtypes({ tensors }: Checkpoint): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const { dtype } of tensors.values()) counts.set(dtype, (counts.get(dtype) ?? 0) + 1);
  return [...counts];
}

function shown(value: unknown): string {
  return Array.isArray(value) ? value.join(", ") || "none" : String(value);
}
