/** `models inspect FILE`: what a checkpoint holds. */
import { type ModelFile, openModelFile } from "../../io/mod.ts";
import {
  DEFAULT_PROCESS,
  describeOrigin,
  descriptionOptions,
  explainOpen,
  type InspectedNetwork,
  inspection,
  type NetworkCost,
  networkCost,
  type NetworkPlan,
  OpenQuestionsError,
  planDescription,
  withProcess,
} from "../../models/mod.ts";
import { UsageError } from "../../parameters/mod.ts";
import { suitedSamplers } from "../../samplers/mod.ts";
import { type Arguments } from "../arguments.ts";

/** What is known of the network in a file. */
interface Found extends InspectedNetwork {
  readonly plan: NetworkPlan | undefined;
  /** What was taken of the file, in sentences. */
  readonly notes: readonly string[];
  /** What is left open, as text with the options that say it. */
  readonly open: string | undefined;
}

/** Prints what a checkpoint holds, also where something is left open. */
export async function inspectModel(args: Arguments, path: string): Promise<number> {
  using reporter = args.reporter();
  using source = await openModelFile(path, { stateDict: args.text("state-dict") });
  const { plan, open, notes, ...found } = describe(source, args);
  const size = args.number("size") ?? (found.description.image_size as number | undefined);
  const cost = plan === undefined || size === undefined ? undefined : { size, ...costAt(plan, size) };
  const samplers = found.process === undefined ? [] : suitedSamplers(found.process.predictionType);
  const { data, rows } = inspection(source.checkpoint, { path, bytes: source.size, ...found, samplers, cost });
  const lines = rows.map(([name, text]) => `${name.padEnd(28)}${text}`);
  const said = [describeOrigin({ known: found.known, notes }), open].filter((note) => note !== undefined);
  reporter.result({ ...data, size: size ?? null, open: open ?? null }, [...lines, ...said].join("\n"));
  return 0;
}

function describe(file: ModelFile, args: Arguments): Found {
  try {
    const { checkpoint: _, description, ...found } = file.describe(descriptionOptions(args.values));
    const { plan, process, family: { predicts } } = planDescription(description);
    const known = { ...found, plan, open: undefined };
    if (predicts === "noise") return { ...known, description: withProcess(description, process), process };
    return { ...known, description: { ...DEFAULT_PROCESS, ...description } };
  } catch (error) {
    if (!(error instanceof OpenQuestionsError)) throw error;
    const { description, planFor, taken } = error;
    const size = args.number("size") ?? (description.image_size as number | undefined);
    const plan = size === undefined ? undefined : planFor?.(size);
    return { description, plan, known: [], ...taken, open: (explainOpen(error) as UsageError).message };
  }
}

function costAt(plan: NetworkPlan, size: number): NetworkCost {
  try {
    return networkCost(plan, size, size);
  } catch (cause) {
    throw new UsageError(`--size ${size} does not fit the network: ${cause instanceof Error ? cause.message : cause}`);
  }
}
