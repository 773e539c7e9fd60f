/** Results as text for people. */
import { textColumns } from "../report/mod.ts";
import type { BoundResult } from "./bounds.ts";
import type { LoadingTimes } from "./model_file.ts";
import { WAYS } from "./gradients.ts";
import type { GradientRow, KernelRow, NetworkRow, Row } from "./row.ts";
import type { StartTimes } from "./network.ts";
import type { Spread } from "./statistics.ts";

/** All that was measured: a block for each network, then a line for each kernel. */
export function formatRows(rows: readonly Row[]): string {
  const networks = rows.filter((row) => row.kind === "network").map(formatNetwork);
  const kernels = rows.filter((row) => row.kind === "kernel");
  const gradients = rows.filter((row) => row.kind === "gradient").map(formatGradient);
  return [...networks, ...gradients, ...(kernels.length > 0 ? [formatKernels(kernels)] : [])].join("\n\n");
}

/** A line for each bound: what was found, the limit, ok or FAILED. */
export function formatBounds(results: readonly BoundResult[]): string {
  return columns(results.map(({ quantity, found, limit, unit, ok }) => [
    quantity,
    `${found.toPrecision(3)} ${unit}`,
    `under ${limit} ${unit}`,
    ok ? "ok" : "FAILED",
  ]));
}

function formatNetwork(row: NetworkRow): string {
  const precision = row.precision === "f16" ? ", weights in half precision" : "";
  const head = `${row.network}, batch ${row.batch}, ${row.height}x${row.width}${precision}: ` +
    `${(row.parameters / 1e6).toFixed(2)} M parameters, ${row.gflop.toFixed(2)} GFLOP`;
  const check = row.check.method === "reference"
    ? `relative L2 error ${row.check.error.toExponential(1)} against the CPU reference`
    : "all finite, the last result equal to the first";
  return `${head}\n${
    columns([
      ["  checked", check],
      ...(row.halfError === undefined
        ? []
        : [["  rounding", `relative L2 error ${row.halfError.toExponential(1)} against weights in single precision`]]),
      ["  time per evaluation", `${formatSpread(row.nfeMilliseconds)}, ${row.gflopPerSecond.toFixed(1)} GFLOP/s`],
      ["  host time", `${formatSpread(row.hostMilliseconds)}, ${row.dispatches} dispatches`],
      ["  cold start", formatStart(row.coldStartMilliseconds)],
      ...(row.warmStartMilliseconds ? [["  warm start", formatStart(row.warmStartMilliseconds)]] : []),
      ...(row.loading ? [["  loading", formatLoading(row.loading)]] : []),
      ["  pipelines", String(row.pipelines)],
      [
        "  memory",
        `process peak ${megabytes(row.peakProcessBytes)}, GPU buffers ${megabytes(row.deviceBytes)} ` +
        `(peak ${megabytes(row.peakDeviceBytes)})`,
      ],
    ])
  }`;
}

function formatGradient(row: GradientRow): string {
  const head = `${row.network}, batch 1, ${row.height}x${row.width}: ${(row.parameters / 1e6).toFixed(2)} M parameters`;
  return `${head}\n${
    columns(WAYS.map((way) => {
      const times = row.milliseconds?.[way];
      const ratio = (values: Readonly<Record<typeof way, number>>): string =>
        way === "forward" ? "" : ` (${(values[way] / values.forward).toFixed(2)} x)`;
      return [
        `  ${way}`,
        ...(times && row.milliseconds && row.processMilliseconds
          ? [
            formatSpread(times) + ratio(medians(row.milliseconds)),
            `process ${milliseconds(row.processMilliseconds[way].median)}${ratio(medians(row.processMilliseconds))}`,
          ]
          : []),
        `${row.gflop[way].toFixed(1)} GFLOP${ratio(row.gflop)}`,
        `activations ${megabytes(row.activationBytes[way])}${ratio(row.activationBytes)}`,
        `constants ${megabytes(row.constantBytes[way])}`,
      ];
    }))
  }`;
}

function medians(spreads: Readonly<Record<typeof WAYS[number], Spread>>): Record<typeof WAYS[number], number> {
  const { forward, gradient, checkpointed } = spreads;
  return { forward: forward.median, gradient: gradient.median, checkpointed: checkpointed.median };
}

function formatLoading({ fileBytes, loadMilliseconds, readMilliseconds, skimMilliseconds }: LoadingTimes): string {
  const timed = (time: number): string => `${seconds(time)} (${(fileBytes / time / 1e6).toFixed(2)} GB/s)`;
  return `${megabytes(fileBytes)} in ${timed(loadMilliseconds)}; reading the file into memory ` +
    `${timed(readMilliseconds)}, piece by piece ${timed(skimMilliseconds)}`;
}

function formatKernels(rows: readonly KernelRow[]): string {
  return columns(rows.map(({ kernel, milliseconds, gflopPerSecond, check, dispatches }) => [
    kernel,
    formatSpread(milliseconds),
    `${gflopPerSecond.toFixed(1)} GFLOP/s`,
    `error ${check.error.toExponential(1)}`,
    dispatches.join(", "),
  ]));
}

function formatSpread({ median, min, max, samples }: Spread): string {
  return `${milliseconds(median)} (${milliseconds(min)} to ${milliseconds(max)} in ${samples})`;
}

function formatStart({ total, ...parts }: StartTimes): string {
  const listed = Object.entries(parts).map(([part, time]) => `${part} ${seconds(time)}`).join(", ");
  return `${seconds(total)}: ${listed}`;
}

function milliseconds(value: number): string {
  return `${value < 999.5 ? value.toPrecision(3) : value.toFixed(0)} ms`;
}

function seconds(value: number): string {
  return `${(value / 1000).toFixed(2)} s`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function columns(rows: readonly (readonly string[])[]): string {
  return textColumns(rows, Infinity);
}
