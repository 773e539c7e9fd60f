/** How far the host may run ahead of the device. */

/** Milliseconds of submitted work after which a run waits: bounds what is in flight and lets progress be seen. */
const IN_FLIGHT_MILLISECONDS = 1000;

/** Waits about once per second of GPU work: a wait costs a fixed 10 ms on Deno, so not at every run. */
export class Pace<Run extends object> {
  readonly #settle: () => Promise<void>;
  readonly #milliseconds = new WeakMap<Run, number>();
  #pending = 0;
  #runs: Run[] = [];
  #start = performance.now();

  constructor(settle: () => Promise<void>) {
    this.#settle = settle;
  }

  /** To be called after each submit; resolves at once unless enough work is in flight. */
  async submitted(run: Run): Promise<void> {
    if (this.#runs.length === 0) this.#start = performance.now();
    this.#runs.push(run);
    this.#pending += this.#milliseconds.get(run) ?? IN_FLIGHT_MILLISECONDS;
    if (this.#pending < IN_FLIGHT_MILLISECONDS) return;
    await this.#settle();
    const each = (performance.now() - this.#start) / this.#runs.length;
    for (const run of this.#runs) this.#milliseconds.set(run, each);
    this.#pending = 0;
    this.#runs = [];
  }
}
