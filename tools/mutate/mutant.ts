/** One-line slips that tests should notice: what they are, how their lists are read, how one is put into a text. */

/** A change of one line of code, and the test files that should fail because of it. */
export interface Mutant {
  /** The module, relative to the root, with slashes. */
  readonly file: string;
  /** Text of one line, or part of one, that occurs exactly once in the module. */
  readonly find: string;
  readonly replace: string;
  /**
   * Test files in the order in which they run; the first that fails ends the trial. `tests/a_test.ts#text` runs only the
   * tests with the text in their names, where the file is long.
   */
  readonly tests: readonly string[];
  /** Why no test can notice it: the change leaves every result as it is. */
  readonly equivalent?: string;
}

/** A list, or an entry of one, that does not fit the code. */
export class MutantError extends Error {
  override readonly name = "MutantError";
}

const KEYS = new Set(["file", "find", "replace", "tests", "equivalent"]);

/** File and filter of an entry of `tests`. */
export function testOf(entry: string): { readonly file: string; readonly filter: string | undefined } {
  const [file, ...rest] = entry.split("#");
  return { file: file!, filter: rest.length > 0 ? rest.join("#") : undefined };
}

/** The room that a mutant belongs to: the first folder of its module. */
export function roomOf({ file }: Pick<Mutant, "file">): string {
  return file.split("/")[0]!;
}

/** Room, module and change of a mutant in one line. */
export function describe({ file, find, replace }: Mutant): string {
  return `${file}: ${find.trim()}  ->  ${replace.trim() || "(nothing)"}`;
}

/**
 * The module with the mutant in it.
 * @param text the module as it is
 * @throws {MutantError} if what the mutant replaces is not there, or is there more than once
 */
export function applyMutant(text: string, mutant: Mutant): string {
  const at = text.indexOf(mutant.find);
  if (at < 0) {
    throw new MutantError(`Cannot apply a mutant to ${mutant.file}: the text ${JSON.stringify(mutant.find)} is gone`);
  }
  if (text.indexOf(mutant.find, at + 1) >= 0) {
    throw new MutantError(
      `Cannot apply a mutant to ${mutant.file}: the text ${JSON.stringify(mutant.find)} occurs more than once`,
    );
  }
  return text.slice(0, at) + mutant.replace + text.slice(at + mutant.find.length);
}

/**
 * Reads a list.
 * @param json text of the list: an array of mutants
 * @param name of the list, for errors
 * @throws {MutantError} naming the entry that is none
 */
export function parseMutants(json: string, name: string): readonly Mutant[] {
  let entries: unknown;
  try {
    entries = JSON.parse(json);
  } catch (error) {
    throw new MutantError(`Cannot read ${name}: ${(error as Error).message}`);
  }
  if (!Array.isArray(entries)) throw new MutantError(`Cannot read ${name}: an array of mutants is needed`);
  return entries.map((entry, index) => {
    const problem = problemOf(entry);
    if (problem) throw new MutantError(`Cannot read entry ${index + 1} of ${name}: ${problem}`);
    return entry as Mutant;
  });
}

function problemOf(entry: unknown): string | undefined {
  if (typeof entry !== "object" || entry === null) return "it is no object";
  const fields = entry as Record<string, unknown>;
  const extra = Object.keys(fields).find((key) => !KEYS.has(key));
  if (extra !== undefined) return `it has the unknown key "${extra}"`;
  for (const key of ["file", "find", "replace"]) {
    if (typeof fields[key] !== "string") return `"${key}" must be a text`;
  }
  const { file, find, replace, tests, equivalent } = fields as
    & { file: string; find: string; replace: string }
    & typeof fields;
  if (!/^\w+(\/[\w.-]+)+\.ts$/.test(file)) return `"${file}" is no module in a room`;
  if (find.trim() === "") return `"find" is empty`;
  if (find === replace) return `"replace" changes nothing`;
  if (/\n/.test(find + replace)) return "a mutant changes one line";
  if (
    !Array.isArray(tests) || tests.length === 0 || !tests.every((test) => /^tests\/[^#]+_test\.ts(#.+)?$/.test(test))
  ) {
    return `"tests" must name test files`;
  }
  if (equivalent !== undefined && (typeof equivalent !== "string" || equivalent.trim() === "")) {
    return `"equivalent" must say why`;
  }
  return undefined;
}
