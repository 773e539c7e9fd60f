/** `deno task mutate`: makes one slip after another in a copy of the code and tells which ones the tests miss. */
import { chooseBackend } from "../../engine/mod.ts";
import { numberOf, textOf, UsageError } from "../../parameters/mod.ts";
import { type CommandSpec, helpText, readCommandLine } from "../../io/mod.ts";
import { ROOT } from "./copy.ts";
import { choose, readLists } from "./lists.ts";
import { applyMutant, describe, type Mutant, MutantError, testOf } from "./mutant.ts";
import { tryAll } from "./session.ts";
import { roomShares, shareTable } from "./table.ts";
import { isNoticed, type Trial } from "./trial.ts";

/** What the command takes. */
const SPEC: CommandSpec = {
  name: "mutate",
  summary: "Changes one line at a time in a copy of the code and runs the test files that should notice.\n" +
    "Exit codes: 0 all noticed, 1 some survived or the list does not fit the code, 2 wrong usage, 130 stopped by Ctrl-C.",
  operands: { usage: "", min: 0, max: 0 },
  options: {
    all: { kind: "flag", help: "Try every mutant of the lists in tools/mutate/lists" },
    sample: { kind: "integer", min: 1, help: "Try N mutants of each room (default 2)" },
    seed: { kind: "integer", min: 0, help: "Which ones a sample draws (default 0)" },
    room: { kind: "text", value: "NAME", help: "Mutants of this room only" },
    jobs: { kind: "integer", min: 1, help: "Trials at a time, each in a copy of its own (default 1)" },
    json: { kind: "text", value: "FILE", help: "Write every trial to a file" },
    list: { kind: "flag", help: "Print the mutants and try none" },
    equivalent: { kind: "flag", help: "Print the mutants that change no result, and why, and try none" },
    "trust-tests": { kind: "flag", help: "Do not run the test files on the code as it is first" },
  },
  examples: [["deno task mutate --room kernels --all", "all of one room"]],
};

/** The user asked to stop. */
class InterruptedError extends Error {
  override readonly name = "InterruptedError";
}

interface Settings {
  readonly room: string | undefined;
  readonly sample: number | undefined;
  readonly seed: number;
  readonly jobs: number;
  readonly json: string | undefined;
  readonly list: boolean;
  readonly equivalent: boolean;
  readonly checkTests: boolean;
}

/**
 * Reads the command line.
 * @throws {UsageError} if an option is unknown, or its value is none
 */
export function settingsOf(words: readonly string[]): Settings | "help" {
  const line = readCommandLine(SPEC, words);
  if (line === "help") return line;
  const { values } = line;
  const { all, list, equivalent } = values;
  const sample = numberOf(values, "sample");
  if (all && sample !== undefined) throw new UsageError("--all and --sample exclude each other; give one of them");
  return {
    room: textOf(values, "room"),
    sample: all || list || equivalent ? sample : sample ?? 2,
    seed: numberOf(values, "seed") ?? 0,
    jobs: numberOf(values, "jobs") ?? 1,
    json: textOf(values, "json"),
    list: list === true,
    equivalent: equivalent === true,
    checkTests: values["trust-tests"] !== true,
  };
}

/** Everything that is wrong with a list: mutants whose text is gone or ambiguous, and files that are not there. */
export async function misfits(mutants: readonly Mutant[], root: URL = ROOT): Promise<readonly string[]> {
  const texts = new Map<string, string>();
  const found: string[] = [];
  for (const mutant of mutants) {
    try {
      if (!texts.has(mutant.file)) texts.set(mutant.file, await Deno.readTextFile(new URL(mutant.file, root)));
      applyMutant(texts.get(mutant.file)!, mutant);
      for (const test of mutant.tests) await Deno.stat(new URL(testOf(test).file, root));
    } catch (error) {
      if (error instanceof MutantError) found.push(error.message);
      else if (error instanceof Deno.errors.NotFound) found.push(`Cannot use ${describe(mutant)}: ${error.message}`);
      else throw error;
    }
  }
  return found;
}

function line(trial: Trial, done: number, total: number): string {
  const { mutant, outcome, by, seconds } = trial;
  const how = outcome === "survived" ? "SURVIVED" : outcome === "failed" ? "noticed" : `noticed (${outcome})`;
  return `${done}/${total} ${how} ${seconds} s  ${describe(mutant)}${by ? `  [${by}]` : ""}`;
}

/** Runs the command and returns its exit code. */
export async function main(args: readonly string[], print: (text: string) => void): Promise<number> {
  let settings: Settings | "help";
  let chosen: readonly Mutant[];
  try {
    settings = settingsOf(args);
    if (settings === "help") return print(helpText(SPEC)), 0;
    chosen = choose(await readLists(), settings);
  } catch (error) {
    if (error instanceof MutantError) return print(error.message), 1;
    if (!(error instanceof UsageError || error instanceof RangeError)) throw error;
    return print(error.message), 2;
  }
  const wrong = await misfits(chosen);
  if (wrong.length > 0) return print(wrong.join("\n")), 1;
  const equivalent = chosen.filter((mutant) => mutant.equivalent !== undefined);
  if (settings.equivalent) {
    for (const mutant of equivalent) print(`${describe(mutant)}\n    ${mutant.equivalent}`);
    return 0;
  }
  if (settings.list) {
    for (const mutant of chosen) print(`${describe(mutant)}  [${mutant.tests.join(" ")}]`);
    return 0;
  }
  const tried = chosen.filter((mutant) => mutant.equivalent === undefined);
  // The test processes inherit it: asking OpenGL for an adapter costs threads of `deno test` their lives.
  await chooseBackend();
  const stop = new AbortController();
  const onInterrupt = (): void => stop.abort(new InterruptedError("stopped by Ctrl-C; the copies are removed"));
  Deno.addSignalListener("SIGINT", onInterrupt);
  try {
    const trials = await tryAll(tried, {
      jobs: settings.jobs,
      checkTests: settings.checkTests,
      signal: stop.signal,
      onTrial: (trial, done) => print(line(trial, done, tried.length)),
    });
    return await conclude(trials, equivalent, settings.json, print);
  } catch (error) {
    if (!(error instanceof MutantError || error instanceof InterruptedError)) throw error;
    print(error.message);
    return error instanceof MutantError ? 1 : 130;
  } finally {
    Deno.removeSignalListener("SIGINT", onInterrupt);
  }
}

/** Prints survivors and shares, writes the file that was asked for, and returns the exit code. */
export async function conclude(
  trials: readonly Trial[],
  equivalent: readonly Mutant[],
  json: string | undefined,
  print: (text: string) => void,
): Promise<number> {
  const survivors = trials.filter((trial) => !isNoticed(trial));
  const late = trials.filter(({ outcome }) => outcome === "time-out").length;
  const shares = roomShares(trials, equivalent);
  print(`\n${shareTable(shares)}\n`);
  if (late > 0) print(`${late} of the noticed ones ran out of time`);
  if (survivors.length > 0) print("Survivors:");
  for (const { mutant } of survivors) print(`  ${describe(mutant)}  [${mutant.tests.join(" ")}]`);
  if (json !== undefined) {
    await Deno.writeTextFile(json, JSON.stringify({ shares, trials, equivalent }, null, 2) + "\n");
  }
  return survivors.length > 0 ? 1 : 0;
}

// deno-lint-ignore no-console -- the output of the command
if (import.meta.main) Deno.exit(await main(Deno.args, (text) => console.log(text)));
