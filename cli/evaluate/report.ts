/** The page of an evaluation: tables as papers print them, quality against evaluations, time, pictures to compare. */
import { escapeText, htmlDocument } from "../html.ts";
import { qualityCharts } from "./chart.ts";
import { pictureGrid } from "./pictures.ts";
import { SCRIPT, STYLE } from "./report_style.ts";
import type { Store } from "./store.ts";
import { type Cell, medianOf, type Tables } from "./tables.ts";

/** What the page says besides the tables. */
export interface ReportOptions {
  /** The command line that wrote it. */
  readonly command: string;
  /** Most pictures of a task that are shown. */
  readonly pictures: number;
}

/** A column of a task, with the direction in which it is better. */
interface Metric {
  readonly name: string;
  readonly better: "up" | "down";
  readonly digits: number;
  valueOf(cell: Cell): number;
  /** Half the width of the confidence interval, if there is one. */
  reachOf(cell: Cell): number | undefined;
  /** The same figure of a published table. */
  readonly paper: "psnr" | "ssim" | "lpips" | "fid";
}

const reach = ({ interval: [low, high] }: Cell["psnr"]): number => (high - low) / 2;

const METRICS: readonly Metric[] = [
  {
    name: "PSNR",
    better: "up",
    digits: 2,
    valueOf: ({ psnr }) => psnr.infinite > 0 ? Infinity : psnr.mean,
    reachOf: ({ psnr }) => psnr.infinite > 0 ? undefined : reach(psnr),
    paper: "psnr",
  },
  {
    name: "SSIM",
    better: "up",
    digits: 3,
    valueOf: ({ ssim }) => ssim.mean,
    reachOf: () => undefined,
    paper: "ssim",
  },
  {
    name: "LPIPS",
    better: "down",
    digits: 3,
    valueOf: ({ lpips }) => lpips?.mean ?? NaN,
    reachOf: () => undefined,
    paper: "lpips",
  },
  { name: "FID", better: "down", digits: 2, valueOf: ({ fid }) => fid ?? NaN, reachOf: () => undefined, paper: "fid" },
];

/** The page, with everything that it shows inside. */
export async function htmlReport(store: Store, tables: Tables, options: ReportOptions): Promise<string> {
  const { evaluation, rows } = tables;
  const { title, note, model, unfit, units } = evaluation;
  const adapters = [...new Set(rows.map(({ adapter }) => adapter))].join("; ");
  const missing = units.length - rows.length;
  const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;
  const facts = [
    count(evaluation.images.length, "picture"),
    count(evaluation.seeds.length, "seed"),
    `model ${model.name} (${(model.parameters / 1e6).toFixed(1)} M parameters)`,
    adapters,
    ...(missing > 0 ? [`${missing} of ${units.length} results are missing`] : []),
  ];
  return htmlDocument({
    title,
    style: STYLE,
    script: SCRIPT,
    body: `<header>
<h1>${escapeText(title)}</h1>
${note === "" ? "" : `<p>${escapeText(note)}</p>`}
<p>${escapeText(facts.join(" · "))}</p>
</header>
<main>
<section id="quality"><h2>Quality</h2>
<p>Means over pictures and seeds, PSNR in dB with the half width of its 95 % confidence interval. <b>Best</b>, <u>second best</u> of a column.</p>
${qualityTable(tables)}
</section>
<section id="curves"><h2>Quality against network evaluations</h2>
${qualityCharts(tables)}
</section>
<section id="time"><h2>Time</h2>
<p>Medians for one picture, as it was restored: alone, and with the work of its first step.</p>
${timeTable(tables)}
</section>
<section id="pictures"><h2>Pictures</h2>
<p>Click a picture to look closer, and to slide between it and another.</p>
${await pictureGrid(store, tables, options.pictures)}
</section>
${unfit.length === 0 ? "" : unfitList(tables)}
<section id="origin"><h2>How this was made</h2>
<pre>${escapeText(options.command)}</pre>
<details><summary>Everything that decides the results</summary>
<pre>${escapeText(JSON.stringify({ ...evaluation, units: units.length }, null, 2))}</pre>
</details>
</section>
</main>
${VIEWER}`,
  });
}

/** What shows a picture larger, above another. */
const VIEWER = `<dialog id="viewer" aria-label="Comparison">
<header><label>Left <select></select></label><strong></strong><button type="button" aria-label="Close">×</button></header>
<div class="stage"><img class="under" alt=""><img class="over" alt=""><span class="edge"></span></div>
<input type="range" min="0" max="100" value="50" aria-label="Share of the left picture">
</dialog>`;

function qualityTable({ evaluation, cells }: Tables): string {
  const { paper } = evaluation;
  const tasks = evaluation.tasks.filter(({ name }) => cells.some(({ task }) => task === name));
  const columns = tasks.flatMap(({ name }) =>
    METRICS.flatMap((metric) => {
      const own = cells.filter(({ task }) => task === name);
      const isThere = own.some((cell) => !Number.isNaN(metric.valueOf(cell))) ||
        paper.some((row) => row.task === name && row.figures[metric.paper] !== undefined);
      return isThere ? [{ task: name, metric, ranks: ranksOf(own, metric) }] : [];
    })
  );
  const width = (task: string): number => columns.filter((column) => column.task === task).length;
  const heads = tasks.map(({ name, options }) =>
    `<th colspan="${width(name)}" class="group" title="${escapeText(options)}">${escapeText(name)}</th>`
  );
  const metricHeads = columns.map(({ metric, task }, index) =>
    `<th class="n${columns[index - 1]?.task === task ? "" : " first"}">${metric.name} ${
      metric.better === "up" ? "↑" : "↓"
    }</th>`
  );
  const rows = evaluation.methods.flatMap(({ name, options }) => {
    const own = cells.filter(({ method }) => method === name);
    if (own.length === 0) return [];
    const fields = columns.map(({ task, metric, ranks }, index) => {
      const cell = own.find((cell) => cell.task === task);
      const first = columns[index - 1]?.task === task ? "" : " first";
      return `<td class="n${first}">${cell ? figure(cell, metric, ranks) : "–"}</td>`;
    });
    const nfe = [...new Set(own.map((cell) => cell.nfe))].join(", ");
    return [
      `<tr><th title="${escapeText(options)}">${escapeText(name)}</th><td class="n">${nfe}</td>${fields.join("")}</tr>`,
    ];
  });
  const published = [...Map.groupBy(paper, ({ method }) => method)].map(([method, own]) => {
    const fields = columns.map(({ task, metric }, index) => {
      const value = own.find((row) => row.task === task)?.figures[metric.paper];
      const first = columns[index - 1]?.task === task ? "" : " first";
      return `<td class="n${first}">${value === undefined ? "–" : value.toFixed(metric.digits)}</td>`;
    });
    const nfe = own.find((row) => row.nfe !== undefined)?.nfe ?? "–";
    return `<tr class="paper"><th>${escapeText(method)}</th><td class="n">${nfe}</td>${fields.join("")}</tr>`;
  });
  return `<div class="scroll"><table class="quality"><thead>
<tr><th rowspan="2">Method</th><th rowspan="2" class="n">NFE</th>${heads.join("")}</tr>
<tr>${metricHeads.join("")}</tr></thead>
<tbody>${rows.join("\n")}</tbody>
${published.length === 0 ? "" : `<tbody class="published">${published.join("\n")}</tbody>`}</table></div>`;
}

/** The best value of a metric and the second best, as they are printed. */
function ranksOf(cells: readonly Cell[], { valueOf, better, digits }: Metric): readonly string[] {
  const values = cells.map(valueOf).filter((value) => !Number.isNaN(value));
  const ordered = values.toSorted((a, b) => better === "up" ? b - a : a - b).map((value) => printed(value, digits));
  return [...new Set(ordered)].slice(0, 2);
}

function printed(value: number, digits: number): string {
  return value === Infinity ? "exact" : value.toFixed(digits);
}

function figure(cell: Cell, metric: Metric, [best, second]: readonly string[]): string {
  const value = metric.valueOf(cell);
  if (Number.isNaN(value)) return "–";
  const text = printed(value, metric.digits);
  const marked = text === best ? `<b>${text}</b>` : text === second ? `<u>${text}</u>` : text;
  const half = metric.reachOf(cell);
  return half === undefined || Number.isNaN(half) ? marked : `${marked} <small>±${half.toFixed(metric.digits)}</small>`;
}

function timeTable({ evaluation, cells }: Tables): string {
  const rows = evaluation.methods.flatMap(({ name }) => {
    const own = cells.filter(({ method }) => method === name).flatMap((cell) => cell.rows);
    if (own.length === 0) return [];
    const evaluated = own.filter(({ evaluations }) => evaluations.actual > 1);
    const each = evaluated.length === 0
      ? "–"
      : `${(1000 * medianOf(evaluated.map(({ timings }) => timings.secondsPerNfe))).toPrecision(3)} ms`;
    const seconds = medianOf(own.map(({ timings }) => timings.seconds));
    const nfe = [...new Set(own.map(({ evaluations }) => evaluations.actual))].join(", ");
    return [
      `<tr><th>${escapeText(name)}</th><td class="n">${nfe}</td><td class="n">${seconds.toPrecision(3)} s</td>` +
      `<td class="n">${each}</td></tr>`,
    ];
  });
  return `<div class="scroll"><table><thead><tr><th>Method</th><th class="n">NFE</th><th class="n">per picture</th>
<th class="n">per evaluation</th></tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

function unfitList({ evaluation }: Tables): string {
  const rows = evaluation.unfit.map(({ task, method, reason }) =>
    `<tr><th>${escapeText(method)}</th><td>${escapeText(task)}</td><td class="reason">${escapeText(reason)}</td></tr>`
  );
  return `<section id="unfit"><h2>Left out</h2>
<p>Methods that do not go with a task.</p>
<div class="scroll"><table><tbody>${rows.join("\n")}</tbody></table></div></section>`;
}
