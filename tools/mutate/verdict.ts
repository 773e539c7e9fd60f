/** What a run of a test file says, by the runner's own last line: a process can die after its tests have passed. */

/** How a run of a test file ended. */
export interface TestRun {
  /** Both streams, in colours or without. */
  readonly output: string;
  readonly timedOut: boolean;
}

/**
 * `passed` and `failed` are the runner's word; `time-out`: it was stopped; `none`: it ended without a word; `empty`: no
 * test ran; `unreadable`: a module is no TypeScript, so that the tests were never asked.
 */
export type Verdict = "passed" | "failed" | "time-out" | "none" | "empty" | "unreadable";

// deno-lint-ignore no-control-regex -- that is what a terminal's colours are made of
const COLOURS = /\x1b\[[\d;]*m/g;
const LAST_LINE = /^(ok|FAILED) \| (\d+) passed.*? \| (\d+) failed/gm;
const SYNTAX = /^error: (SyntaxError: |The module's source code could not be parsed)/m;

/** The verdict of the runner. */
export function verdictOf({ output, timedOut }: TestRun): Verdict {
  const text = output.replace(COLOURS, "");
  const word = [...text.matchAll(LAST_LINE)].at(-1);
  if (!word) return timedOut ? "time-out" : SYNTAX.test(text) ? "unreadable" : "none";
  const [, outcome, passed, failed] = word;
  if (outcome === "FAILED" || Number(failed) > 0) return "failed";
  return passed === "0" ? "empty" : "passed";
}
