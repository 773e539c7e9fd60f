/** The command line of the benchmarks. */
import { parseArgs } from "@std/cli/parse-args";
import { type Precision, PRECISIONS } from "../models/mod.ts";
import { BOUNDED_RUN } from "./bounds.ts";
import type { NetworkRun } from "./network.ts";
import { NETWORKS } from "./networks.ts";

/** The command line is wrong; exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

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

const FLAGS = [
  "kernels",
  "json",
  "no-record",
  "check",
  "no-tuned",
  "algorithms",
  "gradients",
  "no-subgroups",
  "help",
] as const;
const VALUED = ["network", "model", "precision", "batch", "size", "runs"] as const;

const DEFAULT_SAMPLES = 7;

/** The help text. */
export function helpText(): string {
  const networks = Object.entries(NETWORKS).map(([name, { summary }]) => `  ${name.padEnd(14)}${summary}`);
  return `Measures networks and kernels on this adapter: time, host time, cold start, memory.

Usage: deno task bench [options]

Options:
  --network NAME[,NAME]   Networks to measure; by default all but those on request, and the kernels
  --model FILE            Measure the network of a safetensors file, at the size that --size gives
  --precision f32|f16     How weights are kept; f32 by default, f16 is compared with it
  --batch N[,N]           Batch sizes; each network's own by default
  --size N or HxW         Image size in pixels; each network's own by default
  --kernels               Measure the kernels; alone unless --network is given
  --algorithms            Measure convolutions and a product in every algorithm, alone: for the cost model
  --gradients             What gradients cost, alone: time and planned memory, with and without checkpoints
  --no-subgroups          --algorithms on this adapter as if it had no subgroups
  --runs N                Repeated measurements, 1 to 1000; ${DEFAULT_SAMPLES} by default
  --check                 Measure ${BOUNDED_RUN.network} and compare it with the bounds; exit code 1 if one is exceeded
  --json                  Print one JSON object a line instead of a table
  --no-tuned              Do not take what "deno task tune" has stored for this adapter
  --no-record             Do not append the rows to bench/results
  --help                  Show this text

Networks:
${networks.join("\n")}`;
}

/**
 * Reads the command line.
 * @param words what follows the name of the task
 * @returns the options, or "help" if help was asked for
 * @throws {UsageError} naming the option that is unknown or has a wrong value
 */
export function parseOptions(words: readonly string[]): BenchOptions | "help" {
  const parsed: Record<string, unknown> & { _: (string | number)[] } = parseArgs(words, {
    boolean: FLAGS,
    string: [...VALUED, "_"],
    collect: VALUED,
    unknown: (word, key) => {
      if (key === undefined) return true;
      throw new UsageError(`bench has no option "${word}"; "bench --help" lists the options`);
    },
  });
  if (parsed.help === true) return "help";
  if (parsed._.length > 0) throw new UsageError(`bench takes no arguments, it was given "${parsed._.join(" ")}"`);
  const text = (name: typeof VALUED[number]): string | undefined => single(name, parsed[name] as readonly string[]);
  const samples = integer("runs", text("runs") ?? String(DEFAULT_SAMPLES), 1000);
  const check = parsed.check === true;
  const kernels = parsed.kernels === true;
  const network = text("network");
  const [model, batch, size] = [text("model"), text("batch"), text("size")];
  const precision = precisionOf(text("precision"));
  const chosen = [network, model, batch, size, precision].some((value) => value !== undefined);
  if (check && (chosen || kernels)) {
    throw new UsageError(
      "--check measures what the bounds speak of: leave out --network, --model, --precision, --batch, --size and --kernels",
    );
  }
  const algorithms = parsed.algorithms === true;
  const withoutSubgroups = parsed["no-subgroups"] === true;
  if (algorithms && (check || kernels || chosen)) {
    throw new UsageError(
      "--algorithms measures convolutions alone: leave out --check, --kernels, --network, --model, --precision, --batch, --size",
    );
  }
  const gradients = parsed.gradients === true;
  if (gradients && (check || kernels || algorithms || chosen)) {
    throw new UsageError(
      "--gradients measures two networks: leave out --check, --kernels, --algorithms, --network, --model, --precision, " +
        "--batch, --size",
    );
  }
  if (withoutSubgroups && !algorithms) throw new UsageError("--no-subgroups belongs to --algorithms");
  if (model !== undefined && (size === undefined || network !== undefined)) {
    throw new UsageError("--model takes the place of --network and needs --size");
  }
  const names = network?.split(",") ??
    (kernels || algorithms || gradients || model !== undefined
      ? []
      : Object.keys(NETWORKS).filter((name) => !NETWORKS[name]!.onRequest));
  const batches = batch?.split(",").map((word) => integer("batch", word, 1024));
  const extent = size === undefined ? undefined : parseSize(size);
  const runs = model !== undefined && extent
    ? (batches ?? [1]).map((batch) => ({ network: nameOf(model), file: model, batch, ...extent, samples }))
    : names.flatMap((name) => runsOf(name, batches, extent, samples));
  return {
    runs: check ? [{ ...BOUNDED_RUN, samples }] : runs.map((run) => ({ ...run, ...(precision && { precision }) })),
    kernels: kernels || (!check && !algorithms && !gradients && network === undefined && model === undefined),
    algorithms,
    gradients,
    withoutSubgroups,
    samples,
    json: parsed.json === true,
    record: parsed["no-record"] !== true,
    tuned: parsed["no-tuned"] !== true,
    check,
  };
}

function runsOf(
  name: string,
  batches: readonly number[] | undefined,
  size: { readonly height: number; readonly width: number } | undefined,
  samples: number,
): NetworkRun[] {
  const network = Object.hasOwn(NETWORKS, name) ? NETWORKS[name] : undefined;
  if (!network) {
    throw new UsageError(`--network is "${name}", one of ${Object.keys(NETWORKS).join(", ")} is needed`);
  }
  const { height, width } = size ?? { height: network.side, width: network.side };
  return (batches ?? network.batches).map((batch) => ({ network: name, batch, height, width, samples }));
}

/** The name of a file without folder and ending. */
function nameOf(path: string): string {
  return path.split(/[\\/]/).at(-1)!.replace(/\.[^.]+$/, "");
}

function precisionOf(word: string | undefined): Precision | undefined {
  if (word === undefined) return undefined;
  const precision = PRECISIONS.find((name) => name === word);
  if (precision) return precision;
  throw new UsageError(`--precision is "${word}", one of ${PRECISIONS.join(", ")} is needed`);
}

function single(name: string, given: readonly string[]): string | undefined {
  if (given.length > 1) throw new UsageError(`--${name} was given ${given.length} times, once is needed`);
  if (given[0] === "") throw new UsageError(`--${name} has no value`);
  return given[0];
}

function integer(name: string, word: string, max: number): number {
  const value = /^\d+$/.test(word) ? Number(word) : NaN;
  if (value >= 1 && value <= max) return value;
  throw new UsageError(`--${name} is "${word}", a whole number from 1 to ${max} is needed`);
}

function parseSize(text: string): { readonly height: number; readonly width: number } {
  const [height = "", width = height, ...rest] = text.split("x");
  if (rest.length > 0) throw new UsageError(`--size is "${text}", one number or HEIGHTxWIDTH is needed`);
  return { height: integer("size", height, 16384), width: integer("size", width, 16384) };
}
