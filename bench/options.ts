/** The command line of the benchmarks. */
import { checkOption, numberOf, type OptionSpec, type OptionValues, textOf, UsageError } from "../parameters/mod.ts";
import { type CommandSpec } from "../io/mod.ts";
import { type Precision, PRECISIONS } from "../models/mod.ts";
import { BOUNDED_RUN } from "./bounds.ts";
import type { NetworkRun } from "./network.ts";
import { NETWORKS } from "./networks.ts";

/** What to measure, and what to do with the results. */
export interface BenchOptions {
  readonly runs: readonly NetworkRun[];
  /** Whether the kernels are measured. */
  readonly kernels: boolean;
  /** Whether convolutions are measured in every algorithm. */
  readonly algorithms: boolean;
  /** Whether gradients are measured. */
  readonly gradients: boolean;
  /** Whether subgroups are refused. */
  readonly withoutSubgroups: boolean;
  /** Repeated measurements. */
  readonly samples: number;
  /** Whether rows are printed as JSON lines instead of a table. */
  readonly json: boolean;
  /** Whether rows are appended to the results. */
  readonly record: boolean;
  /** Whether layers take what `tune` has stored for the adapter. */
  readonly tuned: boolean;
  /** Whether the bounds of UNet-64 are checked. */
  readonly check: boolean;
}

const DEFAULT_SAMPLES = 7;

/** What each value of an option that takes several must be. */
const NETWORK: OptionSpec = { kind: "choice", choices: Object.keys(NETWORKS), help: "" };
const BATCH: OptionSpec = { kind: "integer", min: 1, max: 1024, help: "" };
const SIDE: OptionSpec = { kind: "integer", min: 1, max: 16384, help: "" };

/** What the command takes. */
export const BENCH_SPEC: CommandSpec = {
  name: "bench",
  summary: "Measures networks and kernels on this adapter: time, host time, cold start, memory.",
  operands: { usage: "", min: 0, max: 0 },
  options: {
    network: {
      kind: "text",
      value: "NAME[,NAME]",
      help: "Networks to measure; by default all but those on request, and the kernels",
    },
    model: {
      kind: "text",
      value: "FILE",
      help: "Measure the network of a safetensors file, at the size that --size gives",
    },
    precision: {
      kind: "choice",
      choices: PRECISIONS,
      help: "How weights are kept; f32 by default, f16 is compared with it",
    },
    batch: { kind: "text", value: "N[,N]", help: "Batch sizes; each network's own by default" },
    size: { kind: "text", value: "N or HxW", help: "Image size in pixels; each network's own by default" },
    kernels: { kind: "flag", help: "Measure the kernels; alone unless --network is given" },
    algorithms: {
      kind: "flag",
      help: "Measure convolutions and a product in every algorithm, alone: for the cost model",
    },
    gradients: {
      kind: "flag",
      help: "What gradients cost, alone: time and planned memory, with and without checkpoints",
    },
    "no-subgroups": { kind: "flag", help: "--algorithms on this adapter as if it had no subgroups" },
    runs: { kind: "integer", min: 1, max: 1000, help: `Repeated measurements (default ${DEFAULT_SAMPLES})` },
    check: {
      kind: "flag",
      help: `Measure ${BOUNDED_RUN.network} and compare it with the bounds; exit code 1 if one is exceeded`,
    },
    json: { kind: "flag", help: "Print one JSON object a line instead of a table" },
    "no-tuned": { kind: "flag", help: 'Do not take what "deno task tune" has stored for this adapter' },
    "no-record": { kind: "flag", help: "Do not append the rows to bench/results" },
  },
  lists: [{ title: "Networks", rows: Object.entries(NETWORKS).map(([name, { summary }]) => [name, summary]) }],
  examples: [
    ["deno task bench --network prior,unet-64", "a row of each, before and after a change"],
    ["deno task bench --check", "the bounds that the product promises"],
  ],
};

/** Options that say what network is measured. */
const CHOOSING = ["network", "model", "precision", "batch", "size"];

/** What is measured alone, and what that is called. */
const ALONE: Readonly<Record<string, readonly [what: string, others: readonly string[]]>> = {
  check: ["what the bounds speak of", [...CHOOSING, "kernels"]],
  algorithms: ["convolutions alone", ["check", "kernels", ...CHOOSING]],
  gradients: ["two networks", ["check", "kernels", "algorithms", ...CHOOSING]],
};

/**
 * What a command line asks for.
 * @throws {UsageError} if options contradict each other, or name a network that is not there
 */
export function benchOptions(values: OptionValues): BenchOptions {
  const has = (name: string): boolean => values[name] !== undefined;
  for (const [name, [what, others]] of Object.entries(ALONE)) {
    if (has(name) && others.some(has)) {
      throw new UsageError(`--${name} measures ${what}: leave out --${others.join(", --")}`);
    }
  }
  if (has("no-subgroups") && !has("algorithms")) throw new UsageError("--no-subgroups belongs to --algorithms");
  if (has("model") && (!has("size") || has("network"))) {
    throw new UsageError("--model takes the place of --network and needs --size");
  }
  const samples = numberOf(values, "runs") ?? DEFAULT_SAMPLES;
  const [network, model, batch, size] = ["network", "model", "batch", "size"].map((name) => textOf(values, name));
  const precision = textOf(values, "precision") as Precision | undefined;
  const usual = has("kernels") || has("algorithms") || has("gradients") || has("model")
    ? []
    : Object.keys(NETWORKS).filter((name) => !NETWORKS[name]!.onRequest);
  const names = network?.split(",").map((name) => String(checkOption("network", NETWORK, name))) ?? usual;
  const batches = batch?.split(",").map((word) => Number(checkOption("batch", BATCH, word)));
  const extent = size === undefined ? undefined : parseSize(size);
  const runs = model !== undefined && extent
    ? (batches ?? [1]).map((batch) => ({ network: nameOf(model), file: model, batch, ...extent, samples }))
    : names.flatMap((name) => runsOf(name, batches, extent, samples));
  return {
    runs: has("check")
      ? [{ ...BOUNDED_RUN, samples }]
      : runs.map((run) => ({ ...run, ...(precision && { precision }) })),
    kernels: has("kernels") || !["check", "algorithms", "gradients", "network", "model"].some(has),
    algorithms: has("algorithms"),
    gradients: has("gradients"),
    withoutSubgroups: has("no-subgroups"),
    samples,
    json: has("json"),
    record: !has("no-record"),
    tuned: !has("no-tuned"),
    check: has("check"),
  };
}

function runsOf(
  name: string,
  batches: readonly number[] | undefined,
  size: { readonly height: number; readonly width: number } | undefined,
  samples: number,
): NetworkRun[] {
  const network = NETWORKS[name]!;
  const { height, width } = size ?? { height: network.side, width: network.side };
  return (batches ?? network.batches).map((batch) => ({ network: name, batch, height, width, samples }));
}

/** The name of a file without folder and ending. */
function nameOf(path: string): string {
  return path.split(/[\\/]/).at(-1)!.replace(/\.[^.]+$/, "");
}

function parseSize(text: string): { readonly height: number; readonly width: number } {
  const [height = "", width = height, ...rest] = text.split("x");
  if (rest.length > 0) throw new UsageError(`--size is "${text}", one number or HEIGHTxWIDTH is needed`);
  const side = (word: string): number => Number(checkOption("size", SIDE, word));
  return { height: side(height), width: side(width) };
}
