/** The memory picture of a page: slots over dispatches, and the bytes that are live. */
import { escapeText, size } from "../report/mod.ts";
import type { ProfileDocument } from "./document.ts";
import { colourOf } from "./flame_boxes.ts";
import { liveBytes } from "./summary.ts";

const WIDTH = 1200;
const LEFT = 90;

/** Heights: of the curve above, of all slots together, and of a slot at least. */
const CURVE = 110;
const SLOTS = 320;
const LEAST_SLOT = 5;
const GAP = 26;

/** The picture: above the live bytes at each dispatch, below a row for each slot, the largest first. */
export function memoryChart({ memory, kernels }: ProfileDocument): string {
  const count = Math.max(1, kernels.length);
  const across = (dispatch: number): number => LEFT + (WIDTH - LEFT - 4) * dispatch / count;
  const total = memory.slotBytes.reduce((sum, bytes) => sum + bytes, 0) || 1;
  const live = liveBytes(memory, kernels.length);
  const up = (bytes: number): number => CURVE - (CURVE - 12) * bytes / total;
  const steps = live.flatMap((bytes, index) => [
    `${across(index).toFixed(1)},${up(bytes).toFixed(1)}`,
    `${across(index + 1).toFixed(1)},${up(bytes).toFixed(1)}`,
  ]);
  const colour = colourOf(kernels);
  const order = Array.from(memory.slotBytes, (bytes, slot) => ({ bytes, slot })).sort((a, b) => b.bytes - a.bytes);
  const parts: string[] = [];
  let top = CURVE + GAP;
  for (const { bytes, slot } of order) {
    const height = Math.max(LEAST_SLOT, SLOTS * bytes / total);
    parts.push(
      `<rect class="slot" x="${LEFT}" y="${top.toFixed(1)}" width="${WIDTH - LEFT - 4}" height="${
        (height - 1).toFixed(1)
      }"/>`,
    );
    if (height >= 13) {
      parts.push(
        `<text x="${LEFT - 6}" y="${(top + height / 2 + 4).toFixed(1)}" text-anchor="end">${size(bytes)}</text>`,
      );
    }
    for (const value of memory.values.filter((other) => other.slot === slot)) {
      const [from, to] = [Math.max(0, value.first), Math.min(count, value.last + 1)];
      const tall = Math.max(2, (height - 1) * value.bytes / (bytes || 1));
      const label = value.name.startsWith("input ") ? "input" : value.name.split(" at ")[0] ?? "";
      const title = `${value.name}: ${size(value.bytes)} in slot ${slot}, dispatches ${from} to ${to - 1}`;
      parts.push(
        `<rect class="value ${label === "input" ? "input" : `c${colour(label)}`}" x="${across(from).toFixed(2)}" ` +
          `y="${top.toFixed(1)}" width="${Math.max(0.8, across(to) - across(from) - 0.4).toFixed(2)}" ` +
          `height="${tall.toFixed(1)}"><title>${escapeText(title)}</title></rect>`,
      );
    }
    top += height;
  }
  const peak = Math.max(0, ...live);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => Math.round(share * (count - 1)));
  return `<div class="scroll"><svg viewBox="0 0 ${WIDTH} ${
    (top + 44).toFixed(0)
  }" role="img" aria-label="Slots over dispatches">
<line class="limit" x1="${LEFT}" x2="${WIDTH - 4}" y1="${up(total).toFixed(1)}" y2="${up(total).toFixed(1)}"/>
<text x="${LEFT - 6}" y="${(up(total) + 4).toFixed(1)}" text-anchor="end">${size(total)}</text>
<polygon class="area" points="${LEFT},${CURVE} ${steps.join(" ")} ${WIDTH - 4},${CURVE}"><title>live bytes, at most ${
    size(peak)
  }</title></polygon>
<text x="${LEFT - 6}" y="${CURVE}" text-anchor="end">0</text>
${parts.join("\n")}
${
    ticks.map((tick) =>
      `<text x="${across(tick).toFixed(1)}" y="${(top + 16).toFixed(1)}" text-anchor="middle">${tick}</text>`
    ).join("\n")
  }
<text x="${(LEFT + WIDTH) / 2}" y="${(top + 36).toFixed(1)}" text-anchor="middle">dispatch</text>
</svg></div>`;
}
