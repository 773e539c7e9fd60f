/** How far the host may run ahead of the device, and how much it hands over at once. */
import type { PlannedDispatch } from "../plan.ts";

/** Milliseconds of submitted work after which a run waits: bounds what is in flight and lets progress be seen. */
const IN_FLIGHT_MILLISECONDS = 1000;

/**
 * Milliseconds of a submit. Drivers take what lasts for two seconds to hang; operations of one run can differ in speed
 * by more than a factor of two from their mean, and a submit is to end within half a second all the same.
 */
const SUBMIT_MILLISECONDS = 250;

/** Floating-point operations of a submit as long as nothing was measured: half a second of 8 GFLOP/s. */
export const FIRST_SUBMIT_FLOPS = 4e9;

/** Those of a submit to a software adapter, which has no watchdog; each more costs it some time, in which threads wait. */
export const SOFTWARE_SUBMIT_FLOPS = 40e9;

/** How many times as many a submit may hold after one measurement, however short the time was that it gave. */
const GROWTH = 20;

/** Dispatches that follow each other: from `first` to before `end`. */
export interface Run {
  readonly first: number;
  readonly end: number;
}

/**
 * Cuts dispatches into runs, each for a submit of its own: one ends before the dispatch that would exceed the operations
 * of a submit, or when it has as many dispatches as are allowed. There is at least one run.
 * @param budget operations of a submit
 * @param most dispatches of a run
 */
export function submitsOf(
  dispatches: readonly Pick<PlannedDispatch, "flops">[],
  budget: number,
  most = Infinity,
): readonly Run[] {
  const runs: Run[] = [];
  let [first, sum] = [0, 0];
  for (const [index, { flops }] of dispatches.entries()) {
    if (index > first && (sum + flops > budget || index - first >= most)) {
      runs.push({ first, end: index });
      [first, sum] = [index, 0];
    }
    sum += flops;
  }
  return [...runs, { first, end: dispatches.length }];
}

/** What runs, and remembers how long it took. */
export interface Paced {
  /** Floating-point operations of a run. */
  readonly flops: number;
  /** Whether the driver stops what takes too long: submits then follow the time that was measured. */
  readonly isWatched: boolean;
  /** Operations of a submit at most. */
  submitFlops: number;
  /** Milliseconds of a run; undefined until one was measured. */
  milliseconds: number | undefined;
}

/**
 * Waits about once per second of GPU work: a wait costs a fixed 10 ms on Deno, so not at every run. What has not run
 * before is measured by itself.
 */
export class Pace<R extends Paced> {
  readonly #settle: () => Promise<void>;
  #pending = 0;
  #runs: R[] = [];
  #start = performance.now();

  constructor(settle: () => Promise<void>) {
    this.#settle = settle;
  }

  /** To be called before what is to run is submitted. */
  async begin(run: R): Promise<void> {
    if (run.milliseconds === undefined && this.#runs.length > 0) await this.#measure();
    if (this.#runs.length === 0) this.#start = performance.now();
  }

  /** To be called after each run that was begun; resolves at once unless enough work is in flight. */
  async submitted(run: R): Promise<void> {
    this.#runs.push(run);
    this.#pending += run.milliseconds ?? IN_FLIGHT_MILLISECONDS;
    if (this.#pending >= IN_FLIGHT_MILLISECONDS) await this.#measure();
  }

  /** Waits for what is in flight; runs share the time as they were expected to. */
  async #measure(): Promise<void> {
    const [runs, pending, start] = [this.#runs, this.#pending, this.#start];
    [this.#runs, this.#pending] = [[], 0];
    await this.#settle();
    const slowness = (performance.now() - start) / pending;
    const expected = new Map(runs.map((run) => [run, run.milliseconds ?? IN_FLIGHT_MILLISECONDS]));
    for (const [run, milliseconds] of expected) {
      run.milliseconds = milliseconds * slowness;
      if (!run.isWatched) continue;
      run.submitFlops = Math.min(GROWTH * run.submitFlops, run.flops * SUBMIT_MILLISECONDS / run.milliseconds);
    }
  }
}
