/** The samplers that there are: those of this room, and what programs add. */
import { isOption, optionName } from "../parameters/mod.ts";
import type { PlainSampler } from "./plain_sampler.ts";
import type { Sampler } from "./sampler.ts";

/** A sampler of any parameters, with or without a measurement. */
// deno-lint-ignore no-explicit-any
export type AnySampler = Sampler<any> | PlainSampler<any>;

const REGISTER: AnySampler[] = [];

/** All samplers, in the order of help texts. */
export function registeredSamplers(): readonly AnySampler[] {
  return REGISTER;
}

/**
 * Adds a sampler: it is then a method of every command, with its parameters as options.
 * @returns what takes it out again when it is disposed of
 * @throws {RangeError} if a name is taken, or an option is of another kind for another sampler
 */
export function registerSampler(entry: AnySampler): Disposable {
  const { name, method } = entry;
  const refuse = (found: string, need: string): never => {
    throw new RangeError(`Cannot register sampler "${name}": ${found}, ${need} is needed`);
  };
  for (const other of REGISTER) {
    if (other.name === name || other.method === method) {
      refuse(`"${other.name}" is there, with the method "${other.method}"`, "another name");
    }
    const theirs = optionsOf(other);
    for (const [option, kind] of optionsOf(entry)) {
      const its = theirs.get(option) ?? kind;
      if (its !== kind) {
        refuse(`its option --${option} is of kind ${kind}, and of kind ${its} for "${other.name}"`, its);
      }
    }
  }
  REGISTER.push(entry);
  return {
    [Symbol.dispose](): void {
      const place = REGISTER.indexOf(entry);
      if (place >= 0) REGISTER.splice(place, 1);
    },
  };
}

/** The kinds of the options of a sampler. */
function optionsOf({ parameters, shorthands }: AnySampler): ReadonlyMap<string, string> {
  return new Map([
    ...Object.entries(shorthands).map(([option, { parameter }]) => [option, parameter.kind] as const),
    ...Object.entries(parameters).filter(([, parameter]) => isOption(parameter))
      .map(([name, parameter]) => [optionName(name, parameter), parameter.kind] as const),
  ]);
}

/** Whether a sampler needs no measurement. */
export function isPlain(entry: AnySampler): entry is Extract<AnySampler, { sample: unknown }> {
  return "sample" in entry;
}
