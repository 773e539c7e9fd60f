/** The tasks and methods of an evaluation: named entries with options, where a list of values makes one entry of each. */
import { describingOptions, methodOptions, NOISE_OPTIONS, restoringMethods, TASKS } from "../../restoration/mod.ts";
import { parseCommand } from "../arguments.ts";
import { didYouMean, type OptionSpec, type OptionValues, UsageError } from "../../parameters/mod.ts";

/** What entries are of. */
export type EntryKind = "task" | "method";

/** One task or method with its options. */
export interface Entry {
  readonly kind: EntryKind;
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
  /** Whether options that it does not take are left out, as for entries made by `*`. */
  readonly lenient: boolean;
}

/** The name that stands for all tasks or methods. */
const ALL = "*";

/** The names that there are of a kind: the tasks, or the methods that restore measurements. */
export function namesOf(kind: EntryKind): readonly string[] {
  return kind === "task" ? [...TASKS.keys()] : restoringMethods().map(({ method }) => method);
}

/** The options that entries of a kind take. */
function optionsOf(kind: EntryKind): Readonly<Record<string, OptionSpec>> {
  if (kind === "task") return { ...describingOptions(), ...NOISE_OPTIONS };
  const { method: _name, ...options } = methodOptions();
  return options;
}

/** A value of an option as configurations write it. */
type Value = string | number | boolean;

/**
 * The entries of a list as a configuration holds it: names, or objects with `task` or `method`, optionally `label`, and
 * options. A list of values in an option makes an entry of each.
 * @param list the value found
 * @param place where it was found, such as `"sweep.json" at methods`
 * @param resolve makes paths of files in options relative to the working folder
 * @throws {UsageError} naming the place
 */
export function readEntries(
  kind: EntryKind,
  list: unknown,
  { place, resolve }: { readonly place: string; readonly resolve: (path: string) => string },
): readonly Entry[] {
  if (!Array.isArray(list) || list.length === 0) {
    throw new UsageError(`${place} is ${JSON.stringify(list) ?? "missing"}, a list of at least one ${kind} is needed`);
  }
  const entries = list.flatMap((item, index) => expand(kind, item, { place: `${place}[${index}]`, resolve }));
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

/**
 * The entries of an option of the command line: `ssd steps=10|20, ddnm`, entries apart by commas, options after a space,
 * values by `|`.
 */
export function parseEntries(kind: EntryKind, text: string): readonly Entry[] {
  const list = text.split(",").map((part) => part.trim()).filter((part) => part !== "").map((part) => {
    const [name, ...options] = part.split(/\s+/);
    return Object.fromEntries([
      [kind, name],
      ...options.map((option) => {
        const [, key = option, values = "true"] = /^([^=]+)=(.*)$/.exec(option) ?? [];
        const all = values.split("|").map((value) => value === "true" ? true : value);
        return [key, all.length === 1 ? all[0] : all];
      }),
    ]);
  });
  return readEntries(kind, list, { place: `--${kind}s`, resolve: (path) => path });
}

interface Context {
  readonly place: string;
  readonly resolve: (path: string) => string;
}

function expand(kind: EntryKind, item: unknown, context: Context): readonly Entry[] {
  const { place } = context;
  if (typeof item === "string") return expand(kind, { [kind]: item }, context);
  if (typeof item !== "object" || item === null || Array.isArray(item)) {
    throw new UsageError(`${place} is ${JSON.stringify(item)}, a name or an object with "${kind}" is needed`);
  }
  const { [kind]: name, label, ...options } = item as Record<string, unknown>;
  if (typeof name !== "string") {
    throw new UsageError(`${place}.${kind} is ${JSON.stringify(name) ?? "missing"}, the name of a ${kind} is needed`);
  }
  if (label !== undefined && (typeof label !== "string" || label === "")) {
    throw new UsageError(`${place}.label is ${JSON.stringify(label)}, a text is needed`);
  }
  if (name === ALL && label !== undefined) {
    throw new UsageError(`${place}.label is "${label}", but "${ALL}" makes several entries; leave it out`);
  }
  const names = namesOf(kind);
  if (name !== ALL && !names.includes(name)) {
    throw new UsageError(
      `${place}.${kind} is "${name}", one of ${names.join(", ")} or "${ALL}" is needed${didYouMean(name, names)}`,
    );
  }
  return (name === ALL ? names : [name]).flatMap((each) =>
    combinations(options, place).map((chosen) =>
      entryOf(kind, each, { label, options, chosen, ...context }, name === ALL)
    )
  );
}

/** Every choice of one value from each option. */
function combinations(options: Readonly<Record<string, unknown>>, place: string): readonly Record<string, Value>[] {
  let all: readonly Record<string, Value>[] = [{}];
  for (const [key, found] of Object.entries(options)) {
    const values: readonly unknown[] = Array.isArray(found) ? found : [found];
    if (values.length === 0) throw new UsageError(`${place}.${key} is an empty list, at least one value is needed`);
    values.forEach((value, index) => {
      if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return;
      const where = Array.isArray(found) ? `${place}.${key}[${index}]` : `${place}.${key}`;
      throw new UsageError(`${where} is ${JSON.stringify(value)}, a text, a number, true or false is needed`);
    });
    all = all.flatMap((chosen) => values.map((value) => ({ ...chosen, [key]: value as Value })));
  }
  return all;
}

function entryOf(
  kind: EntryKind,
  name: string,
  { label, options, chosen, place, resolve }: Context & {
    readonly label: string | undefined;
    readonly options: Readonly<Record<string, unknown>>;
    readonly chosen: Readonly<Record<string, Value>>;
  },
  lenient: boolean,
): Entry {
  const spec = optionsOf(kind);
  const words = Object.entries(chosen).filter(([, value]) => value !== false).map(([key, value]) => {
    if (value === true) return `--${key}`;
    const isFile = Object.hasOwn(spec, key) && spec[key]?.value === "FILE";
    return `--${key}=${isFile ? resolve(String(value)) : value}`;
  });
  const given = within(place, () => parseCommand({ ...ENTRY_SPEC, options: spec }, words));
  if (given === "help") throw new UsageError(`${place}.help is no option of a ${kind}; leave it out`);
  const isSwept = (key: string): boolean =>
    Array.isArray(options[key]) && (options[key] as readonly unknown[]).length > 1;
  const shown = (keys: readonly string[]): string =>
    keys.map((key) => chosen[key] === true ? key : `${key}=${chosen[key]}`).join(" ");
  const keys = lenient ? [] : Object.keys(chosen);
  const fixed = label ?? [name, shown(keys.filter((key) => !isSwept(key)))].filter((part) => part !== "").join(" ");
  const swept = shown(Object.keys(chosen).filter(isSwept));
  return {
    kind,
    name,
    label: swept === "" ? fixed : `${fixed} ${swept}`,
    series: fixed,
    place,
    options: { [kind]: name, ...given.values },
    lenient,
  };
}

const ENTRY_SPEC = { name: "evaluate", summary: "", operands: { usage: "options", min: 0, max: 0 }, examples: [] };

/**
 * Runs what may refuse an entry, and says where the entry is.
 * @throws {UsageError} with the place before the message
 */
export function within<T>(place: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`${place}: ${error.message}`);
    throw error;
  }
}
