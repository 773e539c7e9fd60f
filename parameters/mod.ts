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
  optionName,
  type Parameter,
  type ParameterNotes,
  type Parameters,
  required,
  type ValuesOf,
} from "./parameter.ts";
export { optionOf, optionValue, parameterRow } from "./tables.ts";
export { type CommandLine, type CommandSpec, helpText, readCommandLine } from "./command_line.ts";
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
