/** Charts as inline SVG: lines with points, one colour and mark a series. The style sheet of the page colours `.c0` to `.c7`. */
import { html, Markup } from "./html.ts";

/** A line of a chart. */
export interface Series {
  /** What the legend calls it. */
  readonly name: string;
  /** Its points, joined in this order. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** What a chart shows. */
export interface Chart {
  /** What stands above it. */
  readonly title: string;
  /** What stands below the horizontal axis. */
  readonly xTitle: string;
  /** What stands beside the vertical axis. */
  readonly yTitle: string;
  /** The axes that are logarithmic; their values must be positive. */
  readonly logarithmic?: "x" | "y";
  /** Its lines. */
  readonly series: readonly Series[];
}

const WIDTH = 420;
const HEIGHT = 270;
const MARGIN = { left: 58, right: 14, top: 28, bottom: 40 };

/** Number of colours of the style sheet. */
const COLOURS = 8;

/** A chart; nothing without points. */
export function chart({ title, xTitle, yTitle, logarithmic, series }: Chart): Markup | undefined {
  const points = series.flatMap((line) => line.points).filter((point) => point.every(Number.isFinite));
  if (points.length === 0) return undefined;
  const xScale = logarithmic === "x" ? Math.log10 : identity;
  const yScale = logarithmic === "y" ? Math.log10 : identity;
  const x = axis(points.map(([value]) => xScale(value)), 0.04);
  const y = axis(points.map(([, value]) => yScale(value)), 0.08);
  const left = (value: number): number =>
    MARGIN.left + (WIDTH - MARGIN.left - MARGIN.right) * (xScale(value) - x.low) / (x.high - x.low);
  const top = (value: number): number =>
    HEIGHT - MARGIN.bottom - (HEIGHT - MARGIN.top - MARGIN.bottom) * (yScale(value) - y.low) / (y.high - y.low);
  const xTicks = logarithmic === "x" ? logarithmicTicks(points.map(([value]) => value)) : ticks(x, 6);
  const yTicks = logarithmic === "y" ? powers(y) : ticks(y, 5);
  const grid = yTicks.map((value) =>
    html`
      <line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${top(value).toFixed(1)}" y2="${top(value)
        .toFixed(1)}" />
      <text class="tick" x="${MARGIN.left - 6}" y="${(top(value) + 4).toFixed(1)}" text-anchor="end">${short(
        value,
      )}</text>
    `
  );
  const marks = xTicks.map((value) =>
    html`<text class="tick" x="${left(value).toFixed(1)}" y="${HEIGHT - MARGIN.bottom + 16}" text-anchor="middle">${
      short(value)
    }</text>`
  );
  const lines = series.map((line, index) => drawn(line, index, { left, top }));
  const middle = (MARGIN.top + HEIGHT - MARGIN.bottom) / 2;
  return html`
    <figure class="chart">
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"
        aria-label="${title}: ${yTitle} against ${xTitle}"><text class="name" x="${MARGIN
          .left}" y="17">${title}</text>${grid}${marks}<text class="axis" x="${(MARGIN.left + WIDTH - MARGIN.right) /
          2}" y="${HEIGHT -
          6}" text-anchor="middle">${xTitle}</text><text class="axis" x="11" y="${middle}" text-anchor="middle" transform="rotate(-90 11 ${middle})">${yTitle}</text>${lines}</svg>
    </figure>
  `;
}

/** The colours and marks of series by name, in order. */
export function legend(names: readonly string[]): Markup {
  const items = names.map((name, index) =>
    html`<li><svg viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">${mark(index, 7, 7)}</svg>${name}</li>`
  );
  return html`<ul class="legend">${items}</ul>`;
}

function drawn(
  { name, points }: Series,
  index: number,
  { left, top }: { readonly left: (x: number) => number; readonly top: (y: number) => number },
): Markup {
  const shown = points.filter((point) => point.every(Number.isFinite)).toSorted(([a], [b]) => a - b);
  const path = shown.map(([x, y]) => `${left(x).toFixed(1)},${top(y).toFixed(1)}`).join(" ");
  const dots = shown.map(([x, y]) =>
    html`<g>${mark(index, left(x), top(y))}<title>${name}: ${short(y)} at ${short(x)}</title></g>`
  );
  return html`<g>${
    shown.length > 1
      ? html`
        <polyline class="line c${index % COLOURS}" points="${path}" />
      `
      : undefined
  }${dots}</g>`;
}

/** Circles, squares, diamonds and triangles, eight colours of each. */
function mark(index: number, x: number, y: number): Markup {
  const colour = `mark c${index % COLOURS}`;
  const at = (dx: number, dy: number): string => `${(x + dx).toFixed(1)},${(y + dy).toFixed(1)}`;
  switch (Math.floor(index / COLOURS) % 4) {
    case 0:
      return html`
        <circle class="${colour}" cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="4" />
      `;
    case 1:
      return html`
        <polygon class="${colour}" points="${[at(-4, -4), at(4, -4), at(4, 4), at(-4, 4)].join(" ")}" />
      `;
    case 2:
      return html`
        <polygon class="${colour}" points="${[at(0, -5.5), at(5.5, 0), at(0, 5.5), at(-5.5, 0)].join(" ")}" />
      `;
    default:
      return html`
        <polygon class="${colour}" points="${[at(0, -5), at(5, 4), at(-5, 4)].join(" ")}" />
      `;
  }
}

interface Axis {
  readonly low: number;
  readonly high: number;
}

function axis(values: readonly number[], margin: number): Axis {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = high > low ? margin * (high - low) : Math.max(Math.abs(high) * 0.05, 0.5);
  return { low: low - room, high: high + room };
}

function identity(value: number): number {
  return value;
}

/** Powers of ten within an axis of logarithms. */
function powers({ low, high }: Axis): readonly number[] {
  const first = Math.ceil(low);
  return Array.from({ length: Math.max(0, Math.floor(high) - first + 1) }, (_, k) => 10 ** (first + k));
}

/** Round numbers within an axis. */
function ticks({ low, high }: Axis, count: number): readonly number[] {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw) as number;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, k) => (first + k) * step);
}

/** The values themselves where they are few, else those that lie well apart. */
function logarithmicTicks(values: readonly number[]): readonly number[] {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  const width = Math.log(sorted.at(-1)! / sorted[0]!) || 1;
  let last = 0;
  return sorted.filter((value) => {
    if (Math.log(value / last) < width * 0.09) return false;
    last = value;
    return true;
  });
}

function short(value: number): string {
  const size = Math.abs(value);
  if (size > 0 && size < 0.001) return value.toExponential(1).replace(".0", "");
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  const text = value.toFixed(digits);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
