/** A profile in the trace event format that Perfetto and chrome://tracing open. */
import type { ProfileDocument } from "./document.ts";
import { type ScopeNode, scopeTree } from "./scope_tree.ts";
import { liveBytes, titleOf } from "./summary.ts";

/** One event: `X` a complete one, `M` a name, `C` a counter; times in microseconds. */
export interface TraceEvent {
  /** What is shown in the bar. */
  readonly name: string;
  /** Kind of the event. */
  readonly ph: "X" | "M" | "C";
  /** Process, a group of rows. */
  readonly pid: number;
  /** Thread, a row. */
  readonly tid: number;
  /** When it begins. */
  readonly ts?: number;
  /** How long it lasts. */
  readonly dur?: number;
  /** Category, by which rows are filtered. */
  readonly cat?: string;
  /** Figures that are shown beside it. */
  readonly args: Readonly<Record<string, string | number>>;
}

/** A trace file. */
export interface ChromeTrace {
  /** All events, in any order. */
  readonly traceEvents: readonly TraceEvent[];
  /** Unit in which viewers show times. */
  readonly displayTimeUnit: "ms";
  /** Facts of the whole recording, by name. */
  readonly otherData: Readonly<Record<string, string>>;
}

const PROCESS = { pid: 1, tid: 1 } as const;

/**
 * The dispatches end to end in their order, each with its median time, inside the scopes that they belong to, and the
 * bytes that are live at each.
 */
export function chromeTrace(document: ProfileDocument): ChromeTrace {
  const events: TraceEvent[] = [
    { name: "process_name", ph: "M", ...PROCESS, args: { name: document.adapter } },
    { name: "thread_name", ph: "M", ...PROCESS, args: { name: `${document.task}: one step` } },
  ];
  const visit = (node: ScopeNode): void => {
    const isKernel = node.children.length === 0;
    events.push({
      name: node.name,
      ph: "X",
      ...PROCESS,
      ts: 1000 * node.start,
      dur: 1000 * node.milliseconds,
      cat: isKernel ? "kernel" : "scope",
      args: { scope: node.path, dispatches: node.dispatches, GFLOP: node.flops / 1e9, MB: node.bytes / 1e6 },
    });
    node.children.forEach(visit);
  };
  scopeTree(document.kernels, "time").children.forEach(visit);
  let at = 0;
  const live = liveBytes(document.memory, document.kernels.length);
  for (const [index, { milliseconds }] of document.kernels.entries()) {
    events.push({ name: "live bytes", ph: "C", ...PROCESS, ts: 1000 * at, args: { bytes: live[index] ?? 0 } });
    at += milliseconds;
  }
  return { traceEvents: events, displayTimeUnit: "ms", otherData: { title: titleOf(document) } };
}
