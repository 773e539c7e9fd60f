/** Charts of quantities against options with several values, and of predicted noise. */
import { type Chart, chart, html, legend, type Markup, type Series } from "../../report/mod.ts";
import { type Cell, cellAt, type NoiseMeans, type Results, shownMean } from "../cells.ts";
import { EVALUATIONS } from "../entries.ts";
import { type MetricName, METRICS } from "../metrics.ts";
import { section } from "./parts.ts";

/** A chart for each task and quantity, with a line for each series of methods. */
function chartsOf(
  results: Results,
  names: readonly string[],
  metrics: readonly MetricName[],
  { x, ...axis }: Pick<Chart, "xTitle"> & {
    /** Where a cell lies; undefined if it has no place. */
    x(cell: Cell): number | undefined;
  },
): readonly Chart[] {
  const { plan } = results;
  return plan.tasks.flatMap(({ label }, task) =>
    metrics.map((metric): Chart => ({
      title: label,
      ...axis,
      yTitle: metric === "psnr" ? "PSNR dB" : METRICS[metric].title,
      series: names.map((name): Series => ({
        name,
        points: plan.methods.flatMap(({ series }, method) => {
          const cell = series === name ? cellAt(results, task, method) : undefined;
          const summary = cell?.summaries[metric];
          const at = cell && x(cell);
          return summary && at !== undefined ? [[at, shownMean(summary)] as const] : [];
        }),
      })),
    }))
  );
}

/** Options that say how many evaluations there are, which the frontier shows. */
const ON_THE_FRONTIER: readonly string[] = ["steps", EVALUATIONS];

/** Quantities against an option that was given several values in methods of one series. */
export function optionCurves(results: Results): Markup | undefined {
  const { plan, columns } = results;
  const swept = plan.methods.map(({ label, series }) => sweptOption(label, series));
  const options = [
    ...new Set(swept.flatMap((found) => found && !ON_THE_FRONTIER.includes(found.option) ? [found.option] : [])),
  ];
  const sections = options.flatMap((option) => {
    const names = [...new Set(plan.methods.filter((_, k) => swept[k]?.option === option).map(({ series }) => series))];
    const charts = chartsOf(results, names, columns, {
      xTitle: option,
      x: ({ method }) => swept[method]?.option === option ? swept[method].value : undefined,
    });
    return drawnCharts(`Against ${option}`, charts, names) ?? [];
  });
  return sections.length === 0 ? undefined : html`${sections}`;
}

/** The one option, with a number, that tells an entry from others of its series. */
function sweptOption(label: string, series: string): { readonly option: string; readonly value: number } | undefined {
  const [, option, value] = /^([\w-]+)=(-?[\d.eE+-]+)$/.exec(label.slice(series.length).trim()) ?? [];
  return option === undefined || !Number.isFinite(Number(value)) ? undefined : { option, value: Number(value) };
}

/**
 * Divergence of the noise of an inversion against the timestep, a chart for each method, a line for each task: of what
 * the network predicts, and of what the steps put on.
 */
export function noiseCurves(results: Results): Markup | undefined {
  const { plan } = results;
  const names = plan.tasks.map(({ label }) => label);
  const noiseCharts = (yTitle: string, divergence: (means: NoiseMeans) => number): readonly Chart[] =>
    plan.methods.map(({ label }, method) => ({
      title: label,
      xTitle: "timestep",
      yTitle,
      logarithmic: "y",
      series: names.map((name, task): Series => {
        const { noise = [] } = cellAt(results, task, method) ?? {};
        return { name, points: noise.map((means) => [means.timestep, divergence(means)] as const) };
      }),
    }));
  return drawnCharts("Noise during the inversion", [
    ...noiseCharts("KL of predicted noise", ({ divergence }) => divergence),
    ...noiseCharts("KL of effective noise", ({ effective }) => effective),
  ], names);
}

function drawnCharts(title: string, charts: readonly Chart[], names: readonly string[]): Markup | undefined {
  const drawn = charts.flatMap((each) => chart(each) ?? []);
  return drawn.length === 0 ? undefined : section(title, legend(names), html`<div class="charts">${drawn}</div>`);
}
