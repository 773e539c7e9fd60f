/** A profile as data: what `--json` writes and `--compare` reads; tables, trace and page are made from it. */
import type { Precision } from "../models/mod.ts";
import type { KernelTime, Plan, Shape, TimingMethod } from "../engine/mod.ts";
import { UsageError } from "../parameters/mod.ts";

/** What the adapter reaches at most, measured in the same run. */
export interface Ceilings {
  /** Multiply-adds in registers, counted as two operations. */
  readonly gflopPerSecond: number;
  /** Bytes read and written by a copy. */
  readonly gigabytesPerSecond: number;
}

/** A value in a slot, from the first dispatch that touches it to the last, both included. */
export interface MemoryValue {
  /** Operation that makes it, with its scope. */
  readonly name: string;
  /** Number of the slot that holds it. */
  readonly slot: number;
  /** Its size; slots may be larger. */
  readonly bytes: number;
  /** Number of the first dispatch. */
  readonly first: number;
  /** Number of the last dispatch. */
  readonly last: number;
}

/** Device memory of the stage and the runtime. */
export interface MemoryPicture {
  /** Size of each slot. */
  readonly slotBytes: readonly number[];
  /** What the slots hold over time. */
  readonly values: readonly MemoryValue[];
  /** Bytes of all buffers of the runtime now, weights included. */
  readonly deviceBytes: number;
  /** The most of them at any time so far. */
  readonly peakDeviceBytes: number;
}

/** A stage of a step, and how often it runs in it. */
export interface StageRuns {
  /** Name of the stage. */
  readonly name: string;
  /** How often it runs in the step. */
  readonly runs: number;
}

/** Everything that was measured. */
export interface ProfileDocument {
  /** What the file says it is. */
  readonly format: typeof FORMAT;
  /** The adapter that was measured. */
  readonly adapter: string;
  /** Weights are kept in f32 where no precision is named. */
  readonly model: { readonly name: string; readonly parameters: number; readonly precision?: Precision };
  /** Name of the task. */
  readonly task: string;
  /** Whose step it is, and which; files of earlier versions do not say. */
  readonly sampler?: {
    readonly name: string;
    readonly preset?: string;
    readonly options: object;
    readonly step: string;
    readonly sigmaY: number;
  };
  /** The operator, and the shape of what it measures. */
  readonly operator?: { readonly name: string; readonly measurementShape: Shape };
  /** What the step consists of. */
  readonly stages?: readonly StageRuns[];
  /** Images that are restored together. */
  readonly batch: number;
  /** Height of the image in pixels. */
  readonly height: number;
  /** Width of the image in pixels. */
  readonly width: number;
  /** How dispatches were timed. */
  readonly method: TimingMethod;
  /** Replays that medians are over. */
  readonly replays: number;
  /** What the adapter can do at most. */
  readonly ceilings: Ceilings;
  /** Wall time of a plain replay of all stages. */
  readonly replayMilliseconds: number;
  /** What all dispatches of a timed replay take together. */
  readonly kernelMilliseconds: number;
  /** The least of these two, where the machine was least disturbed. */
  readonly fastest: { readonly replayMilliseconds: number; readonly kernelMilliseconds: number };
  /** From the begin of the first dispatch of a timed replay to the end of the last; null if not known. */
  readonly spanMilliseconds: number | null;
  /** Time on the host to encode and submit a replay. */
  readonly hostMilliseconds: number;
  /** Compute pipelines of the step. */
  readonly pipelines: number;
  /** Time to compile them. */
  readonly compileMilliseconds: number;
  /** One row for each dispatch, in order; the operations and bytes of a call divided among its dispatches by time. */
  readonly kernels: readonly KernelTime[];
  /** Device memory while it runs. */
  readonly memory: MemoryPicture;
}

/** What a profile file says it is. */
export const FORMAT = "shortcut-profile-1";

/**
 * Divides the operations and bytes of each call among its dispatches by their time: the engine counts all bytes at the
 * first one, and the operations at its products, whose rates would mean nothing then.
 */
export function divideCosts(rows: readonly KernelTime[]): readonly KernelTime[] {
  const calls: KernelTime[][] = [];
  for (const row of rows) {
    if (row.bytes > 0 || calls.length === 0) calls.push([]);
    calls.at(-1)?.push(row);
  }
  return calls.flatMap((call) => {
    const [first] = call;
    const total = call.reduce((sum, row) => sum + row.milliseconds, 0);
    const flops = call.reduce((sum, row) => sum + row.flops, 0);
    if (call.length === 1 || total === 0 || !first) return call;
    return call.map((row) => {
      const share = row.milliseconds / total;
      return { ...row, flops: flops * share, bytes: first.bytes * share };
    });
  });
}

/**
 * What lives where and when: every value with the dispatch that makes it, or the input that it is.
 * @param plans what runs, one after the other; each has slots of its own, and the same ones when it runs again
 */
export function memoryValues(plans: readonly Plan[]): Pick<MemoryPicture, "slotBytes" | "values"> {
  const slotBytes: number[] = [];
  const values: MemoryValue[] = [];
  const firstSlots = new Map<Plan, number>();
  let before = 0;
  for (const plan of plans) {
    if (!firstSlots.has(plan)) {
      firstSlots.set(plan, slotBytes.length);
      slotBytes.push(...plan.slotBytes);
    }
    const inputs = new Map([...plan.inputs].map(([name, { id }]) => [id, `input ${name}`]));
    for (const { id, bytes, first, last } of plan.lifetimes) {
      const maker = plan.dispatches[first];
      const name = inputs.get(id) ?? (maker?.scope ? `${maker.label} at ${maker.scope}` : maker?.label ?? "value");
      const slot = firstSlots.get(plan)! + (plan.slotOf.get(id) ?? 0);
      const end = Math.min(last, plan.dispatches.length - 1);
      values.push({ name, slot, bytes, first: before + Math.max(0, first), last: before + end });
    }
    before += plan.dispatches.length;
  }
  return { slotBytes, values };
}

/**
 * Reads a profile back.
 * @param path name of the file, for the message
 * @throws {UsageError} if the text is no profile
 */
export function parseDocument(text: string, path: string): ProfileDocument {
  const found = parse(text);
  if (typeof found === "object" && found !== null && "format" in found && found.format === FORMAT) {
    return found as ProfileDocument;
  }
  throw new UsageError(`"${path}" is no profile, a file that "profile --json FILE" has written is needed`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
