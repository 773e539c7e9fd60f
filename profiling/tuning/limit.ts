/** When tuning ends before everything is measured: its budget is spent, or the caller wants no more. */

/** Why measuring stopped. */
export type StopReason = "budget" | "interrupt";

/** Measuring was stopped; what was measured until then counts. */
export class Stopped extends Error {
  override readonly name = "Stopped";

  constructor(readonly reason: StopReason) {
    super(reason === "budget" ? "the budget is spent" : "stopped by Ctrl-C");
  }
}

/** Watches the clock, and asks the caller. */
export class Limit {
  readonly #isInterrupted: () => Promise<boolean>;
  #start = performance.now();
  readonly #milliseconds: number;
  #reserved = 0;
  #reason: StopReason | undefined;

  /**
   * The budget begins now; see `begin`.
   * @param isInterrupted whether to stop, whatever is left
   * @param seconds the budget
   */
  constructor(isInterrupted: () => Promise<boolean>, seconds: number) {
    this.#isInterrupted = isInterrupted;
    this.#milliseconds = 1000 * seconds;
  }

  /** Why measuring was stopped last, if it was. */
  get reason(): StopReason | undefined {
    return this.#reason;
  }

  /** Seconds since it was made. */
  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  /** Which part of the budget is spent, of what is not reserved. */
  get spent(): number {
    return 1000 * this.seconds / (this.#milliseconds - this.#reserved);
  }

  /** The budget begins now: what was done before does not count. */
  begin(): void {
    this.#start = performance.now();
  }

  /** Keeps the last milliseconds of the budget, at most half of it, for what comes later: 0 sets them free. */
  reserve(milliseconds: number): void {
    this.#reserved = Math.min(milliseconds, this.#milliseconds / 2);
  }

  /**
   * Goes on, unless it is time to stop.
   * @throws {Stopped} if the budget is spent or the caller wants no more
   */
  async check(): Promise<void> {
    if (await this.#isInterrupted()) throw this.#stop("interrupt");
    if (!(this.spent < 1)) throw this.#stop("budget");
  }

  #stop(reason: StopReason): Stopped {
    this.#reason = reason;
    return new Stopped(reason);
  }
}

/** Runs work to its end, or until it is stopped. */
export async function untilStopped(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  }
}
