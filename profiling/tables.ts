/** A profile as text for a terminal. */
import type { KernelTime } from "../engine/mod.ts";
import { percent, size, textColumns, time } from "../report/mod.ts";
import type { Ceilings, ProfileDocument } from "./document.ts";
import {
  blockOf,
  explainTime,
  kernelOf,
  liveBytes,
  ratesOf,
  stageOf,
  sumOf,
  titleOf,
  type Total,
  totalsBy,
} from "./summary.ts";

/** Single dispatches that are listed. */
const LARGEST = 12;

/** The whole profile: what was measured, by stage, by block, by kernel, largest dispatches, time, memory. */
export function formatProfile(document: ProfileDocument): string {
  const { kernels, ceilings } = document;
  const all: Total = {
    name: "all",
    dispatches: kernels.length,
    share: 1,
    milliseconds: sumOf(kernels, "milliseconds"),
    flops: sumOf(kernels, "flops"),
    bytes: sumOf(kernels, "bytes"),
  };
  return [
    `${titleOf(document)}, on ${document.adapter}`,
    `Ceilings of this adapter, measured now: ${ceilings.gflopPerSecond.toPrecision(3)} GFLOP/s (multiply-adds), ` +
    `${ceilings.gigabytesPerSecond.toPrecision(3)} GB/s (copy)`,
    `Times by ${document.method}, medians of ${document.replays} replays`,
    "",
    formatTotals("stage", [...totalsBy(kernels, stageOf), all], ceilings),
    "",
    formatTotals("block", totalsBy(kernels, blockOf), ceilings),
    "",
    formatTotals("kernel", totalsBy(kernels, kernelOf), ceilings),
    "",
    formatLargest(kernels, ceilings),
    "",
    ...explainTime(document),
    "",
    formatMemory(document),
  ].join("\n");
}

function formatTotals(what: string, totals: readonly Total[], ceilings: Ceilings): string {
  return textColumns([
    [what, "dispatches", ...MEASURES],
    ...totals.map((total) => [total.name, String(total.dispatches), ...measures(total, total.share, ceilings)]),
  ]);
}

function formatLargest(rows: readonly KernelTime[], ceilings: Ceilings): string {
  const all = sumOf(rows, "milliseconds") || 1;
  const largest = Array.from(rows, (row, index) => ({ row, index }))
    .sort((a, b) => b.row.milliseconds - a.row.milliseconds).slice(0, LARGEST);
  return textColumns([
    ["largest dispatches", "number", ...MEASURES],
    ...largest.map(({ row, index }) => [
      `${row.label} at ${row.scope || "-"}`,
      String(index),
      ...measures(row, row.milliseconds / all, ceilings),
    ]),
  ]);
}

const MEASURES = ["time", "share", "GFLOP", "MB", "GFLOP/s", "GB/s", "of compute", "of memory"];

function measures(
  row: Pick<Total, "milliseconds" | "flops" | "bytes">,
  share: number,
  ceilings: Ceilings,
): readonly string[] {
  const { gflopPerSecond, gigabytesPerSecond, ofCompute, ofMemory } = ratesOf(row, ceilings);
  return [
    time(row.milliseconds),
    percent(share),
    (row.flops / 1e9).toFixed(3),
    (row.bytes / 1e6).toFixed(2),
    gflopPerSecond.toFixed(1),
    gigabytesPerSecond.toFixed(2),
    percent(ofCompute),
    percent(ofMemory),
  ];
}

function formatMemory({ memory, kernels, pipelines, compileMilliseconds }: ProfileDocument): string {
  const slots = memory.slotBytes.reduce((sum, bytes) => sum + bytes, 0);
  const values = memory.values.reduce((sum, { bytes }) => sum + bytes, 0);
  const live = liveBytes(memory, kernels.length);
  const peak = Math.max(0, ...live);
  const at = live.indexOf(peak);
  const scope = kernels[at]?.scope;
  return [
    `Memory of the step: ${memory.values.length} values of ${size(values)} in ${memory.slotBytes.length} slots of ` +
    `${size(slots)}; at most ${size(peak)} live at once, at dispatch ${at}${scope ? ` (${scope})` : ""}`,
    `Memory of the device, weights included: ${size(memory.deviceBytes)}, at most ${size(memory.peakDeviceBytes)}`,
    `Pipelines: ${pipelines}, compiled in ${time(compileMilliseconds)}`,
  ].join("\n");
}
