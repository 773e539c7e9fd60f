/** Trying a mutant: its test files one after the other, until one notices it. */
import { type Mutant, MutantError } from "./mutant.ts";
import { type TestRun, verdictOf } from "./verdict.ts";

/** Runs an entry of `Mutant.tests` on the copy as it is. */
export type RunTests = (test: string) => Promise<TestRun>;

/** What became of a mutant. */
export interface Trial {
  readonly mutant: Mutant;
  /** `crashed`: the process ended twice without a verdict, which the unchanged code does not. */
  readonly outcome: "failed" | "time-out" | "crashed" | "survived";
  /** The test file that noticed it. */
  readonly by?: string;
  readonly seconds: number;
}

/** Whether the tests noticed a mutant. */
export function isNoticed({ outcome }: Trial): boolean {
  return outcome !== "survived";
}

/**
 * Runs the test files of a mutant that stands in the copy.
 * @throws {MutantError} if the mutant is no TypeScript, or a test file runs no test
 */
export async function tryMutant(mutant: Mutant, run: RunTests): Promise<Trial> {
  const start = performance.now();
  const seconds = (): number => Math.round((performance.now() - start) / 100) / 10;
  for (const test of mutant.tests) {
    let verdict = verdictOf(await run(test));
    const again = verdict === "none";
    if (again) verdict = verdictOf(await run(test));
    if (verdict === "unreadable") {
      throw new MutantError(`Cannot try a mutant of ${mutant.file}: ${JSON.stringify(mutant.replace)} does not parse`);
    }
    if (verdict === "empty") throw new MutantError(`Cannot try a mutant of ${mutant.file}: ${test} runs no test`);
    if (verdict === "passed") continue;
    return { mutant, outcome: verdict === "none" ? "crashed" : verdict, by: test, seconds: seconds() };
  }
  return { mutant, outcome: "survived", seconds: seconds() };
}

/**
 * Makes sure that a test file passes on the code as it is: one that fails anyway would notice everything.
 * @throws {MutantError} if it does not
 */
export async function requirePassing(test: string, run: RunTests): Promise<void> {
  let verdict = verdictOf(await run(test));
  if (verdict === "none") verdict = verdictOf(await run(test));
  if (verdict !== "passed") {
    throw new MutantError(`Cannot try mutants with ${test}: on the code as it is its verdict is "${verdict}"`);
  }
}
