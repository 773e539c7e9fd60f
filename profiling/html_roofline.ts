/** The roofline of a page: rate against operations per byte, both logarithmic, under the measured ceilings. */
import { escapeText, time } from "../report/mod.ts";
import type { ProfileDocument } from "./document.ts";
import { colourOf } from "./flame_boxes.ts";
import { ratesOf, sumOf } from "./summary.ts";

const BOX = { left: 70, top: 16, right: 1180, bottom: 440 } as const;
const VIEW = { width: 1200, height: 490 } as const;

/** Radius of the point of a dispatch that takes the whole time. */
const LARGEST_RADIUS = 40;

/** Decades below the compute ceiling that the plot shows. */
const DECADES = 4;

/** A logarithmic axis between two powers of ten. */
interface Axis {
  readonly low: number;
  readonly high: number;
  place(value: number): number;
}

/** The plot; dispatches without operations or bytes have no place in it. */
export function rooflineChart({ kernels, ceilings }: ProfileDocument): string {
  const colour = colourOf(kernels);
  const all = sumOf(kernels, "milliseconds") || 1;
  const points = kernels.filter(({ flops, bytes, milliseconds }) => flops > 0 && bytes > 0 && milliseconds > 0)
    .map((row) => ({ row, intensity: row.flops / row.bytes, rate: ratesOf(row, ceilings).gflopPerSecond }))
    .sort((a, b) => b.row.milliseconds - a.row.milliseconds);
  const knee = ceilings.gflopPerSecond / ceilings.gigabytesPerSecond;
  const x = axis([knee, ...points.map(({ intensity }) => intensity)], BOX.left, BOX.right);
  const top = Math.max(ceilings.gflopPerSecond, ...points.map(({ rate }) => rate));
  const lowest = Math.max(top / 10 ** DECADES, Math.min(top, ...points.map(({ rate }) => rate)));
  const y = axis([lowest, top], BOX.bottom, BOX.top);
  const roof = (intensity: number): number =>
    Math.min(ceilings.gflopPerSecond, intensity * ceilings.gigabytesPerSecond);
  const start = Math.max(x.low, y.low / ceilings.gigabytesPerSecond);
  const path = [start, knee, x.high].map((at) => `${x.place(at).toFixed(1)},${y.place(roof(at)).toFixed(1)}`);
  const middle = Math.sqrt(start * knee);
  const slope = { x: x.place(middle), y: y.place(roof(middle)) };
  const dots = points.map(({ row, intensity, rate }) => {
    const radius = Math.max(2.5, LARGEST_RADIUS * Math.sqrt(row.milliseconds / all));
    const share = 100 * rate / roof(intensity);
    const title = `${row.label} at ${row.scope || "-"}: ${time(row.milliseconds)}, ${rate.toFixed(2)} GFLOP/s, ` +
      `${intensity.toFixed(2)} FLOP/byte, ${share.toFixed(0)} % of the ceiling there`;
    return `<circle class="dot c${colour(row.label)}" cx="${x.place(intensity).toFixed(1)}" ` +
      `cy="${y.place(Math.max(rate, y.low)).toFixed(1)}" r="${radius.toFixed(1)}"><title>${
        escapeText(title)
      }</title></circle>`;
  });
  return `<div class="scroll"><svg viewBox="0 0 ${VIEW.width} ${VIEW.height}" role="img" aria-label="Roofline">
${grid(x, y)}
<polyline class="roof" points="${path.join(" ")}"/>
${dots.join("\n")}
<text class="roofname" x="${BOX.right}" y="${(y.place(ceilings.gflopPerSecond) - 6).toFixed(1)}" text-anchor="end">${
    ceilings.gflopPerSecond.toPrecision(3)
  } GFLOP/s</text>
<text class="roofname" x="${(slope.x - 12).toFixed(1)}" y="${(slope.y - 6).toFixed(1)}" text-anchor="end">${
    ceilings.gigabytesPerSecond.toPrecision(3)
  } GB/s</text>
<text x="${(BOX.left + BOX.right) / 2}" y="${VIEW.height - 8}" text-anchor="middle">operations per byte</text>
<text transform="translate(16 ${(BOX.top + BOX.bottom) / 2}) rotate(-90)" text-anchor="middle">GFLOP/s</text>
</svg></div>`;
}

function axis(values: readonly number[], from: number, to: number): Axis {
  const low = 10 ** Math.floor(Math.log10(Math.min(...values)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...values) * 1.05));
  const length = Math.log10(high / low) || 1;
  return { low, high, place: (value) => from + (to - from) * Math.log10(value / low) / length };
}

function grid(x: Axis, y: Axis): string {
  const lines: string[] = [];
  for (const value of decades(x)) {
    const at = x.place(value).toFixed(1);
    lines.push(`<line class="grid" x1="${at}" x2="${at}" y1="${BOX.top}" y2="${BOX.bottom}"/>`);
    lines.push(`<text x="${at}" y="${BOX.bottom + 18}" text-anchor="middle">${shown(value)}</text>`);
  }
  for (const value of decades(y)) {
    const at = y.place(value);
    lines.push(`<line class="grid" x1="${BOX.left}" x2="${BOX.right}" y1="${at.toFixed(1)}" y2="${at.toFixed(1)}"/>`);
    lines.push(`<text x="${BOX.left - 8}" y="${(at + 4).toFixed(1)}" text-anchor="end">${shown(value)}</text>`);
  }
  return lines.join("\n");
}

function decades({ low, high }: Axis): readonly number[] {
  const [first, last] = [Math.round(Math.log10(low)), Math.round(Math.log10(high))];
  return Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
}

function shown(value: number): string {
  return value >= 1e4 ? value.toExponential(0).replace("+", "") : String(Number(value.toPrecision(1)));
}
