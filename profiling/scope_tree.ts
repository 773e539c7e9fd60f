/** The dispatches of a profile as a tree of scopes, for the flame view and the trace. */
import type { KernelTime } from "../engine/mod.ts";
import { scopeLevels } from "./summary.ts";

/** A scope, or at the leaves a kernel. */
export interface ScopeNode {
  /** Last level of the scope, or the label of the kernel. */
  readonly name: string;
  /** The whole scope, for a kernel with its label behind it. */
  readonly path: string;
  /** Begin, the times before it added up. */
  readonly start: number;
  readonly milliseconds: number;
  readonly dispatches: number;
  readonly flops: number;
  readonly bytes: number;
  readonly children: readonly ScopeNode[];
}

/**
 * How dispatches become nodes: "scope" joins all of a scope wherever they run, "time" keeps the order of execution and
 * joins neighbours only.
 */
export type TreeOrder = "scope" | "time";

interface Branch {
  readonly name: string;
  readonly path: string;
  readonly rows: KernelTime[];
  readonly children: Branch[];
}

/** The tree of all rows under one root; a node begins where its elder sibling ends, and its children fill it. */
export function scopeTree(rows: readonly KernelTime[], order: TreeOrder): ScopeNode {
  const root: Branch = { name: "all", path: "", rows: [], children: [] };
  for (const row of rows) {
    let branch = root;
    branch.rows.push(row);
    const levels = scopeLevels(row.scope);
    for (const name of levels) branch = descend(branch, name, row, order);
    const kernel = descend(branch, row.label, row, order, " ");
    // In the order of time each dispatch is a leaf of its own.
    if (order === "time" && kernel.rows.length > 1) {
      kernel.rows.pop();
      branch.children.push({ name: row.label, path: kernel.path, rows: [row], children: [] });
    }
  }
  return finish(root, 0);
}

function descend(branch: Branch, name: string, row: KernelTime, order: TreeOrder, separator = "."): Branch {
  const known = order === "scope"
    ? branch.children.find((child) => child.name === name)
    : branch.children.at(-1)?.name === name
    ? branch.children.at(-1)
    : undefined;
  const child = known ??
    { name, path: branch.path === "" ? name : `${branch.path}${separator}${name}`, rows: [], children: [] };
  if (!known) branch.children.push(child);
  child.rows.push(row);
  return child;
}

function finish({ name, path, rows, children }: Branch, start: number): ScopeNode {
  const finished: ScopeNode[] = [];
  let at = start;
  for (const child of children) {
    const node = finish(child, at);
    finished.push(node);
    at += node.milliseconds;
  }
  const sum = (column: "milliseconds" | "flops" | "bytes"): number => rows.reduce((all, row) => all + row[column], 0);
  return {
    name,
    path,
    start,
    milliseconds: sum("milliseconds"),
    dispatches: rows.length,
    flops: sum("flops"),
    bytes: sum("bytes"),
    children: finished,
  };
}
