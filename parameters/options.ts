/** Options: values with names, given as texts; what they may be, and what is said where they are not. */

/** What was asked for cannot be: an unknown option, a value that it does not take, or options that contradict each other. */
export class UsageError extends Error {
  /** Name of the class. */
  override readonly name = "UsageError";
}

/** An option: a named value that is written as a text, on a command line, in a configuration or in an address. */
export interface OptionSpec {
  /** `flag` takes no value; the others do. */
  readonly kind: "flag" | "text" | "integer" | "number" | "choice";
  /** The value in help texts: FILE, N. */
  readonly value?: string;
  /** Allowed values of a choice. */
  readonly choices?: readonly string[];
  /** Least value of a number. */
  readonly min?: number;
  /** Greatest value of a number. */
  readonly max?: number;
  /** What it is, in a line. */
  readonly help: string;
}

/** Checked values by the names of the options; those that were not given are absent. */
export type OptionValues = Readonly<Record<string, string | number | boolean>>;

/** The number that an option gives; undefined if it was not given. */
export function numberOf(options: OptionValues, name: string): number | undefined {
  const value = options[name];
  return typeof value === "number" ? value : undefined;
}

/** The text that an option gives; undefined if it was not given. */
export function textOf(options: OptionValues, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

/**
 * The value of an option from its text.
 * @throws {UsageError} if the text is not what the option takes
 */
export function checkOption(name: string, spec: OptionSpec, text: string): string | number {
  if (text === "") throw new UsageError(`--${name} has no value, write --${name} ${placeholder(spec)}`);
  return checkValue(`--${name}`, spec, text) as string | number;
}

/**
 * The value of an option from what a file or a program gives for it. A number may also be written as a text.
 * @param what the option and its place, for the message
 * @throws {UsageError} if it is not what the option takes
 */
export function checkValue(what: string, spec: OptionSpec, given: unknown): string | number | boolean {
  const { kind, choices = [], min = -Infinity, max = Infinity } = spec;
  const isWord = typeof given === "number" || (typeof given === "string" && given !== "");
  const text = String(given);
  if (kind === "flag" && typeof given === "boolean") return given;
  if (kind === "text" && isWord) return text;
  if (kind === "choice" && choices.includes(text)) return text;
  if (kind === "number" || kind === "integer") {
    const value = isWord && text.trim() !== "" ? Number(text) : NaN;
    const fits = Number.isFinite(value) && value >= min && value <= max &&
      (kind === "number" || Number.isSafeInteger(value));
    if (fits) return value;
  }
  const needed = {
    flag: "true or false",
    text: "a text",
    choice: `one of ${choices.join(", ")}`,
    integer: `a whole number${range(min, max)}`,
    number: `a number${range(min, max)}`,
  }[kind];
  const found = typeof given === "string" ? `"${given}"` : JSON.stringify(given);
  throw new UsageError(`${what} is ${found}, ${needed} is needed${kind === "choice" ? didYouMean(text, choices) : ""}`);
}

function range(min: number, max: number): string {
  if (min === -Infinity && max === Infinity) return "";
  return max === Infinity ? ` of at least ${min}` : ` from ${min} to ${max}`;
}

/** What stands for the value of an option in help texts. */
export function placeholder(spec: OptionSpec): string {
  return spec.value ?? (spec.choices ? spec.choices.join("|") : spec.kind === "text" ? "TEXT" : "N");
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
