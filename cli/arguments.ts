/** Commands, and the checked values of their command lines. */
import { numberOf, type OptionSpec, type OptionValues, textOf } from "../parameters/mod.ts";
import { ESTIMATED_KERNEL } from "../restoration/mod.ts";
import { callerPath, type CommandSpec, makeReporter, readCommandLine, type Reporter } from "../io/mod.ts";

export type { CommandSpec };

/** A command: its declaration, and the function that runs it and returns the exit code. */
export interface Command {
  readonly spec: CommandSpec;
  run(args: Arguments): Promise<number>;
}

/** The option of commands that show how their work goes on. */
export const QUIET_OPTION: Readonly<Record<string, OptionSpec>> = {
  quiet: { kind: "flag", help: "Print results and errors alone, neither progress nor notes" },
};

/** The checked values of a command line. */
export class Arguments {
  constructor(
    readonly operands: readonly string[],
    readonly values: OptionValues,
    /** The command line as it was given, for reports; without --quiet. */
    readonly words: readonly string[] = [],
    /** Whether results and errors alone are shown. */
    readonly isQuiet: boolean = false,
  ) {}

  /** What shows the work of this command line, as `--json` and `--quiet` say. */
  reporter(): Reporter {
    return makeReporter(this.flag("json"), { isQuiet: this.isQuiet });
  }

  /** Whether a flag was given. */
  flag(name: string): boolean {
    return this.values[name] === true;
  }

  /** The value of a text or choice option, if it was given. */
  text(name: string): string | undefined {
    return textOf(this.values, name);
  }

  /** The value of an integer or number option, if it was given. */
  number(name: string): number | undefined {
    return numberOf(this.values, name);
  }

  /** Whether an option was given at all. */
  has(name: string): boolean {
    return this.values[name] !== undefined;
  }
}

/** What options call a path. */
const PATHS: readonly (string | undefined)[] = ["FILE", "FOLDER", "ORIGINAL", "OUT"];

/**
 * Checks a command line against its declaration; paths are those of the folder that it was given in.
 * @returns the values, or "help" if help was asked for
 * @throws {UsageError} as `readCommandLine`
 */
export function parseCommand(spec: CommandSpec, words: readonly string[]): Arguments | "help" {
  const line = readCommandLine(spec, words);
  if (line === "help") return line;
  const named: readonly string[] = spec.operands.usage.match(/\b[a-z]+\b(?!\.)/g) ?? [];
  const isPath = (operand: string): boolean =>
    !named.includes(operand) && !/^\w+:\/\//.test(operand) && line.operands[0] !== "fetch";
  const operands = line.operands.map((operand) => isPath(operand) ? callerPath(operand) : operand);
  // What is computed is the same, so that neither results nor reports know of it.
  const { quiet, ...given } = line.values;
  const { options } = spec;
  const values = Object.entries(given).map(([name, value]) =>
    [
      name,
      PATHS.includes(options[name]!.value) && value !== ESTIMATED_KERNEL ? callerPath(String(value)) : value,
    ] as const
  );
  const others = quiet === undefined ? words : words.filter((word) => word !== "--quiet");
  return new Arguments(operands, Object.fromEntries(values), others, quiet === true);
}
