/** The tasks and methods of a study: named entries with options, where a list of values makes one entry of each. */
import { lookUpTask } from "../operators/mod.ts";
import { checkValue, type OptionSpec, type OptionValues, UsageError } from "../parameters/mod.ts";
import {
  describingOptions,
  evaluationOptions,
  methodOptions,
  NOISE_OPTIONS,
  restoringMethods,
  taskNamed,
  TASKS,
} from "../restoration/mod.ts";
import { SIGMA_MOST, SIGMA_MOST_OPTION } from "./drawn_noise.ts";
import { listAt, objectAt, shown, textAt, wordAt } from "./json.ts";

/** What entries are of. */
export type EntryKind = "task" | "method";

/** One task or method with its options. */
export interface Entry {
  /** Name in the register. */
  readonly name: string;
  /** What tables call it; no two entries of a kind share it. */
  readonly label: string;
  /** What the entries have in common that a list of values made: the label without these values. */
  readonly series: string;
  /** Where it was found, for messages. */
  readonly place: string;
  /** Its options, `task` or `method` among them. */
  readonly options: OptionValues;
  /** Of a method: options that outweigh the others on a task, by the label of the task; papers tune some that way. */
  readonly byTask?: Readonly<Record<string, OptionValues>>;
  /** Whether options that it does not take are left out, as for entries made by `*`. */
  readonly lenient: boolean;
}

/** Where entries come from. */
export interface EntrySource {
  /** Where they were found, such as `"sweep.json" at methods`. */
  readonly place: string;
  /** Makes paths of files in options relative to the working folder. */
  resolve(path: string): string;
  /** Labels of the tasks of the study, which `by-task` of a method may speak of. */
  readonly tasks?: readonly string[];
}

/** The name that stands for all tasks or methods. */
const ALL = "*";

/** The names that there are of a kind: the tasks, or the methods that restore measurements. */
export function namesOf(kind: EntryKind): readonly string[] {
  return kind === "task" ? [...TASKS.keys()] : restoringMethods().map(({ method }) => method);
}

/** Stands for the options with which a method takes so many network evaluations, as far as it allows that. */
export const EVALUATIONS = "evaluations";

/** The key of a method under which options stand that it has on single tasks. */
const BY_TASK = "by-task";

/** The options that entries of a kind take. */
export function entryOptions(kind: EntryKind): Readonly<Record<string, OptionSpec>> {
  if (kind === "task") return { ...describingOptions(), ...NOISE_OPTIONS, [SIGMA_MOST]: SIGMA_MOST_OPTION };
  const { method: _name, ...options } = methodOptions();
  return { ...options, [EVALUATIONS]: { kind: "integer", min: 1, help: "Network evaluations, by its parameters" } };
}

/**
 * The entries of a list as a study holds it: names, or objects with `task` or `method`, optionally `label`, and options.
 * A list of values in an option makes an entry of each. The list may be a text, `ssd steps=10|20, ddnm`: entries apart by
 * commas, options after a space, values by `|`.
 * @throws {UsageError} naming the place
 */
export function readEntries(
  kind: EntryKind,
  found: unknown,
  source: EntrySource = { place: `${kind}s`, resolve: (path) => path },
): readonly Entry[] {
  const { place } = source;
  const list = typeof found === "string" ? parseEntries(kind, found) : found;
  if (!Array.isArray(list) || list.length === 0) {
    throw new UsageError(`${place} is ${shown(list)}, a list of at least one ${kind} is needed`);
  }
  const entries = listAt(list, place, (item, place) => expand(kind, item, { ...source, place })).flat();
  const seen = new Map<string, string>();
  for (const { label, place } of entries) {
    const other = seen.get(label);
    if (other !== undefined) {
      throw new UsageError(`${place} is called "${label}" like ${other}; give one of them another "label"`);
    }
    seen.set(label, place);
  }
  return entries;
}

function parseEntries(kind: EntryKind, text: string): readonly unknown[] {
  const parts = text.split(",").map((part) => part.trim()).filter((part) => part !== "");
  return parts.map((part) => kind === "task" ? part.replaceAll(/\s*\+\s*/g, "+") : part).map((part) => {
    const [name, ...options] = part.split(/\s+/);
    const values = options.map((option) => {
      const [, key = option, values = "true"] = /^([^=]+)=(.*)$/.exec(option) ?? [];
      const all = values.split("|").map((value) => ({ true: true, false: false })[value] ?? value);
      return [key, all.length === 1 ? all[0] : all];
    });
    return { [kind]: name, ...Object.fromEntries(values) };
  });
}

/** A value that is chosen for an option. */
interface Choice {
  readonly option: string;
  readonly value: string | number | boolean;
  /** As labels show it. */
  readonly text: string;
  /** Whether there are others. */
  readonly isSwept: boolean;
}

function expand(kind: EntryKind, item: unknown, source: EntrySource): readonly Entry[] {
  const { place } = source;
  if (typeof item === "string") return expand(kind, { [kind]: item }, source);
  const spec = entryOptions(kind);
  const needed = `a name or an object with "${kind}"`;
  const own = kind === "method" ? ["label", BY_TASK] : ["label"];
  const { [kind]: found, label, [BY_TASK]: tuned, ...options } = objectAt(
    item,
    place,
    [kind, ...own, ...Object.keys(spec)],
    needed,
  );
  if (label !== undefined) textAt(label, `${place}.label`);
  const names = namesOf(kind);
  const byTask = tuned === undefined ? undefined : readByTask(tuned, spec, source);
  const other = kind === "task" && typeof found === "string" && !names.includes(found)
    ? (found.includes("+") ? within(`${place}.task`, () => taskNamed(found)) : lookUpTask(found))?.name
    : undefined;
  const name = other ?? wordAt(found, `${place}.${kind}`, [...names, ALL]);
  const lenient = name === ALL;
  if (lenient && label !== undefined) {
    throw new UsageError(`${place}.label is "${label}", but "${ALL}" makes several entries; leave it out`);
  }
  const choices = Object.entries(options).map(([option, found]) => choicesOf(option, spec[option]!, found, source));
  const combinations = choices.reduce<readonly (readonly Choice[])[]>(
    (all, some) => all.flatMap((chosen) => some.map((choice) => [...chosen, choice])),
    [[]],
  );
  const targets = choices.flat().filter(({ option }) => option === EVALUATIONS);
  return (lenient ? names : [name]).flatMap((name) =>
    combinations.flatMap((all): readonly Entry[] => {
      // In the order of the declaration, so that what "*" leaves out does not depend on how the study is written.
      const given = Object.fromEntries(
        Object.keys(spec).flatMap((key) =>
          all.filter(({ option, value }) => option === key && value !== false).map(({ value }) => [key, value])
        ),
      );
      const settled = settleEvaluations({ [kind]: name, ...given }, { place, lenient });
      // What evaluates no network is the same for any number of evaluations: it is there once.
      const isRepeated = targets.slice(1).some((choice) => all.includes(choice));
      if (!settled || (!settled.takesEvaluations && isRepeated)) return [];
      const chosen = all.filter(({ option }) => option !== EVALUATIONS || settled.takesEvaluations);
      const texts = (isSwept: boolean): readonly string[] =>
        chosen.filter((choice) => choice.isSwept === isSwept).map(({ text }) => text);
      const series = label === undefined ? [name, ...(lenient ? [] : texts(false))].join(" ") : String(label);
      return [{
        name,
        label: [series, ...texts(true)].join(" "),
        series,
        place,
        options: settled.options,
        ...(byTask ? { byTask } : {}),
        lenient,
      }];
    })
  );
}

/** Options of a method on single tasks: an object with labels of tasks, each with options and one value of each. */
function readByTask(
  found: unknown,
  spec: Readonly<Record<string, OptionSpec>>,
  { place, resolve, tasks = [] }: EntrySource,
): Readonly<Record<string, OptionValues>> {
  const at = `${place}.${BY_TASK}`;
  const { [EVALUATIONS]: _none, ...known } = spec;
  return Object.fromEntries(
    Object.entries(objectAt(found, at, tasks)).map(([task, options]) => {
      const where = `${at}["${task}"]`;
      const values = Object.entries(objectAt(options, where, Object.keys(known))).map(([option, given]) => {
        const value = checkValue(`${where}.${option}`, known[option]!, given);
        return [option, known[option]!.value === "FILE" ? resolve(String(value)) : value] as const;
      });
      return [task, Object.fromEntries(values)];
    }),
  );
}

/**
 * The options of an entry, with those that `evaluations` stands for in its place.
 * @returns undefined where `*` makes an entry that no setting allows
 * @throws {UsageError} if no setting allows it otherwise
 */
function settleEvaluations(
  { [EVALUATIONS]: target, ...options }: OptionValues,
  { place, lenient }: Pick<Entry, "place" | "lenient">,
): { readonly options: OptionValues; readonly takesEvaluations: boolean } | undefined {
  if (target === undefined) return { options, takesEvaluations: false };
  const found = evaluationOptions(options, Number(target));
  if (found) return { options: { ...options, ...found }, takesEvaluations: Object.keys(found).length > 0 };
  if (lenient) return undefined;
  const problem = `${place}.${EVALUATIONS} is ${target}: no whole numbers of "${options["method"]}"`;
  throw new UsageError(
    `${problem} come within a tenth of that many network evaluations; give another number, or its own options`,
  );
}

/** The values that an option is given: one, or a list of them. */
function choicesOf(
  option: string,
  spec: OptionSpec,
  found: unknown,
  { place, resolve }: EntrySource,
): readonly Choice[] {
  const list: readonly unknown[] = Array.isArray(found) ? found : [found];
  if (list.length === 0) throw new UsageError(`${place}.${option} is an empty list, at least one value is needed`);
  return list.map((given, index) => {
    const value = checkValue(`${place}.${option}${Array.isArray(found) ? `[${index}]` : ""}`, spec, given);
    return {
      option,
      value: spec.value === "FILE" ? resolve(String(value)) : value,
      text: value === true ? option : `${option}=${given}`,
      isSwept: list.length > 1,
    };
  });
}

/**
 * Runs what may refuse an entry, and says where the entry is.
 * @throws {UsageError} with the place before the message
 */
export function within<T>(place: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`${place}: ${error.message}`) : error;
  }
}
