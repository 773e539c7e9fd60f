/** The flame view of a page: scopes as boxes, each as wide as its time. */
import type { KernelTime } from "../engine/mod.ts";
import { escapeText, time } from "../report/mod.ts";
import { type ScopeNode, scopeTree } from "./scope_tree.ts";
import { operationOf, totalsBy } from "./summary.ts";

/** Colours for operations; what takes less time than these shares the last. */
const COLOURS = 7;

const ROW_HEIGHT = 22;
const WIDTH = 1200;

/** Width below which a box is left out, and characters are not shown, in units of the drawing. */
const LEAST_BOX = 0.3;

/** The colour class of each operation, by time; the same on the whole page. */
export function colourOf(rows: readonly KernelTime[]): (label: string) => string {
  const order = totalsBy(rows, operationOf).map(({ name }) => name);
  return (label) => {
    const place = order.indexOf(operationOf({ label }));
    return `c${place < 0 || place >= COLOURS ? COLOURS : place}`;
  };
}

/** The colours with their operations and times. */
export function legend(rows: readonly KernelTime[]): string {
  const totals = totalsBy(rows, operationOf);
  const entries = totals.slice(0, COLOURS).map(({ name, milliseconds }, index) =>
    `<li><b class="key c${index}"></b>${escapeText(name)} <em>${time(milliseconds)}</em></li>`
  );
  const rest = totals.slice(COLOURS);
  if (rest.length > 0) {
    const sum = rest.reduce((all, { milliseconds }) => all + milliseconds, 0);
    entries.push(`<li><b class="key c${COLOURS}"></b>others <em>${time(sum)}</em></li>`);
  }
  return `<ul class="legend">${entries.join("")}</ul>`;
}

/** All scopes below each other, kernels in the colours of their operations. */
export function flameChart(rows: readonly KernelTime[]): string {
  const root = scopeTree(rows, "scope");
  const scale = WIDTH / (root.milliseconds || 1);
  const colour = colourOf(rows);
  const boxes: string[] = [];
  let deepest = 0;
  const visit = (node: ScopeNode, depth: number): void => {
    const [x, width] = [node.start * scale, node.milliseconds * scale];
    if (width < LEAST_BOX) return;
    deepest = Math.max(deepest, depth);
    const share = 100 * node.milliseconds / (root.milliseconds || 1);
    const count = node.dispatches === 1 ? "1 dispatch" : `${node.dispatches} dispatches`;
    const rate = node.milliseconds > 0 ? `, ${(node.flops / node.milliseconds / 1e6).toFixed(1)} GFLOP/s` : "";
    const title = `${node.path || "all"}: ${time(node.milliseconds)}, ${share.toFixed(1)} %, ${count}${rate}`;
    const kind = node.children.length === 0 ? colour(node.name) : `scope d${depth % 2}`;
    boxes.push(
      `<g class="box ${kind}" data-x="${x.toFixed(3)}" data-w="${width.toFixed(3)}" data-d="${depth}">` +
        `<title>${escapeText(title)}</title>` +
        `<rect x="${x.toFixed(2)}" y="${depth * ROW_HEIGHT}" width="${width.toFixed(2)}" height="${ROW_HEIGHT - 1}"/>` +
        `<text x="${(x + 3).toFixed(2)}" y="${depth * ROW_HEIGHT + 15}" data-t="${escapeText(node.name)}">` +
        `${escapeText(fitted(node.name, width))}</text></g>`,
    );
    for (const child of node.children) visit(child, depth + 1);
  };
  visit(root, 0);
  const height = (deepest + 1) * ROW_HEIGHT;
  return `<div class="scroll"><svg id="flames" viewBox="0 0 ${WIDTH} ${height}" role="img" ` +
    `aria-label="Flame view: time by scope">${boxes.join("\n")}</svg></div>`;
}

/** As much of a name as a box has room for. */
function fitted(name: string, width: number): string {
  const room = Math.floor((width - 6) / 6.6);
  if (room >= name.length) return name;
  return room >= 4 ? `${name.slice(0, room - 1)}…` : "";
}
