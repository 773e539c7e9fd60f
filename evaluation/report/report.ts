/** The report of an evaluation: one HTML file that needs nothing else. */
import { html, Markup } from "../../report/mod.ts";
import type { Results } from "../cells.ts";
import { differenceTable } from "../differences.ts";
import type { Paper } from "../expectations.ts";
import { type MetricName, METRICS } from "../metrics.ts";
import type { KeptPlan } from "../kept_plan.ts";
import { labelsOf } from "../plan.ts";
import { doubtOf, papersOf, PUBLISHED_HEADS, publishedFigures, publishedTexts } from "../published.ts";
import { listSeeds } from "../seeds.ts";
import type { Store } from "../store.ts";
import { explain, judge, type Verdict } from "../trends.ts";
import { noiseCurves, optionCurves } from "./curves.ts";
import { frontierSection } from "./frontier.ts";
import { details, headRow, note, row, section, table } from "./parts.ts";
import { makeGallery } from "./pictures.ts";
import { SCRIPT, STYLE } from "./style.ts";
import { MAIN_METRICS, resultTable } from "./table.ts";

/** What the report tells besides the results. */
export interface ReportSetting extends Pick<KeptPlan, "command" | "configuration"> {
  /** Pictures shown for each task. */
  readonly pictures: number;
}

/** The page, with its pictures inside. */
export async function makeReport(
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
        <style>${new Markup(STYLE)}</style>
      </head>
      <body>
    <header><h1>${plan.title}</h1>${facts(results)}</header>
    ${section("Results", main.length > 0 ? resultTable(results, main) : undefined, legendOfTable(results))}
    ${expectations(results)}
    ${differenceTable(results, main)}
    ${frontierSection(results)}
    ${optionCurves(results)}
    ${noiseCurves(results)}
    ${gallery}
    ${others.length > 0 ? furtherQuantities(results, others) : undefined}
    ${times(results)}
    ${refusals(results)}
    ${section(
      "How it was made",
      html`<pre>${command}</pre>`,
      configuration === null ? undefined : details("Configuration", html`<pre>${configuration}</pre>`),
    )}
    <dialog aria-label="Comparison"><h3></h3><div class="view"><div class="stage"><img alt="result"><img class="over" alt="compared with"></div></div><div class="tools"><label>left: <select><option value="before">A⁺y</option><option value="truth">original</option></select></label><label>zoom: <select><option value="1">1x</option><option value="2">2x</option><option value="4">4x</option></select></label><input type="range" min="0" max="100" value="50" aria-label="border between the pictures"><button type="button">Close</button></div></dialog>
    <script type="application/json" id="data">${new Markup(data)}</script><script>${new Markup(SCRIPT)}</script></body>
    </html>
  `;
  return page.text;
}

function facts({ plan, devices }: Results): Markup {
  const known = plan.model.known.length > 0 ? ` (${plan.model.known.join(", ")})` : "";
  const rows: readonly (readonly [string, string])[] = [
    ["Pictures", `${plan.images.length} at ${plan.size} pixels`],
    ["Seeds", `${listSeeds(plan.seeds)}${plan.bestOfSeeds ? ", of which the best counts" : ""}`],
    ["Model", `${plan.model.name}${known}, ${plan.precision}, SHA-256 ${plan.model.sha256.slice(0, 12)}`],
    ["Adapter", devices.join("; ") || "none"],
    ["PSNR, SSIM", `convention ${plan.convention}`],
    ["Version", plan.version],
  ];
  return html`<ul class="facts">${rows.map(([name, value]) => html`<li>${name}: <b>${value}</b></li>`)}</ul>`;
}

function legendOfTable({ plan, cells }: Results): Markup {
  const missing = cells.reduce((sum, cell) => sum + cell.missing, 0);
  const needed = plan.images.length < 2 ? " needs at least two pictures" : "";
  return note(
    `Means over pictures; ± half of the ${100 * plan.confidence} % confidence interval${needed}. `,
    "Best bold, second best underlined.",
    plan.bestOfSeeds
      ? " Each picture counts with the best of its seeds, chosen by the original for each quantity, so the means are " +
        "above what a restoration without the original would have."
      : "",
    missing > 0 ? ` ${missing} units are missing.` : "",
  );
}

function furtherQuantities(results: Results, names: readonly MetricName[]): Markup {
  const meanings = names.map((name) => `${METRICS[name].title}: ${METRICS[name].meaning}`);
  return section("Further quantities", resultTable(results, names), note(meanings.join("; ")));
}

const VERDICTS: Readonly<Record<Verdict, { readonly name: string; readonly style: string }>> = {
  holds: { name: "holds", style: "holds" },
  fails: { name: "does not hold", style: "fails" },
  undecided: { name: "undecided", style: "soft" },
  unmeasured: { name: "not measured", style: "soft" },
};

/** Published figures beside ours where the network is the published one, and whether the trends hold. */
function expectations(results: Results): Markup | undefined {
  const { plan } = results;
  const { papers = [], trends } = plan.expectations;
  const ours = papersOf(plan);
  const tables = ours.map((paper) => paperTable(results, paper));
  if (trends.length === 0) return tables.length === 0 ? undefined : html`${tables}`;
  const rows = trends.map((trend) => {
    const judgement = judge(trend, results);
    const { name, style } = VERDICTS[judgement.verdict];
    return html`<li>${trend.statement}: <span class="${style}">${name}</span> <span class="soft">${
      explain(trend, judgement)
    }</span></li>`;
  });
  const others = papers.filter((paper) => !ours.includes(paper)).map(({ source, checkpoints }) =>
    note(
      `The figures of ${source} were made with ${checkpoints.join(", ")}; `,
      "with this network only their order can be compared.",
    )
  );
  const judged = note(
    `Judged by paired differences over pictures: an order holds where their ${100 * plan.confidence} % confidence `,
    "interval is above zero, does not hold where it is below, and is undecided where it holds zero.",
  );
  return html`${tables}${section("Expected order", others, judged, html`<ul>${rows}</ul>`)}`;
}

function paperTable(results: Results, paper: Paper): Markup {
  const lines = publishedFigures(results, paper).map((figure) => {
    const [method, ...cells] = publishedTexts(figure);
    return row(method!, cells);
  });
  const differs = paper.differs === undefined ? undefined : note(`What differs: ${paper.differs}`);
  const doubt = doubtOf(results.plan, paper);
  return section(
    `Beside ${paper.source}`,
    differs,
    doubt === undefined ? undefined : note(`In doubt: ${doubt}`),
    table(headRow(PUBLISHED_HEADS), lines),
  );
}

/** Mean time of a picture by method, without compiling. */
function times({ plan, seconds }: Results): Markup | undefined {
  const means = plan.methods.flatMap(({ label }, method) => {
    const mean = seconds.get(method);
    return mean === undefined ? [] : [{ label, seconds: mean }];
  });
  const most = Math.max(...means.map(({ seconds }) => seconds));
  if (means.length === 0) return undefined;
  const bars = means.map(({ label, seconds }) =>
    html`<span>${label}</span><div><i style="width:${(70 * seconds / most).toFixed(2)}%"></i>${
      seconds < 1 ? `${(1000 * seconds).toFixed(0)} ms` : `${seconds.toFixed(2)} s`
    }</div>`
  );
  const what =
    "Mean over tasks and pictures, without tracing and compiling; pictures restored together share the time.";
  return section("Time per picture", note(what), html`<div class="bars">${bars}</div>`);
}

function refusals({ plan }: Results): Markup | undefined {
  const { length } = plan.notApplicable;
  if (length === 0) return undefined;
  const rows = plan.notApplicable.map(({ reason, ...pair }) => {
    const { task, method } = labelsOf(plan, pair);
    return row(method, [task, reason]);
  });
  const pairs = html`<div class="reasons">${table(undefined, rows)}</div>`;
  return section("Not applicable", details(`${length} pairs of method and task`, pairs));
}
