/** Quality against network evaluations, one small chart a task; points of one sampler are joined. */
import { escapeText } from "../html.ts";
import type { Cell, Tables } from "./tables.ts";

const VIEW = { width: 420, height: 280 } as const;
const BOX = { left: 48, top: 30, right: 404, bottom: 236 } as const;

/** Colours that there are. */
const COLOURS = 8;

/** The charts of all tasks that have results of at least two methods. */
export function qualityCharts({ evaluation, cells }: Tables): string {
  const samplers = [...new Set(cells.map(samplerOf))];
  const colour = (sampler: string): string => `c${samplers.indexOf(sampler) % COLOURS}`;
  const charts = evaluation.tasks.map(({ name }) => {
    const own = cells.filter((cell) => cell.task === name && Number.isFinite(cell.psnr.mean));
    return own.length < 2 ? "" : chart(name, own, colour);
  });
  const legend = samplers.map((sampler) => `<li><b class="key ${colour(sampler)}"></b>${escapeText(sampler)}</li>`);
  return `<ul class="legend">${legend.join("")}</ul>\n<div class="charts">${charts.join("\n")}</div>`;
}

function samplerOf({ rows }: Cell): string {
  return String(rows[0]!.sampler["name"]).replaceAll("_", "-");
}

function chart(task: string, cells: readonly Cell[], colour: (sampler: string) => string): string {
  // Methods without a network stand at the left edge, where no evaluation would be.
  const least = Math.min(...cells.map(({ nfe }) => nfe).filter((nfe) => nfe > 0), 100);
  const most = Math.max(...cells.map(({ nfe }) => nfe), least * 2);
  const means = cells.map(({ psnr }) => psnr.mean);
  const spread = Math.max(Math.max(...means) - Math.min(...means), 0.5);
  const low = Math.min(...means) - 0.12 * spread;
  const high = Math.max(...means) + 0.12 * spread;
  const x = (nfe: number): number =>
    nfe === 0 ? BOX.left : BOX.left + 24 + (BOX.right - BOX.left - 36) * Math.log(nfe / least) / Math.log(most / least);
  const y = (value: number): number => BOX.bottom - (BOX.bottom - BOX.top) * (value - low) / (high - low);
  const lines = [...Map.groupBy(cells, samplerOf)].map(([sampler, own]) => {
    const points = own.toSorted((a, b) => a.nfe - b.nfe).map(({ nfe, psnr }) =>
      `${x(nfe).toFixed(1)},${y(psnr.mean).toFixed(1)}`
    );
    return points.length < 2 ? "" : `<polyline class="curve ${colour(sampler)}" points="${points.join(" ")}"/>`;
  });
  const dots = cells.map((cell) => {
    const { nfe, psnr, method } = cell;
    const reach = (psnr.interval[1] - psnr.interval[0]) / 2;
    // Few pictures say nothing of the mean: their interval would be longer than the chart.
    const bar = reach <= spread
      ? `<line class="reach" x1="${x(nfe).toFixed(1)}" x2="${x(nfe).toFixed(1)}" ` +
        `y1="${y(psnr.mean - reach).toFixed(1)}" y2="${y(psnr.mean + reach).toFixed(1)}"/>`
      : "";
    const title = `${method}: ${psnr.mean.toFixed(2)} dB with ${nfe} evaluations`;
    return `<g>${bar}<circle class="${colour(samplerOf(cell))}" cx="${x(nfe).toFixed(1)}" cy="${
      y(psnr.mean).toFixed(1)
    }" r="5"><title>${escapeText(title)}</title></circle></g>`;
  });
  return `<figure><svg viewBox="0 0 ${VIEW.width} ${VIEW.height}" role="img" aria-label="${escapeText(task)}">
<text x="${BOX.left}" y="18" class="name">${escapeText(task)}</text>
${
    ticks(low, high).map((value) =>
      `<line class="grid" x1="${BOX.left}" x2="${BOX.right}" y1="${y(value).toFixed(1)}" ` +
      `y2="${y(value).toFixed(1)}"/><text x="${BOX.left - 6}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${
        Number(value.toFixed(2))
      }</text>`
    ).join("\n")
  }
${
    [...new Set(cells.map(({ nfe }) => nfe))].map((nfe) =>
      `<text x="${x(nfe).toFixed(1)}" y="${BOX.bottom + 16}" text-anchor="middle">${nfe}</text>`
    ).join("\n")
  }
<text x="${(BOX.left + BOX.right) / 2}" y="${VIEW.height - 8}" text-anchor="middle">network evaluations</text>
<text x="${BOX.right}" y="18" text-anchor="end">PSNR in dB</text>
${lines.join("\n")}
${dots.join("\n")}
</svg></figure>`;
}

/** Round numbers between two values, four or so. */
function ticks(low: number, high: number): readonly number[] {
  const rough = (high - low) / 4;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = decade * ([1, 2, 5].find((factor) => factor * decade >= rough) ?? 10);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, index) => (first + index) * step);
}
