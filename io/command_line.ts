/** Command lines: declared options, their values checked, help text made from the declaration. */
import { parseArgs } from "@std/cli/parse-args";
import {
  checkOption,
  didYouMean,
  type OptionSpec,
  type OptionValues,
  placeholder,
  UsageError,
} from "../parameters/mod.ts";

/** What a command takes. */
export interface CommandSpec {
  /** How it is called. */
  readonly name: string;
  /** What it does, in lines; the first sentence says the most. */
  readonly summary: string;
  /** Positional arguments. */
  readonly operands: { readonly usage: string; readonly min: number; readonly max: number };
  /** Its options by name, without the dashes. */
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Further lists for the help text, such as the values of an option with their meaning. */
  readonly lists?: readonly { readonly title: string; readonly rows: readonly (readonly [string, string])[] }[];
  /** Command lines with a comment each. */
  readonly examples: readonly (readonly [command: string, comment: string])[];
}

/** The checked values of a command line. */
export interface CommandLine {
  /** Positional arguments. */
  readonly operands: readonly string[];
  /** The values of the options that were given. */
  readonly values: OptionValues;
}

/**
 * Checks a command line against its declaration: `--name value`, `--name=value`, `--flag`, positional arguments, and after
 * `--` positional ones alone.
 * @returns the values, or "help" if `--help` or `-h` was given
 * @throws {UsageError} on an unknown option (naming the nearest known one), a missing or malformed value, a number
 * out of range, or a wrong number of operands
 */
export function readCommandLine(spec: CommandSpec, words: readonly string[]): CommandLine | "help" {
  // Once: the options of a command may be made of a register whenever they are asked for.
  const { options } = spec;
  const names = Object.keys(options);
  const flags = names.filter((name) => options[name]!.kind === "flag");
  const valued = names.filter((name) => options[name]!.kind !== "flag");
  const parsed: Record<string, unknown> & { _: (string | number)[] } = parseArgs(joinNegative(words, valued), {
    boolean: [...flags, "help"],
    string: [...valued, "_"],
    collect: valued,
    alias: { help: "h" },
    unknown: (word, key) => {
      if (key === undefined) return true;
      throw new UsageError(unknownOption(spec, word));
    },
  });
  if (parsed["help"] === true) return "help";
  const values: Record<string, string | number | boolean> = {};
  for (const name of flags) if (parsed[name] === true) values[name] = true;
  for (const name of valued) {
    const texts = parsed[name] as readonly string[];
    if (texts.length > 1) throw new UsageError(`--${name} was given ${texts.length} times, once is needed`);
    if (texts.length === 1) values[name] = checkOption(name, options[name]!, texts[0]!);
  }
  const operands = parsed._.map(String);
  const { usage, min, max } = spec.operands;
  if (operands.length < min || operands.length > max) {
    const found = operands.length === 0 ? "nothing" : operands.map((operand) => `"${operand}"`).join(", ");
    throw new UsageError(
      max === 0
        ? `${spec.name} takes no arguments, it was given ${found}; "${spec.name} --help" explains it`
        : `${spec.name} was given ${found}, ${usage} is needed; "${spec.name} --help" explains it`,
    );
  }
  return { operands, values };
}

/** `--seed -1` as `--seed=-1`: a negative number after an option that takes a value is that value, not an option. */
function joinNegative(words: readonly string[], valued: readonly string[]): string[] {
  const joined: string[] = [];
  for (const word of words) {
    const option = joined.at(-1);
    if (/^-\.?\d/.test(word) && option?.startsWith("--") && valued.includes(option.slice(2))) {
      joined[joined.length - 1] = `${option}=${word}`;
    } else joined.push(word);
  }
  return joined;
}

function unknownOption(spec: CommandSpec, word: string): string {
  const name = word.replace(/^-+/, "").replace(/=.*$/, "");
  const known = [...Object.keys(spec.options), "help"];
  const hint = didYouMean(name, known, "--") || `; "${spec.name} --help" lists the options`;
  return `${spec.name} has no option "${word.replace(/=.*$/, "")}"${hint}`;
}

/** The help text of a command: usage, options with their meaning, further lists, examples. */
export function helpText(spec: CommandSpec): string {
  const rows = Object.entries(spec.options).map(([name, option]) =>
    [option.kind === "flag" ? `--${name}` : `--${name} ${placeholder(option)}`, option.help] as const
  );
  const usage = `Usage: deno task ${spec.name} ${spec.operands.usage} [options]`.replace(/ +/g, " ");
  const examples = spec.examples.map(([command, comment]) => `  ${command}\n      ${comment}`);
  return [
    spec.summary,
    "",
    usage,
    "",
    "Options:",
    ...columns([...rows, ["--help", "Show this text"]]),
    ...(spec.lists ?? []).flatMap(({ title, rows }) => ["", `${title}:`, ...columns(rows)]),
    ...(examples.length > 0 ? ["", "Examples:", ...examples] : []),
  ].join("\n");
}

const HELP_WIDTH = 100;

/** Two columns, the second wrapped; a left entry that is too long takes a line of its own. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const left = 28;
  return rows.flatMap(([name, text]) => {
    const lines: string[] = [""];
    for (const word of text.split(" ")) {
      const line = lines.at(-1) as string;
      if (line.length + word.length + 1 > HELP_WIDTH - left - 2) lines.push(word);
      else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
    }
    const head = name.length < left ? [`  ${name.padEnd(left)}${lines.shift()}`] : [`  ${name}`];
    return [...head, ...lines.map((line) => " ".repeat(left + 2) + line)];
  });
}
