/** Parameters of operators, samplers, networks and noise as data; this room imports nothing. */
export {
  checkedValues,
  choice,
  data,
  defaultsOf,
  file,
  type FileNotes,
  fits,
  flag,
  greatest,
  integer,
  isOption,
  type Limits,
  needed,
  number,
  type NumberNotes,
  optionName,
  type Parameter,
  type ParameterNotes,
  type Parameters,
  required,
  type ValuesOf,
} from "./parameter.ts";
export { optionOf, optionValue, parameterRow } from "./tables.ts";
export {
  checkOption,
  checkValue,
  didYouMean,
  nearest,
  numberOf,
  type OptionSpec,
  type OptionValues,
  placeholder,
  textOf,
  UsageError,
} from "./options.ts";
export { shellQuoted, shellWord } from "./shell_word.ts";
