/** The cells of the tables: what the units of one task and method say together. */
import { summarize, type Summary } from "../metrics/mod.ts";
import { CellValues } from "./cell_values.ts";
import { COST_NAMES, type CostName, COSTS } from "./costs.ts";
import { METRIC_NAMES, type MetricName } from "./metrics.ts";
import { labelsOf, pairName, type Place, type Plan, type PlannedPair, type PlannedUnit } from "./plan.ts";
import { Runs, seedsOf } from "./seeds.ts";
import { type Measured, summarizePictures } from "./statistics.ts";
import type { UnitRecord } from "./store.ts";

/** A finished unit with its place in the plan. */
export interface FinishedUnit {
  /** What was to be made. */
  readonly unit: PlannedUnit;
  /** What was made. */
  readonly record: UnitRecord;
  /** Its metrics, those of later passes included. */
  readonly metrics: Readonly<Partial<Record<MetricName, number>>>;
}

/** Finished units in the order of the plan; each time one goes through them they may be read from a store. */
export type FinishedUnits = Iterable<FinishedUnit> | AsyncIterable<FinishedUnit>;

/** A unit as far as a picture of it is shown. */
export interface ShownUnit extends Pick<UnitRecord, "id" | "truth" | "before"> {
  /** Its PSNR in dB, where it was measured. */
  readonly psnr: number | undefined;
}

/** Means over the units of a cell of the noise of one step. */
export interface NoiseMeans {
  /** Training timestep of the step. */
  readonly timestep: number;
  /** Kullback-Leibler divergence of the predicted noise. */
  readonly divergence: number;
  /** The same of the effective noise. */
  readonly effective: number;
}

/** What units of one task and method say. */
export interface Cell extends Place {
  /** Network evaluations of one picture as papers count them. */
  readonly nominal: number;
  /** Network evaluations of one picture that are made: as they were counted, or as planned while there is no unit. */
  readonly actual: number;
  /** Its units that are finished. */
  readonly finished: number;
  /** Units that the plan has and the folder lacks. */
  readonly missing: number;
  /** Pictures of finished units. */
  readonly pictures: number;
  /** Over pictures; the seeds of a picture are averaged first, or the best of them taken. */
  readonly summaries: Readonly<Partial<Record<MetricName, Summary>>>;
  /** Means over the units that recorded them. */
  readonly costs: Readonly<Partial<Record<CostName, number>>>;
  /** By timestep, where that was asked for. */
  readonly noise: readonly NoiseMeans[];
  /** The values of all runs, in the order of the plan. */
  readonly values: Iterable<Measured>;
  /** Units with the first of their seeds, by picture, of the first 10,000 pictures. */
  readonly shown: ReadonlyMap<number, ShownUnit>;
}

/** All results of a plan. */
export interface Results {
  /** What was to be made. */
  readonly plan: Plan;
  /** One for each pair of the plan. */
  readonly cells: readonly Cell[];
  /** Quantities that at least one cell has, in the order of columns. */
  readonly columns: readonly MetricName[];
  /** The finished units. */
  readonly units: FinishedUnits;
  /** Adapters that have made them. */
  readonly devices: readonly string[];
  /** Mean seconds of a picture without tracing and compiling, by the place of the method. */
  readonly seconds: ReadonlyMap<number, number>;
}

/** Most pictures of a cell that are shown. */
const SHOWN = 10_000;

/** A mean of numbers that are added one by one. */
class Mean {
  #sum = 0;
  #count = 0;

  add(value: number): void {
    this.#sum += value;
    this.#count++;
  }

  get value(): number {
    return this.#sum / this.#count;
  }
}

/** The mean of a name, made where there is none. */
function meanAt<K>(means: Map<K, Mean>, name: K): Mean {
  const found = means.get(name) ?? new Mean();
  means.set(name, found);
  return found;
}

function valuesOf<K>(means: ReadonlyMap<K, Mean>): Map<K, number> {
  return new Map(Array.from(means, ([name, { value }]) => [name, value]));
}

/** Makes results of units that are added one by one, in the order of the plan, and does not keep them. */
export class Gathering {
  readonly #plan: Plan;
  readonly #cells: ReadonlyMap<string, GatheredCell>;
  readonly #devices = new Set<string>();
  readonly #seconds = new Map<number, Mean>();

  /** Begins without a unit. */
  constructor(plan: Plan) {
    this.#plan = plan;
    const runs = new Runs(plan.seeds, plan.images.length);
    this.#cells = new Map(plan.pairs.map((pair) => [pairName(pair), new GatheredCell(pair, runs, plan)]));
  }

  /** Adds a unit. */
  add(found: FinishedUnit): void {
    this.#cells.get(pairName(found.unit))!.add(found);
    this.#devices.add(found.record.device);
    meanAt(this.#seconds, found.unit.method).add(found.record.time.steadySeconds);
  }

  /**
   * The results.
   * @param units the same units, for tables of all of them
   * @param fid Frechet distance by `pairName`
   */
  results(units: FinishedUnits, fid: ReadonlyMap<string, number>): Results {
    const cells = Array.from(this.#cells, ([name, cell]) => cell.result(fid.get(name)));
    return {
      plan: this.#plan,
      cells,
      columns: METRIC_NAMES.filter((name) => cells.some(({ summaries }) => summaries[name])),
      units,
      devices: [...this.#devices],
      seconds: valuesOf(this.#seconds),
    };
  }
}

/** A cell to which units are added. */
class GatheredCell {
  readonly #values: CellValues;
  readonly #pictures = new Set<number>();
  readonly #costs = new Map<CostName, Mean>();
  readonly #divergences = new Map<number, Mean>();
  readonly #effective = new Map<number, Mean>();
  readonly #shown = new Map<number, ShownUnit>();
  #finished = 0;

  constructor(readonly pair: PlannedPair, readonly runs: Runs, readonly plan: Plan) {
    this.#values = new CellValues(runs);
  }

  add({ unit, record, metrics }: FinishedUnit): void {
    const { image, seed } = unit;
    this.#finished++;
    this.#values.set(unit, metrics);
    this.#pictures.add(image);
    for (const name of COST_NAMES) {
      const cost = COSTS[name].of(record);
      if (cost !== undefined) meanAt(this.#costs, name).add(cost);
    }
    for (const { timestep, divergence, effective } of record.noise ?? []) {
      meanAt(this.#divergences, timestep).add(divergence);
      meanAt(this.#effective, timestep).add(effective.divergence);
    }
    if (image >= SHOWN || seed !== seedsOf(this.plan.seeds, image)[0]) return;
    const { id, truth, before } = record;
    this.#shown.set(image, { id, truth, before, psnr: metrics.psnr });
  }

  result(fid: number | undefined): Cell {
    const { pair: { task, method, evaluations }, plan } = this;
    const summaries: Partial<Record<MetricName, Summary>> = {};
    for (const name of METRIC_NAMES) {
      const summary = summarizePictures(this.#values, name, plan);
      if (summary) summaries[name] = summary;
    }
    if (fid !== undefined) summaries.fid = summarize([fid]);
    const costs: Cell["costs"] = Object.fromEntries(valuesOf(this.#costs));
    return {
      task,
      method,
      nominal: evaluations.nominal,
      actual: costs.nfe ?? evaluations.actual,
      finished: this.#finished,
      missing: this.runs.length - this.#finished,
      pictures: this.#pictures.size,
      summaries,
      costs,
      noise: Array.from(this.#divergences, ([timestep, { value }]) => {
        return { timestep, divergence: value, effective: this.#effective.get(timestep)!.value };
      }),
      values: this.#values,
      shown: this.#shown,
    };
  }
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
