/**
 * The part of `@std/cli/parse-args` that the commands use, with its semantics.
 * Not in the subset: dotted names that build nested objects, and `boolean: true` for every option.
 */

/** What `parseArgs` is told about the command line. */
export interface ParseOptions<B extends string, S extends string, C extends string> {
  /** Options that take no value; `false` where absent. */
  readonly boolean?: readonly B[];
  /** Options whose value stays text, also where it looks like a number; `_` keeps positional arguments text. */
  readonly string?: readonly S[];
  /** Options that may be given several times; their value is a list, empty where absent. */
  readonly collect?: readonly C[];
  /** Values of options that are absent. */
  readonly default?: Readonly<Record<string, unknown>>;
  /** Other names of an option; all names receive the value. */
  readonly alias?: Readonly<Record<string, string | readonly string[]>>;
  /** Options that `--no-NAME` sets to `false`. */
  readonly negatable?: readonly string[];
  /** Whether everything after the first positional argument is positional. */
  readonly stopEarly?: boolean;
  /** Whether arguments after `--` go to the key `--` instead of `_`. */
  readonly "--"?: boolean;
  /** Called for every positional argument and undeclared option; `false` leaves it out of the result. */
  readonly unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** What `parseArgs` found: one entry per option name, the positional arguments under `_`. */
export type Args<B extends string, S extends string, C extends string> =
  & { _: (string | number)[]; "--"?: string[] }
  & { [K in Exclude<B, C>]: boolean }
  & { [K in B & C]: boolean[] }
  & { [K in Exclude<S, C | "_">]?: string }
  & { [K in S & C]: string[] }
  & Record<string, unknown>;

/**
 * Parses `--name value`, `--name=value`, `--flag`, `--no-flag`, `-n value`, `-abc` and `-n5` from a list of arguments.
 * @param args the words of the command line
 * @param options the declared options
 * @returns the values by name; undeclared values that look like a number are numbers
 */
export function parseArgs<
  const B extends string = never,
  const S extends string = never,
  const C extends string = never,
>(args: readonly string[], options: ParseOptions<B, S, C> = {}): Args<B, S, C> {
  const booleans = new Set<string>(options.boolean);
  const strings = new Set<string>(options.string);
  const collects = new Set<string>(options.collect);
  const negatables = new Set<string>(options.negatable);
  const aliases = aliasTable(options.alias ?? {});
  for (const names of [booleans, strings, collects, negatables]) {
    for (const name of [...names]) for (const other of aliases.get(name) ?? []) names.add(other);
  }
  const values = new Map<string, unknown>();
  const positional: (string | number)[] = [];
  const end = args.indexOf("--");
  const words = end < 0 ? args : args.slice(0, end);
  const rest = end < 0 ? [] : args.slice(end + 1);

  const assign = (key: string, raw: string | boolean, arg: string, collect = true): void => {
    if (!booleans.has(key) && !strings.has(key) && !aliases.has(key) && options.unknown?.(arg, key, raw) === false) {
      return;
    }
    const value = typeof raw === "string" && !strings.has(key) && isNumber(raw) ? Number(raw) : raw;
    for (const name of [key, ...aliases.get(key) ?? []]) {
      if (!collect || !collects.has(name)) values.set(name, value);
      else values.set(name, [...(values.get(name) as unknown[] | undefined) ?? [], value]);
    }
  };
  /** Gives an option without `=` its value; returns how many further words it used. */
  const assignNext = (key: string, arg: string, next: string | undefined, isOption: (word: string) => boolean) => {
    if (next && !booleans.has(key) && !isOption(next)) {
      assign(key, next, arg);
      return 1;
    }
    if (next === "true" || next === "false") {
      assign(key, next === "true", arg);
      return 1;
    }
    assign(key, strings.has(key) ? "" : true, arg);
    return 0;
  };

  for (let i = 0; i < words.length; i++) {
    const arg = words[i]!;
    const long = /^--(?<key>.+?)(?:=(?<value>.+))?$/s.exec(arg)?.groups;
    if (long) {
      const key = long["key"]!;
      const value = long["value"];
      if (value !== undefined) assign(key, booleans.has(key) ? value !== "false" : value, arg);
      else if (key.startsWith("no-") && negatables.has(key.slice(3))) assign(key.slice(3), false, arg, false);
      else i += assignNext(key, arg, words[i + 1], (word) => word.startsWith("-"));
    } else if (/^-[^-]/.test(arg)) {
      const inline = shortGroup(
        arg.slice(1),
        (key, value) => assign(key, value ?? (strings.has(key) ? "" : true), arg),
      );
      if (inline !== undefined) i += assignNext(inline, arg, words[i + 1], (word) => /^--?[^-]/.test(word));
    } else {
      if (options.unknown?.(arg) !== false) positional.push(!strings.has("_") && isNumber(arg) ? Number(arg) : arg);
      if (options.stopEarly) {
        positional.push(...words.slice(i + 1));
        break;
      }
    }
  }

  for (const [name, value] of Object.entries(options.default ?? {})) {
    for (const key of [name, ...aliases.get(name) ?? []]) if (!values.has(key)) values.set(key, value);
  }
  for (const key of booleans) if (!values.has(key)) values.set(key, collects.has(key) ? [] : false);
  for (const key of strings) if (!values.has(key) && collects.has(key)) values.set(key, []);
  if (options["--"]) values.set("--", rest);
  else positional.push(...rest);
  return { ...Object.fromEntries(values), _: positional } as Args<B, S, C>;
}

/** Splits `abc`, `n5` and `n=5`; hands out every letter but a last one that may still take the next word. */
function shortGroup(letters: string, assign: (key: string, value?: string) => void): string | undefined {
  for (let j = 0; j < letters.length - 1; j++) {
    const letter = letters[j]!;
    const after = letters.slice(j + 1);
    const value = /[A-Za-z]/.test(letter)
      ? /^=(.+)$/s.exec(after)?.[1] ?? /^-?\d+(?:\.\d*)?(?:e-?\d+)?$/.exec(after)?.[0]
      : undefined;
    if (value !== undefined || /^\W/.test(after)) {
      assign(letter, value ?? after);
      return undefined;
    }
    assign(letter);
  }
  return letters.at(-1);
}

function aliasTable(alias: Readonly<Record<string, string | readonly string[]>>): Map<string, string[]> {
  const table = new Map<string, string[]>();
  for (const [key, other] of Object.entries(alias)) {
    const names = [key, ...(typeof other === "string" ? [other] : other)];
    for (const name of names) table.set(name, names.filter((candidate) => candidate !== name));
  }
  return table;
}

function isNumber(text: string): boolean {
  return /^0x[0-9a-f]+$/i.test(text) || /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?$/.test(text);
}
