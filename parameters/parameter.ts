/**
 * Parameters as data: what a parameter is follows from one line, and its type, default, checks, option, help and row in
 * a table follow from that.
 */

/** What can be said of a parameter beside its default. */
export interface ParameterNotes {
  /** Least value of a number; without a limit where absent. */
  readonly min?: number;
  /** Greatest value of a number, or the name of what it is: another parameter, or a limit that is known later. */
  readonly max?: number | string;
  /** Its option on a command line, where that is not its name in kebab case; a flag that is on by default has `no-...`. */
  readonly option?: string;
  /** What stands for the value in help texts, such as FILE. */
  readonly value?: string;
  /** What an integer must be, where not all fit. */
  readonly parity?: "odd" | "even";
  /** `pixels`: a length within the picture, which shrinks with a picture that is made smaller. */
  readonly unit?: "pixels";
  /** Whether programs alone give it, so that it is no option of a command line. */
  readonly programsOnly?: true;
  /** Parameters that have no value where this one is given; a command line gives one or the other. */
  readonly replaces?: readonly string[];
  /** The parameter without which this one says nothing. */
  readonly needs?: string;
  /** Whether it describes a damage that is made here, so that it says nothing of a picture that was damaged elsewhere. */
  readonly isDamage?: true;
  /** What the option of a flag makes of it, where that is not the opposite of its default. */
  readonly sets?: boolean;
}

/** Greatest values by the names that `max` may have. */
export type Limits = Readonly<Record<string, unknown>>;

/** What is said of numbers alone. */
export type NumberNotes = Pick<ParameterNotes, "min" | "max" | "parity" | "value">;

/** The notes of a value that comes from a file. */
export interface FileNotes extends Omit<ParameterNotes, keyof NumberNotes> {
  /** What the file is, for those that read it, such as `mask`. */
  readonly format?: string;
}

/**
 * One parameter. `T` is the type of its value, with `undefined` where it may be left open. Parameters of published
 * entries say it in the text, `as Parameter<T>`: a package registry reads types without inferring those of calls.
 */
export interface Parameter<T> extends ParameterNotes {
  /** What values it has. */
  readonly kind: "integer" | "number" | "flag" | "choice" | "text" | "file" | "data";
  /** What holds where nothing is given; undefined: left open. */
  readonly default: T;
  /** The values of a choice. */
  readonly choices?: readonly string[];
  /** What the file of a file parameter is. */
  readonly format?: string;
  /** What data must be, in words, and whether a value is that. */
  readonly data?: { readonly needed: string; fits(value: unknown): boolean };
  /** Set where a value must be given. */
  readonly isRequired?: true;
  /** What it is, in a line without its default. */
  readonly help: string;
}

/** Parameters by name. */
export type Parameters = Readonly<Record<string, Parameter<unknown>>>;

/** The values of parameters, all of them given. */
export type ValuesOf<P extends Parameters> = {
  readonly [K in keyof P]: P[K] extends Parameter<infer T> ? T : never;
};

/** An integer. */
export function integer(initial: number, notes: ParameterNotes, help: string): Parameter<number>;
/** An integer that may be left open. */
export function integer(initial: undefined, notes: ParameterNotes, help: string): Parameter<number | undefined>;
export function integer<T extends number | undefined>(initial: T, notes: ParameterNotes, help: string): Parameter<T> {
  return { kind: "integer", default: initial, ...notes, help };
}

/** A number. */
export function number(initial: number, notes: ParameterNotes, help: string): Parameter<number>;
/** A number that may be left open. */
export function number(initial: undefined, notes: ParameterNotes, help: string): Parameter<number | undefined>;
export function number<T extends number | undefined>(initial: T, notes: ParameterNotes, help: string): Parameter<T> {
  return { kind: "number", default: initial, ...notes, help };
}

/** Yes or no. On a command line it is given to turn its default round, or to make it what `sets` says. */
export function flag(
  initial: boolean,
  notes: Omit<ParameterNotes, keyof NumberNotes>,
  help: string,
): Parameter<boolean> {
  return { kind: "flag", default: initial, ...notes, help };
}

/** One of several words, named in `choices`; the type of the value is the union of them. */
export function choice<const C extends string>(
  initial: NoInfer<C>,
  choices: readonly C[],
  notes: Omit<ParameterNotes, keyof NumberNotes>,
  help: string,
): Parameter<C>;
/** One of several words, which may be left open. */
export function choice<const C extends string>(
  initial: undefined,
  choices: readonly C[],
  notes: Omit<ParameterNotes, keyof NumberNotes>,
  help: string,
): Parameter<C | undefined>;
export function choice<T extends string | undefined>(
  initial: T,
  choices: readonly string[],
  notes: Omit<ParameterNotes, keyof NumberNotes>,
  help: string,
): Parameter<T> {
  return { kind: "choice", default: initial, choices, ...notes, help };
}

/**
 * A value that comes from a file, such as a mask. The command line gives a path; `T` is what is read from it, and what a
 * program gives.
 */
export function file<T>(notes: FileNotes, help: string): Parameter<T | undefined> {
  return { kind: "file", default: undefined, value: "FILE", ...notes, help };
}

/**
 * A value with parts that programs give, such as a list of numbers; it is no option of a command line.
 * @param check what is needed, in words, and whether a value is that
 */
export function data<T>(check: NonNullable<Parameter<T>["data"]>, help: string): Parameter<T | undefined> {
  return { kind: "data", default: undefined, data: check, help };
}

/** The same parameter, which must be given. */
export function required<T>(parameter: Parameter<T | undefined>): Parameter<T> {
  return { ...parameter, isRequired: true } as Parameter<T>;
}

/** Whether a parameter is an option of a command line. */
export function isOption({ kind, programsOnly }: Parameter<unknown>): boolean {
  return kind !== "data" && !programsOnly;
}

/** The values that hold where nothing is given. */
export function defaultsOf<P extends Parameters>(parameters: P): ValuesOf<P> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, { default: initial }]) => [name, initial]),
  ) as ValuesOf<P>;
}

/** The option of a parameter on a command line, without the dashes: its name in kebab case unless it says otherwise. */
export function optionName(name: string, { option, kind, default: initial }: Parameter<unknown>): string {
  const kebab = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return option ?? (kind === "flag" && initial === true ? `no-${kebab}` : kebab);
}

/** The greatest value of a parameter, as far as it is known; undefined for none. */
export function greatest({ max }: Parameter<unknown>, limits: Limits = {}): number | undefined {
  const found = typeof max === "string" ? limits[max] : max;
  return typeof found === "number" ? found : undefined;
}

/** What a value must be, in words: "an integer within 1..20", `one of "a", "b"`. */
export function needed(parameter: Parameter<unknown>, limits: Limits = {}): string {
  const { kind, min, parity, choices, data } = parameter;
  if (kind === "choice") return `one of ${choices!.map((choice) => `"${choice}"`).join(", ")}`;
  if (kind === "flag") return "true or false";
  if (kind === "text") return "a text";
  if (kind === "file") return "what its file holds";
  if (kind === "data") return data!.needed;
  const noun = kind === "number" ? "a number" : parity === undefined ? "an integer" : `an ${parity} integer`;
  const max = greatest(parameter, limits) ?? parameter.max;
  if (min !== undefined && max !== undefined) return `${noun} within ${min}..${max}`;
  if (min !== undefined) return `${noun} of at least ${min}`;
  return max === undefined ? noun : `${noun} of at most ${max}`;
}

/** Whether a parameter can have a value; a limit that is not known is none. */
export function fits(parameter: Parameter<unknown>, value: unknown, limits: Limits = {}): boolean {
  const { kind, default: initial, min = -Infinity, parity, choices, data } = parameter;
  if (value === undefined) return initial === undefined;
  switch (kind) {
    case "flag":
      return typeof value === "boolean";
    case "choice":
      return choices!.includes(value as string);
    case "text":
      return typeof value === "string";
    case "file":
      return true;
    case "data":
      return data!.fits(value);
    default:
      return typeof value === "number" && Number.isFinite(value) && value >= min &&
        value <= (greatest(parameter, limits) ?? Infinity) &&
        (kind === "number" || Number.isSafeInteger(value)) &&
        (parity === undefined || Math.abs(value % 2) === (parity === "odd" ? 1 : 0));
  }
}

/**
 * All values of parameters: those given, and the defaults of the others.
 * @param what for messages, such as `run ddrm` or `build operator "hdr"`
 * @param parameters what there is
 * @param given some of the values; one that is undefined counts as not given
 * @param base what holds instead of the defaults, such as what is published for a task
 * @param limits greatest values that have a name, besides the values themselves
 * @throws {RangeError} if a value is given that no parameter has a name for, or that its parameter cannot have, or a
 * required one is missing
 */
export function checkedValues<P extends Parameters>(
  what: string,
  parameters: P,
  given: Readonly<Record<string, unknown>>,
  base: Partial<ValuesOf<P>> = {},
  limits: Limits = {},
): ValuesOf<P> {
  const known = Object.keys(parameters);
  const foreign = Object.keys(given).find((name) => !Object.hasOwn(parameters, name));
  if (foreign !== undefined) {
    const takes = known.length > 0 ? `its parameters are ${known.join(", ")}` : "it has none";
    throw new RangeError(`Cannot ${what}: there is no parameter "${foreign}"; ${takes}`);
  }
  const entries = known.map((name) => [name, given[name] ?? base[name] ?? parameters[name]!.default] as const);
  const bounds = { ...limits, ...Object.fromEntries(entries) };
  for (const [name, value] of entries) {
    const parameter = parameters[name]!;
    if (value === undefined && parameter.isRequired) {
      throw new RangeError(`Cannot ${what}: no ${name} was given, ${needed(parameter)} is needed`);
    }
    // What is not given is as it was published, unless its limit is another.
    if ((given[name] === undefined && typeof parameter.max !== "string") || fits(parameter, value, bounds)) continue;
    const found = typeof value === "string" ? `"${value}"` : String(value);
    throw new RangeError(`Cannot ${what}: ${name} is ${found}, ${needed(parameter, bounds)} is needed`);
  }
  return Object.fromEntries(entries) as ValuesOf<P>;
}
