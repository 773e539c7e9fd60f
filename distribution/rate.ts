/** How fast something is counted, over the last minute and by a clock that nobody sets. */

/** Milliseconds that a rate is of. */
const WINDOW = 60_000;

/** Milliseconds between two counts that are kept. */
const STEP = 1000;

/** The rate of a count that grows. */
export class Rate {
  readonly #counts: { readonly at: number; readonly count: number }[];
  readonly #now: () => number;

  /**
   * Begins to count.
   * @param count what there is already
   * @param now milliseconds of a clock that only goes forwards
   */
  constructor(count: number, now: () => number = () => performance.now()) {
    this.#now = now;
    this.#counts = [{ at: now(), count }];
  }

  /** Notes how far the count is. */
  at(count: number): void {
    const now = this.#now();
    const counts = this.#counts;
    // The last one is moved on until a second has passed.
    if (counts.length > 1 && now - counts.at(-2)!.at < STEP) counts.pop();
    counts.push({ at: now, count });
    while (counts.length > 2 && now - counts[1]!.at >= WINDOW) counts.shift();
  }

  /** The rate per second; 0 until something was counted. */
  get perSecond(): number {
    const { at, count } = this.#counts[0]!;
    const seconds = (this.#now() - at) / 1000;
    return seconds > 0 ? (this.#counts.at(-1)!.count - count) / seconds : 0;
  }
}
