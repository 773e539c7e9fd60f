/** The measured values of a cell without the records that they are from: 8 bytes each. */
import type { MetricName } from "./metrics.ts";
import type { Run, Runs } from "./seeds.ts";
import type { Measured } from "./statistics.ts";

/** All runs of a cell with what was measured of them; one that is missing is there without any quantity. */
export class CellValues implements Iterable<Measured> {
  readonly #runs: Runs;
  readonly #columns = new Map<MetricName, Float64Array>();

  /** Of a cell with these runs. */
  constructor(runs: Runs) {
    this.#runs = runs;
  }

  /** Keeps what was measured of a run. */
  set(run: Run, metrics: Measured["metrics"]): void {
    const place = this.#runs.indexOf(run);
    for (const [name, value] of Object.entries(metrics) as [MetricName, number][]) {
      const column = this.#columns.get(name) ?? new Float64Array(this.#runs.length).fill(NaN);
      column[place] = value;
      this.#columns.set(name, column);
    }
  }

  *[Symbol.iterator](): Generator<Measured, void> {
    for (let place = 0; place < this.#runs.length; place++) {
      const metrics: Partial<Record<MetricName, number>> = {};
      for (const [name, column] of this.#columns) {
        const value = column[place]!;
        if (!Number.isNaN(value)) metrics[name] = value;
      }
      yield { unit: this.#runs.at(place), metrics };
    }
  }
}
