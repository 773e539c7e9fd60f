/** The cells of the tables: what the units of one task and method say together. */
import { summarize, type Summary } from "../metrics/mod.ts";
import { METRIC_NAMES, type MetricName } from "./metrics.ts";
import { labelsOf, pairName, type Place, type Plan, type PlannedUnit } from "./plan.ts";
import { seedsOf } from "./seeds.ts";
import { summarizePictures } from "./statistics.ts";
import { metricsOf, type UnitRecord } from "./store.ts";

/** A finished unit with its place in the plan. */
export interface FinishedUnit {
  /** What was to be made. */
  readonly unit: PlannedUnit;
  /** What was made. */
  readonly record: UnitRecord;
  /** Its metrics, those of later passes included. */
  readonly metrics: Readonly<Partial<Record<MetricName, number>>>;
}

/** What units of one task and method say. */
export interface Cell extends Place {
  /** Network evaluations of one picture as papers count them. */
  readonly nominal: number;
  /** Network evaluations of one picture that are made: as they were counted, or as planned while there is no unit. */
  readonly actual: number;
  /** Its units that are finished. */
  readonly units: readonly FinishedUnit[];
  /** Units that the plan has and the folder lacks. */
  readonly missing: number;
  /** Over pictures; the seeds of a picture are averaged first, or the best of them taken. */
  readonly summaries: Readonly<Partial<Record<MetricName, Summary>>>;
}

/** All results of a plan. */
export interface Results {
  /** What was to be made. */
  readonly plan: Plan;
  /** One for each pair of the plan. */
  readonly cells: readonly Cell[];
  /** Quantities that at least one cell has, in the order of columns. */
  readonly columns: readonly MetricName[];
}

/** What was measured after the units were made. */
export interface Passes {
  /** LPIPS by unit. */
  readonly lpips: ReadonlyMap<string, number>;
  /** Frechet distance by `pairName`. */
  readonly fid: ReadonlyMap<string, number>;
}

/**
 * Gathers results.
 * @param records finished units by their hash
 * @param passes what was measured of them afterwards
 */
export function gather(plan: Plan, records: ReadonlyMap<string, UnitRecord>, passes: Passes): Results {
  const byPair = Map.groupBy(plan.units, pairName);
  const cells = plan.pairs.map(({ task, method, evaluations }): Cell => {
    const pair = pairName({ task, method });
    const planned = byPair.get(pair) ?? [];
    const units = planned.flatMap((unit): readonly FinishedUnit[] => {
      const record = records.get(unit.id);
      if (!record) return [];
      const lpips = passes.lpips.get(unit.id);
      return [{ unit, record, metrics: { ...metricsOf(record), ...(lpips === undefined ? {} : { lpips }) } }];
    });
    const fid = passes.fid.get(pair);
    const summaries: Partial<Record<MetricName, Summary>> = {};
    for (const name of METRIC_NAMES) {
      const summary = summarizePictures(units, name, plan);
      if (summary) summaries[name] = summary;
    }
    if (fid !== undefined) summaries.fid = summarize([fid]);
    const made = units.map(({ record }) => record.nfe);
    const actual = made.length === 0 ? evaluations.actual : made.reduce((sum, nfe) => sum + nfe, 0) / made.length;
    return {
      task,
      method,
      nominal: evaluations.nominal,
      actual,
      units,
      missing: planned.length - units.length,
      summaries,
    };
  });
  return { plan, cells, columns: METRIC_NAMES.filter((name) => cells.some(({ summaries }) => summaries[name])) };
}

/** The mean that tables show of a summary: infinite where every value is, as of equal pictures. */
export function shownMean({ mean, count, infinite }: Summary): number {
  return count === 0 && infinite > 0 ? Infinity : mean;
}

/** The cell of a task and a method. */
export function cellAt({ cells }: Results, task: number, method: number): Cell | undefined {
  return cells.find((cell) => cell.task === task && cell.method === method);
}

/** The cell of the labels of a task and a method, as a study speaks of them. */
export function cellOf({ plan, cells }: Results, wanted: ReturnType<typeof labelsOf>): Cell | undefined {
  return cells.find((cell) => {
    const { task, method } = labelsOf(plan, cell);
    return task === wanted.task && method === wanted.method;
  });
}

/** The mean of a quantity as tables show it; NaN where it was not measured. */
export function meanOf(cell: Cell | undefined, metric: MetricName): number {
  const summary = cell?.summaries[metric];
  return summary ? shownMean(summary) : NaN;
}

/** The unit of a cell with a picture and the first of its seeds. */
export function firstUnit({ plan }: Results, cell: Cell | undefined, image: number): FinishedUnit | undefined {
  const [seed] = seedsOf(plan.seeds, image);
  return cell?.units.find(({ unit }) => unit.image === image && unit.seed === seed);
}
