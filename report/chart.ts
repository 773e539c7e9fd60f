/** Charts as inline SVG: lines with points, one colour and mark a series. The style sheet of the page colours `.c0` to `.c7`. */
import { html, Markup } from "./html.ts";
import { paretoFront } from "./pareto.ts";

/** A point, and the interval of its y that a whisker shows. */
export type Point = readonly [x: number, y: number, interval?: readonly [low: number, high: number] | undefined];

/** A line of a chart. */
export interface Series {
  /** What the legend calls it. */
  readonly name: string;
  /** Its points, joined in this order. */
  readonly points: readonly Point[];
}

/** What a chart shows. */
export interface Chart {
  /** What stands above it. */
  readonly title: string;
  /** What stands below the horizontal axis. */
  readonly xTitle: string;
  /** What stands beside the vertical axis. */
  readonly yTitle: string;
  /** The axis that is logarithmic; its values must be positive. `x+1`: of x + 1, so that 0 has a place. */
  readonly logarithmic?: "x" | "y" | "x+1";
  /** Marks the points that no other is left of and better than, where greater or smaller y are better. */
  readonly front?: "greater" | "smaller";
  /** How large it is drawn; default small. */
  readonly size?: "small" | "large";
  /** Its lines. */
  readonly series: readonly Series[];
}

const SIZES = { small: { width: 420, height: 270 }, large: { width: 560, height: 380 } };
const MARGIN = { left: 58, right: 14, top: 28, bottom: 40 };

/** Number of colours of the style sheet. */
const COLOURS = 8;

/** A chart; nothing without points. */
export function chart(
  { title, xTitle, yTitle, logarithmic, front, size = "small", series }: Chart,
): Markup | undefined {
  const points = series.flatMap((line) => line.points).filter(isPlaced);
  if (points.length === 0) return undefined;
  const { width, height } = SIZES[size];
  const xScale = X_SCALES[logarithmic ?? "y"];
  const yScale = logarithmic === "y" ? Math.log10 : identity;
  const x = axis(points.map(([value]) => xScale(value)), 0.04);
  const y = axis(points.map(([, value]) => yScale(value)), 0.08);
  const left = (value: number): number =>
    MARGIN.left + (width - MARGIN.left - MARGIN.right) * (xScale(value) - x.low) / (x.high - x.low);
  const top = (value: number): number =>
    height - MARGIN.bottom - (height - MARGIN.top - MARGIN.bottom) * (yScale(value) - y.low) / (y.high - y.low);
  const xTicks = xScale === identity ? ticks(x, 6) : spacedTicks(points.map(([value]) => value), xScale);
  const yTicks = logarithmic === "y" ? powers(y) : ticks(y, 5);
  const grid = yTicks.map((value) =>
    html`
      <line class="grid" x1="${MARGIN.left}" x2="${width - MARGIN.right}" y1="${top(value).toFixed(1)}" y2="${top(value)
        .toFixed(1)}" />
      <text class="tick" x="${MARGIN.left - 6}" y="${(top(value) + 4).toFixed(1)}" text-anchor="end">${short(
        value,
      )}</text>
    `
  );
  const marks = xTicks.map((value) =>
    html`<text class="tick" x="${left(value).toFixed(1)}" y="${height - MARGIN.bottom + 16}" text-anchor="middle">${
      short(value)
    }</text>`
  );
  const area = { left, top, clamped: (value: number) => clamp(top(value), MARGIN.top, height - MARGIN.bottom) };
  const lines = series.map((line, index) => drawn(line, index, area));
  const middle = (MARGIN.top + height - MARGIN.bottom) / 2;
  return html`
    <figure class="chart">
      <svg viewBox="0 0 ${width} ${height}" role="img"
        aria-label="${title}: ${yTitle} against ${xTitle}"><text class="name" x="${MARGIN
          .left}" y="17">${title}</text>${grid}${marks}<text class="axis" x="${(MARGIN.left + width - MARGIN.right) /
          2}" y="${height -
          6}" text-anchor="middle">${xTitle}</text><text class="axis" x="11" y="${middle}" text-anchor="middle" transform="rotate(-90 11 ${middle})">${yTitle}</text>${lines}${front &&
          drawnFront(series, front, area)}</svg>
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

/** Where values lie. */
interface Area {
  left(x: number): number;
  top(y: number): number;
  /** As `top`, of values beyond the axis its end. */
  clamped(y: number): number;
}

function drawn({ name, points }: Series, index: number, { left, top, clamped }: Area): Markup {
  const shown = points.filter(isPlaced).toSorted(([a], [b]) => a - b);
  const path = shown.map(([x, y]) => `${left(x).toFixed(1)},${top(y).toFixed(1)}`).join(" ");
  const dots = shown.map(([x, y, interval]) => {
    const at = left(x).toFixed(1);
    const whisker = interval?.every(Number.isFinite)
      ? html`
        <line class="whisker" x1="${at}" x2="${at}" y1="${clamped(interval[0]).toFixed(1)}" y2="${clamped(interval[1])
          .toFixed(1)}" />
      `
      : undefined;
    const range = whisker && ` (${short(interval![0])} to ${short(interval![1])})`;
    return html`<g class="c${index % COLOURS}">${whisker}${mark(index, left(x), top(y))}<title>${name}: ${
      short(y)
    }${range} at ${short(x)}</title></g>`;
  });
  return html`<g>${
    shown.length > 1
      ? html`
        <polyline class="line c${index % COLOURS}" points="${path}" />
      `
      : undefined
  }${dots}</g>`;
}

/** Width of a letter of a label, roughly. */
const LETTER = 5.2;

/** The front as stairs, with a ring and the name of the series at each of its points. */
function drawnFront(series: readonly Series[], better: "greater" | "smaller", { left, top }: Area): Markup {
  const all = series.flatMap(({ name, points }) => points.map(([x, y]) => ({ name, x, y })));
  const front = paretoFront(all.map(({ x, y }) => [x, y] as const), better).map((place) => all[place]!);
  const corners = front.map(({ x, y }, k) => {
    const [at, before] = [left(x).toFixed(1), front[k - 1]];
    const stair = before ? `${at},${top(before.y).toFixed(1)} ` : "";
    return `${stair}${at},${top(y).toFixed(1)}`;
  });
  // Cheaper and better than the front nothing is: there is room for names.
  const labels = front.map(({ name, x, y }) => {
    const [at, down] = [left(x), better === "greater" ? -7 : 14];
    const isLeft = at - MARGIN.left > LETTER * name.length + 6;
    return html`
      <circle class="ring" cx="${at.toFixed(1)}" cy="${top(y).toFixed(1)}" r="7.5" />
      <text class="label" x="${(at + (isLeft ? -6 : 8)).toFixed(1)}" y="${(top(y) + down).toFixed(
        1,
      )}" text-anchor="${isLeft ? "end" : "start"}">${name}</text>
    `;
  });
  return html`<g><polyline class="front" points="${corners.join(" ")}" />${labels}</g>`;
}

/** Circles, squares, diamonds and triangles upwards and downwards, eight colours of each. */
function mark(index: number, x: number, y: number): Markup {
  const colour = `mark c${index % COLOURS}`;
  const at = (dx: number, dy: number): string => `${(x + dx).toFixed(1)},${(y + dy).toFixed(1)}`;
  switch (Math.floor(index / COLOURS) % 5) {
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
    case 3:
      return html`
        <polygon class="${colour}" points="${[at(0, -5), at(5, 4), at(-5, 4)].join(" ")}" />
      `;
    default:
      return html`
        <polygon class="${colour}" points="${[at(0, 5), at(5, -4), at(-5, -4)].join(" ")}" />
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

/** How x is scaled where an axis is logarithmic. */
const X_SCALES = { x: Math.log10, y: identity, "x+1": (value: number) => Math.log10(value + 1) };

function isPlaced([x, y]: Point): boolean {
  return Number.isFinite(x) && Number.isFinite(y);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
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

/** The values themselves where they are few, else those that lie well apart on a logarithmic axis. */
function spacedTicks(values: readonly number[], scale: (value: number) => number): readonly number[] {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  const width = scale(sorted.at(-1)!) - scale(sorted[0]!) || 1;
  let last = -Infinity;
  return sorted.filter((value) => {
    if (scale(value) - last < width * 0.09) return false;
    last = scale(value);
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
