/** The flame view of a page: scopes as boxes, each as wide as its time. */
import type { KernelTime } from "../engine/mod.ts";
import { escapeText, time } from "../report/mod.ts";
import { colouredOperations, flameBoxes } from "./flame_boxes.ts";

const ROW_HEIGHT = 22;
const WIDTH = 1200;

/** The colours with their operations and times. */
export function legend(rows: readonly KernelTime[]): string {
  const entries = colouredOperations(rows).map(({ name, colour, milliseconds }) =>
    `<li><b class="key c${colour}"></b>${escapeText(name)} <em>${time(milliseconds)}</em></li>`
  );
  return `<ul class="legend">${entries.join("")}</ul>`;
}

/** All scopes below each other, kernels in the colours of their operations. */
export function flameChart(rows: readonly KernelTime[]): string {
  const boxes = flameBoxes(rows);
  const drawn = boxes.map(({ name, title, start, depth, colour, ...box }) => {
    const [x, width] = [start * WIDTH, box.width * WIDTH];
    return `<g class="box ${colour === null ? `scope d${depth % 2}` : `c${colour}`}" data-x="${x.toFixed(3)}" ` +
      `data-w="${width.toFixed(3)}" data-d="${depth}">` +
      `<title>${escapeText(title)}</title>` +
      `<rect x="${x.toFixed(2)}" y="${depth * ROW_HEIGHT}" width="${width.toFixed(2)}" height="${ROW_HEIGHT - 1}"/>` +
      `<text x="${(x + 3).toFixed(2)}" y="${depth * ROW_HEIGHT + 15}" data-t="${escapeText(name)}">` +
      `${escapeText(fitted(name, width))}</text></g>`;
  });
  const height = (1 + boxes.reduce((deepest, { depth }) => Math.max(deepest, depth), 0)) * ROW_HEIGHT;
  return `<div class="scroll"><svg id="flames" viewBox="0 0 ${WIDTH} ${height}" role="img" ` +
    `aria-label="Flame view: time by scope">${drawn.join("\n")}</svg></div>`;
}

/** As much of a name as a box has room for. */
function fitted(name: string, width: number): string {
  const room = Math.floor((width - 6) / 6.6);
  if (room >= name.length) return name;
  return room >= 4 ? `${name.slice(0, room - 1)}…` : "";
}
