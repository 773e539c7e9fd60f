/** The flame view of a profile as data: scopes as boxes, each as wide as its time, and the colours of operations. */
import type { KernelTime } from "../engine/mod.ts";
import { time } from "../report/mod.ts";
import { type ScopeNode, scopeTree } from "./scope_tree.ts";
import { operationOf, totalsBy } from "./summary.ts";

/** Colours for operations; what takes less time than these shares the last. */
const COLOURS = 7;

/** Part of the whole below which a box is left out. */
const LEAST_WIDTH = 0.00025;

/** A scope or kernel. */
export interface FlameBox {
  /** Last level of the scope, or the label of the kernel. */
  readonly name: string;
  /** What it is and what it costs, in a line. */
  readonly title: string;
  /** Where it begins, as part of the whole time, 0 to 1. */
  readonly start: number;
  /** Its time as part of the whole, 0 to 1. */
  readonly width: number;
  /** How deep it lies; 0 is the whole. */
  readonly depth: number;
  /** Number of its colour for a kernel; null for a scope. */
  readonly colour: number | null;
}

/** An operation with its colour. */
export interface ColouredOperation {
  /** Name of the operation; `others` for all that share the last colour. */
  readonly name: string;
  /** Number of its colour, from 0. */
  readonly colour: number;
  /** Time of its dispatches. */
  readonly milliseconds: number;
}

/** The number of the colour of a kernel's operation, by time; the same wherever these rows are shown. */
export function colourOf(rows: readonly KernelTime[]): (label: string) => number {
  const order = totalsBy(rows, operationOf).map(({ name }) => name);
  return (label) => {
    const place = order.indexOf(operationOf({ label }));
    return place < 0 || place >= COLOURS ? COLOURS : place;
  };
}

/** The operations with their colours and times, the longest first. */
export function colouredOperations(rows: readonly KernelTime[]): readonly ColouredOperation[] {
  const totals = totalsBy(rows, operationOf);
  const own = totals.slice(0, COLOURS).map(({ name, milliseconds }, colour) => ({ name, colour, milliseconds }));
  const rest = totals.slice(COLOURS);
  const milliseconds = rest.reduce((sum, total) => sum + total.milliseconds, 0);
  return rest.length === 0 ? own : [...own, { name: "others", colour: COLOURS, milliseconds }];
}

/** All scopes with what they hold behind them, those that are too narrow to be seen left out. */
export function flameBoxes(rows: readonly KernelTime[]): readonly FlameBox[] {
  const root = scopeTree(rows, "scope");
  const whole = root.milliseconds || 1;
  const colour = colourOf(rows);
  const boxes: FlameBox[] = [];
  const visit = ({ children, ...node }: ScopeNode, depth: number): void => {
    const width = node.milliseconds / whole;
    if (width < LEAST_WIDTH) return;
    const count = node.dispatches === 1 ? "1 dispatch" : `${node.dispatches} dispatches`;
    const rate = node.milliseconds > 0 ? `, ${(node.flops / node.milliseconds / 1e6).toFixed(1)} GFLOP/s` : "";
    boxes.push({
      name: node.name,
      title: `${node.path || "all"}: ${time(node.milliseconds)}, ${(100 * width).toFixed(1)} %, ${count}${rate}`,
      start: node.start / whole,
      width,
      depth,
      colour: children.length === 0 ? colour(node.name) : null,
    });
    for (const child of children) visit(child, depth + 1);
  };
  visit(root, 0);
  return boxes;
}
