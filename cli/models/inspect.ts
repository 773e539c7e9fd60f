/** `models inspect FILE`: what a checkpoint holds. */
import { openModelFile } from "../../io/mod.ts";
import {
  describeOrigin,
  descriptionOptions,
  explainOpen,
  findNetwork,
  inspection,
  type NetworkCost,
  networkCost,
  type NetworkPlan,
} from "../../models/mod.ts";
import { UsageError } from "../../parameters/mod.ts";
import { suitedSamplers } from "../../samplers/mod.ts";
import { type Arguments } from "../arguments.ts";

/** Prints what a checkpoint holds, also where something is left open. */
export async function inspectModel(args: Arguments, path: string): Promise<number> {
  using reporter = args.reporter();
  using source = await openModelFile(path, { stateDict: args.text("state-dict") });
  const asked = args.number("size");
  const answers = descriptionOptions(args.values);
  const { plan, open: left, notes, ...found } = findNetwork(() => source.describe(answers), asked);
  const open = left && explainOpen(left).message;
  const size = asked ?? (found.description.image_size as number | undefined);
  const cost = plan === undefined || size === undefined ? undefined : { size, ...costAt(plan, size) };
  const samplers = found.process === undefined ? [] : suitedSamplers(found.process.predictionType);
  const { data, rows } = inspection(source.checkpoint, { path, bytes: source.size, ...found, samplers, cost });
  const lines = rows.map(([name, text]) => `${name.padEnd(28)}${text}`);
  const said = [describeOrigin({ known: found.known, notes }), open].filter((note) => note !== undefined);
  reporter.result({ ...data, size: size ?? null, open: open ?? null }, [...lines, ...said].join("\n"));
  return 0;
}

function costAt(plan: NetworkPlan, size: number): NetworkCost {
  try {
    return networkCost(plan, size, size);
  } catch (cause) {
    throw new UsageError(`--size ${size} does not fit the network: ${cause instanceof Error ? cause.message : cause}`);
  }
}
