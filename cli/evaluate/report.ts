/** The report of an evaluation: one HTML file that needs nothing else. */
import { html, Markup } from "../../report/mod.ts";
import { type Results, shownMean } from "./cells.ts";
import { differenceTable } from "./differences.ts";
import type { KeptPlan } from "./merge.ts";
import { formatValue, metricOf } from "./metrics.ts";
import { noiseCurves, optionCurves, qualityCurves } from "./report_curves.ts";
import { makeGallery } from "./report_pictures.ts";
import { SCRIPT, STYLE } from "./report_style.ts";
import { MAIN_METRICS, resultTable } from "./report_table.ts";
import { listSeeds } from "./seeds.ts";
import type { Store } from "./store.ts";
import { explain, judge, type Verdict } from "./trends.ts";

/** What the report tells besides the results. */
export interface ReportSetting extends Pick<KeptPlan, "command" | "configuration"> {
  /** Pictures shown for each task. */
  readonly pictures: number;
}

/** Writes `report.html`. */
export async function writeReport(store: Store, results: Results, setting: ReportSetting): Promise<void> {
  await store.writeText("report.html", await makeReport(store, results, setting));
}

/** The page. */
async function makeReport(
  store: Store,
  results: Results,
  { command, configuration, pictures: limit }: ReportSetting,
): Promise<string> {
  const { plan, columns } = results;
  const { markup: gallery, pictures } = await makeGallery(store, results, limit);
  const main = columns.filter((name) => MAIN_METRICS.includes(name));
  const others = columns.filter((name) => !MAIN_METRICS.includes(name));
  const data = JSON.stringify(pictures).replaceAll("<", "\\u003c");
  const page = html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width,initial-scale=1">
        <title>${plan.title}</title>
        <style>${new Markup(
          STYLE,
        )}</style>
      </head>
      <body>
    <header><h1>${plan.title}</h1>${facts(results)}</header>
    <section><h2>Results</h2>${main.length > 0 ? resultTable(results, main) : undefined}${legendOfTable(
      results,
    )}</section>
    ${expectations(results)}
    ${differenceTable(results, main)}
    ${qualityCurves(results)}
    ${optionCurves(results)}
    ${noiseCurves(results)}
    ${gallery}
    ${others.length > 0
      ? html`<section><h2>Further quantities</h2>${resultTable(results, others)}<p class="soft">${
        others.map((name) => `${metricOf(name).title}: ${metricOf(name).meaning}`).join("; ")
      }</p></section>`
      : undefined}
    ${times(results)}
    ${refusals(results)}
    <section><h2>How it was made</h2><pre>${command}</pre>${configuration === null ? undefined : html`
      <details>
        <summary>Configuration</summary>
        <pre>${configuration}</pre>
      </details>
    `}</section>
    <dialog aria-label="Comparison"><h3></h3><div class="view"><div class="stage"><img alt="result"><img class="over" alt="compared with"></div></div><div class="tools"><label>left: <select><option value="before">A⁺y</option><option value="truth">original</option></select></label><label>zoom: <select><option value="1">1x</option><option value="2">2x</option><option value="4">4x</option></select></label><input type="range" min="0" max="100" value="50" aria-label="border between the pictures"><button type="button">Close</button></div></dialog>
    <script type="application/json" id="data">${new Markup(data)}</script><script>${new Markup(SCRIPT)}</script></body>
    </html>
  `;
  return page.text;
}

function facts({ plan, cells }: Results): Markup {
  const devices = [...new Set(cells.flatMap(({ units }) => units.map(({ record }) => record.device)))];
  const known = plan.model.known.length > 0 ? ` (${plan.model.known.join(", ")})` : "";
  const rows: readonly (readonly [string, string])[] = [
    ["Pictures", `${plan.images.length} at ${plan.size} pixels`],
    ["Seeds", listSeeds(plan.seeds)],
    ["Model", `${plan.model.name}${known}, ${plan.precision}, SHA-256 ${plan.model.sha256.slice(0, 12)}`],
    ["Adapter", devices.join("; ") || "none"],
    ["PSNR, SSIM", `convention ${plan.convention}`],
    ["Version", plan.version],
  ];
  return html`<ul class="facts">${rows.map(([name, value]) => html`<li>${name}: <b>${value}</b></li>`)}</ul>`;
}

function legendOfTable({ plan, cells }: Results): Markup {
  const missing = cells.reduce((sum, cell) => sum + cell.missing, 0);
  return html`
    <p
      class="soft">Means over pictures; ± half of the ${String(
        100 * plan.confidence,
      )} % confidence interval${plan.images.length < 2
        ? " needs at least two pictures"
        : ""}. Best bold, second best underlined.${missing > 0 ? ` ${missing} units are missing.` : ""}</p>
  `;
}

const VERDICTS: Readonly<Record<Verdict, { readonly name: string; readonly style: string }>> = {
  holds: { name: "holds", style: "holds" },
  fails: { name: "does not hold", style: "fails" },
  undecided: { name: "undecided", style: "soft" },
  unmeasured: { name: "not measured", style: "soft" },
};

/** Published figures beside ours where the network is the published one, else whether the trends hold. */
function expectations({ plan, ...results }: Results): Markup | undefined {
  const { paper, trends } = plan.expectations;
  const isPublished = paper?.checkpoints.some((name) => plan.model.known.includes(name)) ?? false;
  if (paper && isPublished) return paperTable({ plan, ...results });
  if (trends.length === 0) return undefined;
  const rows = trends.map((trend) => {
    const judgement = judge(trend, { plan, ...results });
    const { name, style } = VERDICTS[judgement.verdict];
    return html`<li>${trend.statement}: <span class="${style}">${name}</span> <span class="soft">${
      explain(trend, judgement)
    }</span></li>`;
  });
  const note = paper
    ? html`
      <p
        class="soft">The figures of ${paper.source} were made with ${paper.checkpoints.join(
          ", ",
        )}; with this network only their order can be compared.</p>
    `
    : undefined;
  return html`<section><h2>Expected order</h2>${note}<p class="soft">Judged by paired differences over pictures: an order holds where their ${
    String(100 * plan.confidence)
  } % confidence interval is above zero, does not hold where it is below, and is undecided where it holds zero.</p><ul>${rows}</ul></section>`;
}

function paperTable({ plan, cells }: Results): Markup {
  const { source, rows } = plan.expectations.paper!;
  const lines = rows.flatMap(({ task, method, values }) => {
    const cell = cells.find((cell) =>
      plan.tasks[cell.task]?.label === task && plan.methods[cell.method]?.label === method
    );
    return Object.entries(values).map(([name, published]) => {
      const metric = name as keyof typeof values;
      const summary = cell?.summaries[metric];
      const ours = summary ? shownMean(summary) : NaN;
      return html`
        <tr>
          <th scope="row">${method}</th>
          <td>${task}</td>
          <td>${metricOf(metric).title}</td>
          <td>${formatValue(published, metric)}</td>
          <td>${formatValue(ours, metric)}</td>
          <td>${formatValue(ours - published, metric)}</td>
        </tr>
      `;
    });
  });
  return html`
    <section>
      <h2>Beside ${source}</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>Method</th>
              <th>Task</th>
              <th>Quantity</th>
              <th>Published</th>
              <th>Here</th>
              <th>Difference</th>
            </tr>
          </thead>
          <tbody>${lines}</tbody>
        </table>
      </div>
    </section>
  `;
}

/** Mean time of a picture by method, without compiling. */
function times({ plan, cells }: Results): Markup | undefined {
  const means = plan.methods.flatMap(({ label }, method) => {
    const found = cells.filter((cell) => cell.method === method).flatMap(({ units }) => units);
    if (found.length === 0) return [];
    return [{ label, seconds: found.reduce((sum, { record }) => sum + record.time.steadySeconds, 0) / found.length }];
  });
  const most = Math.max(...means.map(({ seconds }) => seconds));
  if (means.length === 0) return undefined;
  const bars = means.map(({ label, seconds }) =>
    html`<span>${label}</span><div><i style="width:${(70 * seconds / most).toFixed(2)}%"></i>${
      seconds < 1 ? `${(1000 * seconds).toFixed(0)} ms` : `${seconds.toFixed(2)} s`
    }</div>`
  );
  return html`
    <section>
      <h2>Time per picture</h2>
      <p
        class="soft">Mean over tasks and pictures, without tracing and compiling; pictures restored together share the time.</p>
      <div class="bars">${bars}</div>
    </section>
  `;
}

function refusals({ plan }: Results): Markup | undefined {
  if (plan.notApplicable.length === 0) return undefined;
  const rows = plan.notApplicable.map(({ task, method, reason }) =>
    html`
      <tr>
        <th scope="row">${plan.methods[method]?.label}</th>
        <td style="text-align:left">${plan.tasks[task]?.label}</td>
        <td style="text-align:left;white-space:normal">${reason}</td>
      </tr>
    `
  );
  return html`
    <section>
      <h2>Not applicable</h2>
      <details>
        <summary>${String(plan.notApplicable.length)} pairs of method and task</summary>
        <div class="scroll">
          <table>
            <tbody>${rows}</tbody>
          </table>
        </div>
      </details>
    </section>
  `;
}
