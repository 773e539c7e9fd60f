/** What reports share: markup with its values escaped, SVG charts, tables and quantities as text. Values in, text out. */
export { type Content, escapeText, html, Markup } from "./html.ts";
export { type Chart, chart, legend, type Point, type Series } from "./chart.ts";
export { csv, type Field } from "./csv.ts";
export { paretoFront, type Tradeoff } from "./pareto.ts";
export { textColumns } from "./text_columns.ts";
export { percent, size, time } from "./quantities.ts";
