/** A run over many mutants: copies, workers, and what each trial gave. */
import { TreeCopy } from "./copy.ts";
import type { Mutant } from "./mutant.ts";
import { requirePassing, type RunTests, type Trial, tryMutant } from "./trial.ts";

/** A test file may take this many times as long as on the code as it is, and at least `MIN_SECONDS`. */
const SLACK = 6;
const MIN_SECONDS = 60;

/** The longest that a test file may take on the code as it is. */
const MAX_SECONDS = 600;

/** How a run goes. */
export interface SessionOptions {
  /** Trials at a time, each in a copy of its own. */
  readonly jobs: number;
  /** Whether test files run once on the code as it is, before they judge mutants. */
  readonly checkTests: boolean;
  /** Ends the run with its reason; copies are removed. */
  readonly signal?: AbortSignal;
  /** Called after each trial. */
  readonly onTrial: (trial: Trial, done: number) => void;
}

/**
 * Tries mutants in copies of the tree, those with the same first test file after each other.
 * @throws {MutantError} if a mutant does not fit the code, or a test file fails without one; the reason of the signal
 */
export async function tryAll(mutants: readonly Mutant[], options: SessionOptions): Promise<readonly Trial[]> {
  const queue = mutants.toSorted((a, b) => compare(a.tests[0]!, b.tests[0]!));
  const trials: Trial[] = [];
  const checked = new Map<string, Promise<number>>();
  const work = async (): Promise<void> => {
    const copy = await TreeCopy.make();
    try {
      const run: RunTests = async (test) => {
        const seconds = options.checkTests ? await checked.get(test)! : MAX_SECONDS;
        return await copy.runner(seconds, options.signal)(test);
      };
      for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
        for (const test of options.checkTests ? mutant.tests : []) {
          if (!checked.has(test)) checked.set(test, timeAllowed(test, copy, options.signal));
          await checked.get(test);
        }
        const own = mutant;
        const trial = await copy.withMutant(own, () => tryMutant(own, run));
        trials.push(trial);
        options.onTrial(trial, trials.length);
      }
    } finally {
      queue.length = 0;
      await copy.remove();
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  return mutants.flatMap((mutant) => trials.filter((trial) => trial.mutant === mutant));
}

/** Seconds that a test file is given with a mutant, from what it takes without one. */
async function timeAllowed(test: string, copy: TreeCopy, signal: AbortSignal | undefined): Promise<number> {
  const start = performance.now();
  await requirePassing(test, copy.runner(MAX_SECONDS, signal));
  return Math.max(MIN_SECONDS, SLACK * (performance.now() - start) / 1000);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
