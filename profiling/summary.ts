/** Sums over the rows of a profile: by kernel, by block of the network, by stage of the step; memory over dispatches. */
import type { KernelTime } from "../engine/mod.ts";
import { percent, time } from "../report/mod.ts";
import type { Ceilings, MemoryPicture, ProfileDocument } from "./document.ts";

/** What several dispatches cost together. */
export interface Total {
  /** What they have in common: a kernel, a block or a stage. */
  readonly name: string;
  /** How many they are. */
  readonly dispatches: number;
  /** Their time together. */
  readonly milliseconds: number;
  /** Part of the time of all dispatches, 0 to 1. */
  readonly share: number;
  /** Floating-point operations. */
  readonly flops: number;
  /** Bytes read and written. */
  readonly bytes: number;
}

/** How fast something ran, and how near to what the adapter can do; 1 is the ceiling. */
export interface Rates {
  /** Thousand million floating-point operations each second. */
  readonly gflopPerSecond: number;
  /** Thousand million bytes read and written each second. */
  readonly gigabytesPerSecond: number;
  /** Part of the ceiling of arithmetic. */
  readonly ofCompute: number;
  /** Part of the ceiling of memory. */
  readonly ofMemory: number;
}

/** The levels of a scope: a number belongs to the name before it, `input_blocks.4`, `0`, `in_layers.2`. */
export function scopeLevels(scope: string): readonly string[] {
  return scope.match(/[^.]+(?:\.\d+(?![^.]))?/g) ?? [];
}

/** Whether a dispatch belongs to a reverse pass: it computes a cotangent, or again what a checkpoint did not keep. */
export function isBackward({ scope }: Pick<KernelTime, "scope">): boolean {
  return /(^|\.)(backward|recomputed)$/.test(scope);
}

/**
 * The stage of the step that a dispatch belongs to: network, predict, projection, noise or update; those of a reverse
 * pass are marked `(backward)`.
 */
export function stageOf(row: Pick<KernelTime, "scope">): string {
  const stage = scopeLevels(row.scope)[0] ?? "(no scope)";
  return isBackward(row) && stage !== row.scope ? `${stage} (backward)` : stage;
}

/** The block of the network: the first two levels of the scope. */
export function blockOf({ scope }: Pick<KernelTime, "scope">): string {
  return scopeLevels(scope).slice(0, 2).join(".") || "(no scope)";
}

/** The kernel of a dispatch. */
export function kernelOf({ label }: Pick<KernelTime, "label">): string {
  return label;
}

/** The operation of a kernel: what stands before the first dot of its label. */
export function operationOf({ label }: Pick<KernelTime, "label">): string {
  return label.split(".")[0] ?? label;
}

/** Sums rows by a name, the longest time first. */
export function totalsBy(rows: readonly KernelTime[], nameOf: (row: KernelTime) => string): readonly Total[] {
  const groups = Map.groupBy(rows, nameOf);
  const all = sumOf(rows, "milliseconds") || 1;
  return Array.from(groups, ([name, group]): Total => {
    const milliseconds = sumOf(group, "milliseconds");
    return {
      name,
      dispatches: group.length,
      milliseconds,
      share: milliseconds / all,
      flops: sumOf(group, "flops"),
      bytes: sumOf(group, "bytes"),
    };
  }).sort((a, b) => b.milliseconds - a.milliseconds);
}

/** The sum of one column. */
export function sumOf(rows: readonly KernelTime[], column: "milliseconds" | "flops" | "bytes"): number {
  return rows.reduce((sum, row) => sum + row[column], 0);
}

/** Rates of a row or a sum; 0 where no time passed. */
export function ratesOf(
  { milliseconds, flops, bytes }: Pick<Total, "milliseconds" | "flops" | "bytes">,
  ceilings: Ceilings,
): Rates {
  const perSecond = (amount: number): number => milliseconds > 0 ? amount / milliseconds / 1e6 : 0;
  const [gflopPerSecond, gigabytesPerSecond] = [perSecond(flops), perSecond(bytes)];
  return {
    gflopPerSecond,
    gigabytesPerSecond,
    ofCompute: gflopPerSecond / ceilings.gflopPerSecond,
    ofMemory: gigabytesPerSecond / ceilings.gigabytesPerSecond,
  };
}

/** Bytes of the values that live at each dispatch. */
export function liveBytes({ values }: Pick<MemoryPicture, "values">, dispatches: number): readonly number[] {
  const live = new Array<number>(dispatches).fill(0);
  for (const { bytes, first, last } of values) {
    for (let at = Math.max(0, first); at <= Math.min(last, dispatches - 1); at++) live[at] = (live[at] ?? 0) + bytes;
  }
  return live;
}

/** Largest difference between a replay and its dispatches that needs no explanation, as part of the replay. */
const AGREEMENT = 0.1;

/** How the dispatches of a replay make up its wall time, and what the rest is, in sentences. */
export function explainTime(document: ProfileDocument): readonly string[] {
  const { replayMilliseconds: wall, kernelMilliseconds: sum, spanMilliseconds, fastest, hostMilliseconds } = document;
  const rows = sumOf(document.kernels, "milliseconds");
  const lines = [
    `A plain replay takes ${time(wall)}, its dispatches ${time(sum)} together: ${difference(wall, sum)}; where the ` +
    `machine was least disturbed ${time(fastest.replayMilliseconds)} and ${time(fastest.kernelMilliseconds)}: ` +
    `${difference(fastest.replayMilliseconds, fastest.kernelMilliseconds)}.`,
    ...explainDifference(document),
    `The host needs ${time(hostMilliseconds)} to encode and submit it, ${percent(hostMilliseconds / (wall || 1), 2)} ` +
    "of the replay.",
  ];
  if (spanMilliseconds !== null) {
    const gaps = Math.max(0, spanMilliseconds - sum);
    const each = 1000 * gaps / Math.max(1, document.kernels.length - 1);
    lines.push(
      `Between the dispatches of a timed replay pass ${time(gaps)}, ${each.toFixed(1)} us each: there every dispatch ` +
        "is a pass of its own, between two timestamps.",
    );
  }
  if (sum > 1.05 * rows) {
    lines.push(
      `The rows of the tables add up to ${time(rows)}: each is a median of its own, so they leave out disturbances ` +
        "that a whole replay meets.",
    );
  }
  return lines;
}

/** Why a replay and its dispatches differ by more than they should; nothing if they do not. */
function explainDifference({ fastest, replayMilliseconds, kernelMilliseconds, method }: ProfileDocument): string[] {
  const rest = (wall: number, sum: number): number => wall > 0 ? (wall - sum) / wall : 0;
  const least = rest(fastest.replayMilliseconds, fastest.kernelMilliseconds);
  if (Math.abs(rest(replayMilliseconds, kernelMilliseconds)) <= AGREEMENT) return [];
  if (Math.abs(least) <= AGREEMENT) {
    return ["The difference is the work of other programs, which meets the two unequally."];
  }
  if (least > 0) return ["The rest passes between dispatches: barriers, scheduling, and what other programs take."];
  return [
    method === "timestamps"
      ? "Timed alone, a dispatch pays for its start and its end; in a plain replay neighbours overlap."
      : "Repeated alone, a dispatch finds its data in caches differently, and no neighbour overlaps it.",
  ];
}

function difference(wall: number, sum: number): string {
  const part = wall > 0 ? (wall - sum) / wall : 0;
  return part >= 0 ? `${percent(part)} are not accounted for` : `${percent(-part)} more than the replay`;
}

/** What was profiled, in one line. */
export function titleOf({ model, task, sampler, height, width, batch }: ProfileDocument): string {
  const half = model.precision === "f16" ? " in half precision" : "";
  return `One step of ${sampler ? `${sampler.name} for ` : ""}${task} with ${model.name} (${
    (model.parameters / 1e6).toFixed(1)
  } M parameters${half}), ` +
    `${height}x${width}, batch ${batch}`;
}
