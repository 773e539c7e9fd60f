/** The tables of an evaluation. They hold nothing that differs when it is done again, in parts or at once. */
import { summarize, type Summary } from "../../metrics/mod.ts";
import type { EvaluationRecord, UnitRecord } from "./store.ts";

/** A finished unit as the tables see it. */
export interface Row extends UnitRecord {
  readonly hash: string;
  readonly case: string;
  /** LPIPS, if its weights were given. */
  readonly lpips?: number | undefined;
}

/** A method on a task: what its units are together. */
export interface Cell {
  readonly task: string;
  readonly method: string;
  /** Network evaluations of a run. */
  readonly nfe: number;
  readonly psnr: Summary;
  readonly ssim: Summary;
  readonly consistency: Summary;
  readonly lpips: Summary | undefined;
  /** Frechet distance of all its pictures from the originals, if Inception was given. */
  readonly fid: number | undefined;
  /** Median over the units; differs from run to run. */
  readonly seconds: number;
  readonly rows: readonly Row[];
}

/** All tables of an evaluation. */
export interface Tables {
  readonly evaluation: EvaluationRecord;
  readonly rows: readonly Row[];
  readonly cells: readonly Cell[];
}

/**
 * Summarises rows by task and method, in the order of the evaluation; cells without a row are left out.
 * @param fidOf Frechet distance of a task and a method, if it was computed
 */
export function tablesOf(
  evaluation: EvaluationRecord,
  rows: readonly Row[],
  fidOf: (task: string, method: string) => number | undefined = () => undefined,
): Tables {
  const cells = evaluation.tasks.flatMap((task) =>
    evaluation.methods.flatMap((method): Cell[] => {
      const own = rows.filter((row) => row.task === task.name && row.method === method.name);
      if (own.length === 0) return [];
      const lpips = own.flatMap((row) => row.lpips ?? []);
      return [{
        task: task.name,
        method: method.name,
        nfe: own[0]!.evaluations.actual,
        psnr: summarize(own.map(({ metrics }) => metrics.psnr === "infinite" ? Infinity : metrics.psnr)),
        ssim: summarize(own.flatMap(({ metrics }) => metrics.ssim ?? [])),
        consistency: summarize(own.map(({ metrics }) => metrics.consistency)),
        lpips: lpips.length === 0 ? undefined : summarize(lpips),
        fid: fidOf(task.name, method.name),
        seconds: medianOf(own.map(({ timings }) => timings.seconds)),
        rows: own,
      }];
    })
  );
  return { evaluation, rows, cells };
}

/** One line for each unit. */
export function resultsCsv({ rows }: Tables): string {
  return csv([
    ["image", "task", "method", "seed", "nfe", "psnr", "ssim", "consistency", "lpips", "unit"],
    ...rows.map(({ image, task, method, seed, evaluations, metrics, lpips, hash }) => [
      image,
      task,
      method,
      seed,
      evaluations.actual,
      metrics.psnr,
      metrics.ssim,
      metrics.consistency,
      lpips,
      hash,
    ]),
  ]);
}

/** One line for each task and method: means with 95 % confidence intervals. */
export function summaryCsv({ cells }: Tables): string {
  const spread = (name: string): string[] => [name, `${name}_low`, `${name}_high`];
  const valuesOf = (summary: Summary | undefined): (number | undefined)[] =>
    summary ? [summary.mean, ...summary.interval] : [undefined, undefined, undefined];
  return csv([
    ["task", "method", "nfe", "units", ...["psnr", "ssim", "consistency", "lpips"].flatMap(spread), "fid"],
    ...cells.map(({ task, method, nfe, psnr, ssim, consistency, lpips, fid, rows }) => [
      task,
      method,
      nfe,
      rows.length,
      ...[psnr, ssim, consistency, lpips].flatMap(valuesOf),
      fid,
    ]),
  ]);
}

/** One line for each unit; the only table that differs from run to run. */
export function timingsCsv({ rows }: Tables): string {
  return csv([
    ["image", "task", "method", "seed", "nfe", "seconds", "seconds_per_nfe", "adapter", "unit"],
    ...rows.map(({ image, task, method, seed, evaluations, timings, adapter, hash }) => [
      image,
      task,
      method,
      seed,
      evaluations.actual,
      timings.seconds,
      timings.secondsPerNfe,
      adapter,
      hash,
    ]),
  ]);
}

/** Everything but timings as data. */
export function resultsData({ evaluation, rows, cells }: Tables): Readonly<Record<string, unknown>> {
  return {
    ...evaluation,
    units: rows.map(({ timings: _, command: __, ...row }) => row),
    missing: evaluation.units.filter(({ hash }) => !rows.some((row) => row.hash === hash)).map(({ hash }) => hash),
    summary: cells.map(({ rows: own, seconds: _, ...cell }) => ({ ...cell, units: own.length })),
  };
}

/** Lines of values, quoted where a value asks for it; what is undefined or no number stays empty. */
function csv(lines: readonly (readonly (string | number | null | undefined)[])[]): string {
  const field = (value: string | number | null | undefined): string => {
    if (value === undefined || value === null || Number.isNaN(value)) return "";
    const text = String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return lines.map((line) => `${line.map(field).join(",")}\n`).join("");
}

/** The value in the middle, or the mean of the two there. */
export function medianOf(values: readonly number[]): number {
  const ordered = values.toSorted((a, b) => a - b);
  const middle = ordered.length / 2;
  return (ordered[Math.floor(middle - 0.5)]! + ordered[Math.ceil(middle - 0.5)]!) / 2;
}

/**
 * The table for people: a line for each method, PSNR and SSIM for each task; the best PSNR of a task is marked with *.
 */
export function textTable({ evaluation, cells }: Tables): string {
  const tasks = evaluation.tasks.filter((task) => cells.some((cell) => cell.task === task.name));
  const best = new Map(
    tasks.map(({ name }) => [
      name,
      Math.max(
        ...cells.filter(({ task }) => task === name).map(({ psnr }) => psnr.infinite > 0 ? Infinity : psnr.mean),
      ),
    ]),
  );
  const wide = Math.max(6, ...evaluation.methods.map(({ name }) => name.length)) + 2;
  const columns = tasks.map(({ name }) => Math.max(14, name.length) + 2);
  const lines = evaluation.methods.flatMap(({ name }) => {
    const own = cells.filter(({ method }) => method === name);
    if (own.length === 0) return [];
    const fields = tasks.map((task, index) => {
      const cell = own.find((cell) => cell.task === task.name);
      return (cell ? cellText(cell, best.get(task.name)!) : "-").padEnd(columns[index]!);
    });
    return [`${name.padEnd(wide)}${String(own[0]!.nfe).padStart(5)}  ${fields.join("")}`.trimEnd()];
  });
  const heads = tasks.map(({ name }, index) => name.padEnd(columns[index]!)).join("");
  return [`${"method".padEnd(wide)}${"NFE".padStart(5)}  ${heads}`.trimEnd(), ...lines].join("\n");
}

function cellText({ psnr, ssim }: Cell, best: number): string {
  const isExact = psnr.infinite > 0;
  const closeness = isExact ? "exact" : psnr.mean.toFixed(2);
  const likeness = ssim.count === 0 ? "" : ` ${ssim.mean.toFixed(3)}`;
  return `${closeness}${(isExact ? Infinity : psnr.mean) === best ? "*" : " "}${likeness}`;
}
