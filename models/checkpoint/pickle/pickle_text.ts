/** Texts of the oldest protocols, which are written with escapes. */
import type { PickleRefusal } from "./pickle_values.ts";

/** Letters after a backslash in a string of Python 2. */
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "\\": "\\", "'": "'", '"': '"' };

/**
 * The value of a string as Python 2 wrote it, in quotes.
 * @param line the quotes and what they hold
 * @param refuse makes the error for a line without quotes
 */
export function unescapeString(line: string, refuse: PickleRefusal): string {
  const quote = line[0];
  if (line.length < 2 || (quote !== "'" && quote !== '"') || line.at(-1) !== quote) {
    throw refuse("a string without quotes", "one in quotes is needed");
  }
  return line.slice(1, -1).replace(
    /\\(x[0-9a-fA-F]{2}|[nrt\\'"])/g,
    (_, escape: string) => ESCAPES[escape] ?? String.fromCharCode(parseInt(escape.slice(1), 16)),
  );
}

/**
 * The value of a text in Python's raw-unicode-escape: only characters by number are escaped.
 * @param line the text
 */
export function unescapeUnicode(line: string): string {
  return line.replace(/\\u([0-9a-fA-F]{4})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)));
}
