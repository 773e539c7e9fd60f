/** Command lines: declared options, their values checked, help text made from the declaration. */
import { parseArgs } from "@std/cli/parse-args";

/** The command line is wrong; exit code 2. The message says what to write instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** One option of a command. */
export interface OptionSpec {
  /** `flag` takes no value; the others do. */
  readonly kind: "flag" | "text" | "integer" | "number" | "choice";
  /** The value in help texts: FILE, N. */
  readonly value?: string;
  /** Allowed values of a choice. */
  readonly choices?: readonly string[];
  /** Least and greatest value of a number. */
  readonly min?: number;
  readonly max?: number;
  readonly help: string;
}

/** What a command takes. */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** Positional arguments. */
  readonly operands: { readonly usage: string; readonly min: number; readonly max: number };
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Further lists for the help text, such as the values of an option with their meaning. */
  readonly lists?: readonly { readonly title: string; readonly rows: readonly (readonly [string, string])[] }[];
  /** Command lines with a comment each. */
  readonly examples: readonly (readonly [command: string, comment: string])[];
}

/** A command: its declaration, and the function that runs it and returns the exit code. */
export interface Command {
  readonly spec: CommandSpec;
  run(args: Arguments): Promise<number>;
}

/** The checked values of a command line. */
export class Arguments {
  constructor(
    readonly operands: readonly string[],
    readonly values: ReadonlyMap<string, string | number | boolean>,
    /** The command line as it was given, for reports. */
    readonly words: readonly string[] = [],
  ) {}

  /** Whether a flag was given. */
  flag(name: string): boolean {
    return this.values.get(name) === true;
  }

  /** The value of a text or choice option, if it was given. */
  text(name: string): string | undefined {
    const value = this.values.get(name);
    return typeof value === "string" ? value : undefined;
  }

  /** The value of an integer or number option, if it was given. */
  number(name: string): number | undefined {
    const value = this.values.get(name);
    return typeof value === "number" ? value : undefined;
  }

  /** Whether an option was given at all. */
  has(name: string): boolean {
    return this.values.has(name);
  }
}

/**
 * Checks a command line against its declaration.
 * @returns the values, or "help" if help was asked for
 * @throws {UsageError} on an unknown option (naming the nearest known one), a missing or malformed value, a number
 * out of range, or a wrong number of operands
 */
export function parseCommand(spec: CommandSpec, words: readonly string[]): Arguments | "help" {
  const names = Object.keys(spec.options);
  const flags = names.filter((name) => spec.options[name]?.kind === "flag");
  const valued = names.filter((name) => spec.options[name]?.kind !== "flag");
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
  if (parsed.help === true) return "help";
  const values = new Map<string, string | number | boolean>();
  for (const name of flags) if (parsed[name] === true) values.set(name, true);
  for (const name of valued) {
    const given = parsed[name] as readonly string[] | undefined;
    if (given === undefined || given.length === 0) continue;
    if (given.length > 1) throw new UsageError(`--${name} was given ${given.length} times, once is needed`);
    values.set(name, checkValue(name, spec.options[name] as OptionSpec, given[0] as string));
  }
  const operands = parsed._.map(String);
  const { usage, min, max } = spec.operands;
  if (operands.length < min || operands.length > max) {
    const found = operands.length === 0 ? "nothing" : operands.map((operand) => `"${operand}"`).join(", ");
    throw new UsageError(`${spec.name} was given ${found}, ${usage} is needed; "${spec.name} --help" explains it`);
  }
  return new Arguments(operands, values, words);
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

function checkValue(name: string, spec: OptionSpec, text: string): string | number {
  if (text === "") throw new UsageError(`--${name} has no value, write --${name} ${placeholder(spec)}`);
  if (spec.kind === "choice") {
    const choices = spec.choices ?? [];
    if (choices.includes(text)) return text;
    throw new UsageError(`--${name} is "${text}", one of ${choices.join(", ")} is needed${didYouMean(text, choices)}`);
  }
  if (spec.kind === "text") return text;
  const value = Number(text);
  const { min = -Infinity, max = Infinity } = spec;
  const fits = text.trim() !== "" && Number.isFinite(value) && value >= min && value <= max &&
    (spec.kind === "number" || Number.isSafeInteger(value));
  if (fits) return value;
  const kind = spec.kind === "integer" ? "a whole number" : "a number";
  throw new UsageError(`--${name} is "${text}", ${kind}${range(min, max)} is needed`);
}

function range(min: number, max: number): string {
  if (min === -Infinity && max === Infinity) return "";
  return max === Infinity ? ` of at least ${min}` : ` from ${min} to ${max}`;
}

function placeholder(spec: OptionSpec): string {
  return spec.value ?? (spec.choices ? spec.choices.join("|") : spec.kind === "text" ? "TEXT" : "N");
}

function unknownOption(spec: CommandSpec, word: string): string {
  const name = word.replace(/^-+/, "").replace(/=.*$/, "");
  const known = [...Object.keys(spec.options), "help"];
  const hint = didYouMean(name, known, "--") || `; "${spec.name} --help" lists the options`;
  return `${spec.name} has no option "${word.replace(/=.*$/, "")}"${hint}`;
}

/** `; did you mean "x"?` where a candidate is within a few letters, otherwise nothing. */
export function didYouMean(word: string, candidates: Iterable<string>, prefix = ""): string {
  const near = nearest(word, candidates);
  return near === undefined ? "" : `; did you mean "${prefix}${near}"?`;
}

/** The candidate with the fewest single-letter edits from `word`, if it is at most a third of its length away. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein distance: insertions, deletions and substitutions. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
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
    "",
    "Examples:",
    ...examples,
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
