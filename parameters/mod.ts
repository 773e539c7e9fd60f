/** Parameters of operators, samplers, networks and noise as data; this room imports nothing. */
export {
  checkedValues,
  choice,
  defaultsOf,
  file,
  fits,
  flag,
  integer,
  needed,
  number,
  optionName,
  type Parameter,
  type ParameterNotes,
  type Parameters,
  type ValuesOf,
} from "./parameter.ts";
export { optionOf, type ParameterOption, parameterRow } from "./tables.ts";
