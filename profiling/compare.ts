/** What changed between two profiles. */
import type { KernelTime } from "../engine/mod.ts";
import { textColumns, time } from "../report/mod.ts";
import type { ProfileDocument } from "./document.ts";
import { blockOf, kernelOf, stageOf, titleOf, totalsBy } from "./summary.ts";

/** One name in both profiles; a time is undefined where a profile does not have it. */
export interface Change {
  readonly name: string;
  readonly before: number | undefined;
  readonly after: number | undefined;
  /** Milliseconds after minus before. */
  readonly difference: number;
  readonly dispatchesBefore: number;
  readonly dispatchesAfter: number;
}

/** The changes by a name, the largest first whether up or down. */
export function changesBy(
  before: readonly KernelTime[],
  after: readonly KernelTime[],
  nameOf: (row: KernelTime) => string,
): readonly Change[] {
  const [old, recent] = [before, after].map((rows) =>
    new Map(totalsBy(rows, nameOf).map((total) => [total.name, total]))
  );
  const names = new Set([...old!.keys(), ...recent!.keys()]);
  return Array.from(names, (name): Change => {
    const [was, is] = [old!.get(name), recent!.get(name)];
    return {
      name,
      before: was?.milliseconds,
      after: is?.milliseconds,
      difference: (is?.milliseconds ?? 0) - (was?.milliseconds ?? 0),
      dispatchesBefore: was?.dispatches ?? 0,
      dispatchesAfter: is?.dispatches ?? 0,
    };
  }).sort((a, b) => Math.abs(b.difference) - Math.abs(a.difference));
}

/** Both profiles side by side: replay, host, memory, then by stage, block and kernel. */
export function formatComparison(before: ProfileDocument, after: ProfileDocument): string {
  const slots = ({ memory }: ProfileDocument): number => memory.slotBytes.reduce((sum, bytes) => sum + bytes, 0) / 1e6;
  const figures: readonly (readonly [string, number, number, (value: number) => string])[] = [
    ["replay", before.replayMilliseconds, after.replayMilliseconds, time],
    ["dispatches together", before.kernelMilliseconds, after.kernelMilliseconds, time],
    ["host", before.hostMilliseconds, after.hostMilliseconds, time],
    ["number of dispatches", before.kernels.length, after.kernels.length, String],
    ["slots", slots(before), slots(after), (value) => `${value.toFixed(2)} MB`],
    [
      "compute ceiling",
      before.ceilings.gflopPerSecond,
      after.ceilings.gflopPerSecond,
      (v) => `${v.toFixed(1)} GFLOP/s`,
    ],
    [
      "memory ceiling",
      before.ceilings.gigabytesPerSecond,
      after.ceilings.gigabytesPerSecond,
      (v) => `${v.toFixed(2)} GB/s`,
    ],
  ];
  const groups = [["stage", stageOf], ["block", blockOf], ["kernel", kernelOf]] as const;
  return [
    `A: ${titleOf(before)}, on ${before.adapter}`,
    `B: ${titleOf(after)}, on ${after.adapter}`,
    ...(before.adapter === after.adapter ? [] : ["The adapters differ: so do the times, whatever else has changed."]),
    ...(titleOf(before) === titleOf(after) ? [] : ["What was profiled differs."]),
    "",
    textColumns([
      ["", "A", "B", "B / A"],
      ...figures.map(([name, a, b, show]) => [name, show(a), show(b), ratio(a, b)]),
    ]),
    ...groups.flatMap(([what, nameOf]) => [
      "",
      textColumns([
        [what, "A", "B", "difference", "B / A", "dispatches"],
        ...changesBy(before.kernels, after.kernels, nameOf).map(cells),
      ]),
    ]),
  ].join("\n");
}

function cells({ name, before, after, difference, dispatchesBefore, dispatchesAfter }: Change): readonly string[] {
  const sign = difference < 0 ? "-" : "+";
  return [
    name,
    before === undefined ? "-" : time(before),
    after === undefined ? "-" : time(after),
    `${sign}${time(Math.abs(difference))}`,
    ratio(before, after),
    dispatchesBefore === dispatchesAfter ? String(dispatchesAfter) : `${dispatchesBefore} -> ${dispatchesAfter}`,
  ];
}

function ratio(before: number | undefined, after: number | undefined): string {
  if (before === undefined) return "new";
  if (after === undefined) return "gone";
  return before > 0 ? (after / before).toFixed(2) : "-";
}
