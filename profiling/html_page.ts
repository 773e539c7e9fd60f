/** A profile as one page that needs nothing else: no other file, no network. */
import type { KernelTime } from "../engine/mod.ts";
import { escapeText, size, time } from "../report/mod.ts";
import type { ProfileDocument } from "./document.ts";
import { flameChart, legend } from "./html_flame.ts";
import { memoryChart } from "./html_memory.ts";
import { rooflineChart } from "./html_roofline.ts";
import { SCRIPT, STYLE } from "./html_style.ts";
import { blockOf, explainTime, kernelOf, liveBytes, ratesOf, stageOf, sumOf, titleOf, totalsBy } from "./summary.ts";

/** The page. */
export function htmlPage(document: ProfileDocument): string {
  const { kernels } = document;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Profile: ${escapeText(titleOf(document))}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>Where the time goes</h1>
<p>${escapeText(titleOf(document))}, on ${
    escapeText(document.adapter)
  }. Times by ${document.method}, medians of ${document.replays} replays.</p>
</header>
<main>
${tiles(document)}
<section id="time"><h2>Time</h2>
${stageBar(kernels)}
${explainTime(document).map((line) => `<p>${escapeText(line)}</p>`).join("\n")}
</section>
<section id="flame"><h2>Flame view by scope</h2>
<p>Width is time. Click a scope to look into it, the top row to come back.</p>
${flameChart(kernels)}
${legend(kernels)}
</section>
<section id="roofline"><h2>Roofline</h2>
<p>One point a dispatch, its area its time. The lines are the ceilings measured in this run: a point near a line cannot get much faster without doing less. Operations are those of the direct algorithm, bytes the least that must move; a shorter algorithm can lie above the line.</p>
${rooflineChart(document)}
${legend(kernels)}
</section>
<section id="kernels"><h2>Kernels, blocks, dispatches</h2>
<p>Click a column to sort by it.</p>
${totalsTable("Kernel", document, kernelOf)}
${totalsTable("Block", document, blockOf)}
<details><summary>All ${kernels.length} dispatches</summary>
${dispatchTable(document)}
</details>
</section>
<section id="memory"><h2>Memory over dispatches</h2>
<p>A row is a slot, as high as it is large; a bar is a value, from the dispatch that makes it to the last that reads it. Empty stretches are memory that nothing uses. Above, the bytes that are live.</p>
${memoryChart(document)}
</section>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

function tiles(document: ProfileDocument): string {
  const { kernels, memory, ceilings } = document;
  const total = {
    milliseconds: sumOf(kernels, "milliseconds"),
    flops: sumOf(kernels, "flops"),
    bytes: sumOf(kernels, "bytes"),
  };
  const rates = ratesOf(total, ceilings);
  const slots = memory.slotBytes.reduce((sum, bytes) => sum + bytes, 0);
  const entries: readonly (readonly [string, string, string])[] = [
    ["Replay", time(document.replayMilliseconds), `${kernels.length} dispatches`],
    ["Host", time(document.hostMilliseconds), "to encode and submit"],
    ["Work", `${(total.flops / 1e9).toFixed(2)} GFLOP`, `${size(total.bytes)} moved at least`],
    [
      "Rate",
      `${rates.gflopPerSecond.toFixed(1)} GFLOP/s`,
      `${(100 * rates.ofCompute).toFixed(0)} % of ${ceilings.gflopPerSecond.toPrecision(3)}`,
    ],
    [
      "Traffic",
      `${rates.gigabytesPerSecond.toFixed(2)} GB/s`,
      `${(100 * rates.ofMemory).toFixed(0)} % of ${ceilings.gigabytesPerSecond.toPrecision(3)}`,
    ],
    ["Slots", size(slots), `peak of live values ${size(Math.max(0, ...liveBytes(memory, kernels.length)))}`],
    ["Device", size(memory.deviceBytes), "with the weights"],
    ["Start", time(document.compileMilliseconds), `${document.pipelines} pipelines`],
  ];
  return `<div class="tiles">${
    entries.map(([name, value, note]) =>
      `<div class="tile"><span>${name}</span><strong>${escapeText(value)}</strong><small>${
        escapeText(note)
      }</small></div>`
    ).join("")
  }</div>`;
}

function stageBar(kernels: readonly KernelTime[]): string {
  const totals = totalsBy(kernels, stageOf);
  const parts = totals.map(({ name, share, milliseconds }, index) =>
    `<i class="s${index % 5}" style="flex:${Math.max(share, 0.002)}" title="${escapeText(name)}: ${
      time(milliseconds)
    }"></i>`
  );
  const names = totals.map(({ name, share, milliseconds }, index) =>
    `<li><b class="key s${index % 5}"></b>${escapeText(name)} <em>${time(milliseconds)}, ${
      (100 * share).toFixed(1)
    } %</em></li>`
  );
  return `<div class="bar" role="img" aria-label="Time by stage">${parts.join("")}</div><ul class="legend">${
    names.join("")
  }</ul>`;
}

/** Columns of numbers and their decimals. */
const MEASURES: readonly (readonly [name: string, decimals: number])[] = [
  ["Time, ms", 3],
  ["Share, %", 2],
  ["GFLOP", 3],
  ["MB", 2],
  ["GFLOP/s", 2],
  ["GB/s", 2],
  ["Of compute, %", 1],
  ["Of memory, %", 1],
];

function totalsTable(
  what: string,
  { kernels, ceilings }: ProfileDocument,
  nameOf: (row: KernelTime) => string,
): string {
  const rows = totalsBy(kernels, nameOf).map((total) => {
    return row([total.name], [total.dispatches, ...measures(total, total.share, ceilings)]);
  });
  return table([what], "Dispatches", rows);
}

function dispatchTable({ kernels, ceilings }: ProfileDocument): string {
  const all = sumOf(kernels, "milliseconds") || 1;
  const rows = kernels.map((kernel, index) =>
    row([kernel.label, kernel.scope || "-", kernel.workgroups.join("x")], [
      index,
      ...measures(kernel, kernel.milliseconds / all, ceilings),
    ])
  );
  return table(["Kernel", "Scope", "Workgroups"], "Number", rows);
}

function measures(
  item: Pick<KernelTime, "milliseconds" | "flops" | "bytes">,
  share: number,
  ceilings: ProfileDocument["ceilings"],
): readonly number[] {
  const rates = ratesOf(item, ceilings);
  return [
    item.milliseconds,
    100 * share,
    item.flops / 1e9,
    item.bytes / 1e6,
    rates.gflopPerSecond,
    rates.gigabytesPerSecond,
    100 * rates.ofCompute,
    100 * rates.ofMemory,
  ];
}

function row(texts: readonly string[], numbers: readonly number[]): string {
  const named = texts.map((text) => `<td>${escapeText(text)}</td>`);
  const counted = numbers.map((value, index) =>
    `<td data-v="${value}">${value.toFixed(index === 0 ? 0 : MEASURES[index - 1]![1])}</td>`
  );
  return `<tr>${named.join("")}${counted.join("")}</tr>`;
}

function table(texts: readonly string[], count: string, rows: readonly string[]): string {
  const head = [
    ...texts.map((name) => `<th scope="col"><button type="button">${name}</button></th>`),
    ...[count, ...MEASURES.map(([name]) => name)].map((name) =>
      `<th scope="col" class="n"><button type="button">${name}</button></th>`
    ),
  ];
  return `<div class="scroll"><table><thead><tr>${head.join("")}</tr></thead><tbody>\n${
    rows.join("\n")
  }\n</tbody></table></div>`;
}
