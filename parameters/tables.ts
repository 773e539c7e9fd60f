/** What a parameter is on a command line and in a table. */
import { isOption, optionName, type Parameter } from "./parameter.ts";
import type { OptionSpec } from "./options.ts";

/** The option of a parameter; the name is `optionName`. Its help ends with the default, unless a flag has none to tell. */
export function optionOf(
  { kind, default: initial, choices, min, max, value, help }: Parameter<unknown>,
): OptionSpec {
  const shown = kind === "flag" || initial === undefined ? help : `${help} (${initial})`;
  return {
    kind: kind === "file" || kind === "data" ? "text" : kind,
    ...(value === undefined ? {} : { value }),
    ...(choices === undefined ? {} : { choices }),
    ...(min === undefined ? {} : { min }),
    // A limit with a name is known later.
    ...(typeof max === "number" ? { max } : {}),
    help: shown,
  };
}

/** The value that an option gives its parameter: itself, and for a flag the opposite of its default or what it `sets`. */
export function optionValue<T>({ kind, default: initial, sets }: Parameter<unknown>, given: T): T | boolean {
  return kind === "flag" ? sets ?? !initial : given;
}

/** The cells of a parameter in a table of a document: name, option, values, default, meaning. */
export function parameterRow(
  name: string,
  parameter: Parameter<unknown>,
): readonly [string, string, string, string, string] {
  const { kind, min, max, choices, default: initial, help } = parameter;
  const range = kind === "integer" || kind === "number"
    ? `${min ?? ""}..${max ?? ""}`
    : choices?.join(", ") ?? (kind === "flag" ? "yes, no" : kind);
  const shown = initial === undefined ? "" : kind === "flag" ? (initial ? "yes" : "no") : String(initial);
  return [name, isOption(parameter) ? `--${optionName(name, parameter)}` : "", range, shown, help];
}
