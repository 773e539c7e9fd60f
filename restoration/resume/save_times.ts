/** When the state of a run is saved. */
import { numberOf, type OptionSpec, type OptionValues, UsageError } from "../../parameters/mod.ts";

/** A run that takes longer in all is saved. */
const LONG_SECONDS = 600;

/** How often it is. */
const USUAL_SECONDS = 60;

/** The option that says how often. */
export const SAVE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  "save-every": {
    kind: "number",
    min: 0,
    value: "SECONDS",
    help:
      "Save the state of the run as OUT.state so often, 0 after every step; the same command goes on from it (default " +
      `every ${USUAL_SECONDS}, where a run takes more than ten minutes)`,
  },
};

/**
 * Seconds between two states, as options say; undefined where the run decides.
 * @throws {UsageError} if states of all steps are recorded too, which begin with the first
 */
export function saveEvery(options: OptionValues): number | undefined {
  const every = numberOf(options, "save-every");
  if (every !== undefined && options["trace"] !== undefined) {
    throw new UsageError(
      "--save-every does not go with --trace, which holds all steps of a run; leave one of them out",
    );
  }
  return every;
}

/** The clock of one run: it is told of every step. */
export class SaveTimes {
  readonly #every: number | undefined;
  readonly #start: number;
  readonly #before: number;
  #saved: number;
  #first: { readonly step: number; readonly at: number } | undefined;
  #expected = 0;
  #now: number;

  /**
   * Begins without steps.
   * @param every seconds between two states; by default each minute, of runs that take more than ten
   * @param now in seconds
   * @param before seconds that the run took before it went on
   */
  constructor(every: number | undefined, now: number, before = 0) {
    [this.#every, this.#start, this.#before, this.#saved, this.#now] = [every, now, before, now, now];
  }

  /** A step is done. */
  see({ step, steps }: { readonly step: number; readonly steps: number }, now: number): void {
    this.#now = now;
    const elapsed = now - this.#start;
    // The first step includes compilation; while there is no other, it is all that is known.
    const pace = this.#first ? (now - this.#first.at) / (step - this.#first.step) : elapsed;
    this.#first ??= { step, at: now };
    this.#expected = this.#before + elapsed + pace * (steps - step);
  }

  /** Seconds that the run has taken. */
  get seconds(): number {
    return this.#before + this.#now - this.#start;
  }

  /** Whether the run is to be saved at all. */
  get isLong(): boolean {
    return this.#every !== undefined || this.#expected > LONG_SECONDS;
  }

  /** Whether it is time to. */
  get isDue(): boolean {
    return this.isLong && this.#now - this.#saved >= (this.#every ?? USUAL_SECONDS);
  }

  /** The state was saved. */
  save(): void {
    this.#saved = this.#now;
  }
}
