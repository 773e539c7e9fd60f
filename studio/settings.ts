/** Settings as they are typed: which controls there are, what is wrong with an entry, and the options of a request. */
import type { Control, MethodFacts, Options, Registers, TaskFacts } from "./protocol.ts";

/** What stands in the controls by option: the text of a field or choice, `true` of a flag; empty ones are absent. */
export type Entries = Readonly<Record<string, string | true>>;

/** Tasks that do the same to different damages. */
export interface TaskGroup {
  /** What they do, in a word or two, or the whole line of a task that is alone. */
  readonly title: string;
  /** At least one. */
  readonly tasks: readonly TaskFacts[];
}

/** Tasks grouped by what they do: up to three words before a colon, or the first word of what they say of themselves. */
export function groupTasks(tasks: readonly TaskFacts[]): readonly TaskGroup[] {
  const groups = Map.groupBy(tasks, ({ about }) => /^\S+( \S+){0,2}(?=: )/.exec(about)?.[0] ?? about.split(" ")[0]!);
  return Array.from(groups, ([words, same]) => ({
    title: capitalised(same.length === 1 ? same[0]!.about : words),
    tasks: same,
  }));
}

/** A text with its first letter as a capital. */
export function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** The name of a control for people: its option in words. */
export function labelOf({ option }: Control): string {
  return capitalised(option.replaceAll("-", " "));
}

/** What holds where a control is left empty, in words. */
export function initialOf(control: Control, published: Options = {}): string {
  return String(published[control.option] ?? control.default ?? "automatic");
}

/** The controls that say something, of a good picture that is damaged first or of a damaged one; a mask is painted. */
export function shownControls(controls: readonly Control[], isDegraded: boolean): readonly Control[] {
  const when = isDegraded ? "degrade" : "damaged";
  return controls.filter(({ kind, only }) => kind !== "mask" && (only === undefined || only === when));
}

/** What an entry must be, as a sentence; null where it is that. */
export function problemOf({ kind, min, max, parity, choices }: Control, entry: string | true): string | null {
  if (kind === "choice") return choices!.includes(entry as string) ? null : `Needed is one of ${choices!.join(", ")}.`;
  if (kind !== "integer" && kind !== "number") return null;
  const value = numberFrom(entry as string);
  const isInteger = kind === "number" || Number.isSafeInteger(value);
  const hasParity = parity === undefined || Math.abs(value % 2) === (parity === "odd" ? 1 : 0);
  if (Number.isFinite(value) && isInteger && hasParity && !(value < min!) && !(value > max!)) return null;
  const noun = kind === "number" ? "a number" : parity === undefined ? "an integer" : `an ${parity} integer`;
  const range = min !== undefined && max !== undefined
    ? ` from ${min} to ${max}`
    : min !== undefined
    ? ` of at least ${min}`
    : max !== undefined
    ? ` of at most ${max}`
    : "";
  return `Needed is ${noun}${range}.`;
}

/** The number that a text is; NaN for none. A comma counts as a point. */
function numberFrom(text: string): number {
  return text.trim() === "" ? NaN : Number(text.trim().replace(",", "."));
}

/** Entries with one that is new; an empty one is left out, and so are those that the new one excludes. */
export function withEntry(entries: Entries, { option, excludes = [] }: Control, entry: string | boolean): Entries {
  const isEmpty = entry === false || entry === "";
  const gone = isEmpty ? [option] : [option, ...excludes];
  const others = Object.fromEntries(Object.entries(entries).filter(([name]) => !gone.includes(name)));
  return isEmpty ? others : { ...others, [option]: entry };
}

/** The values of some controls, and what is wrong with their entries by option. */
export function valuesOf(
  controls: readonly Control[],
  entries: Entries,
): { readonly options: Options; readonly problems: Readonly<Record<string, string>> } {
  const options: Record<string, string | number | boolean> = {};
  const problems: Record<string, string> = {};
  for (const control of controls) {
    const { option, kind, needs } = control;
    const entry = entries[option];
    // Files go beside the options.
    if (entry === undefined || kind === "kernel" || (needs !== undefined && entries[needs] === undefined)) continue;
    const problem = problemOf(control, entry);
    if (problem !== null) problems[option] = problem;
    else options[option] = kind === "integer" || kind === "number" ? numberFrom(entry as string) : entry;
  }
  return { options, problems };
}

/** The entries that options are. */
export function entriesOf(options: Options): Entries {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== false)
      .map(([option, value]) => [option, value === true ? true : String(value)] as const),
  );
}

/** All controls of a request in the order in which they are shown. */
export function controlsOf(
  registers: Registers,
  { task, method, isDegraded }: {
    readonly task: TaskFacts;
    readonly method: MethodFacts | undefined;
    readonly isDegraded: boolean;
  },
): readonly Control[] {
  const all = [...task.controls, ...isDegraded ? registers.noise : [], ...method?.controls ?? [], ...registers.general];
  return shownControls(all, isDegraded);
}
