/** The register of network families. */
import { needed, type Parameter } from "../parameters/mod.ts";
import * as ENTRIES from "./entries.ts";
import type { NetworkFamily } from "./family.ts";

const register = new Map<string, NetworkFamily>();

/** All families of networks that checkpoints may be of, by name; those that are registered later too. */
export const FAMILIES: ReadonlyMap<string, NetworkFamily> = register;

/**
 * Adds a family to the register: checkpoints of it are recognized and opened, and commands have the options that answer
 * what its tensors leave open.
 * @returns what takes it out again when it is disposed of
 * @throws {RangeError} if its name or a class is taken, or an answer means something else for another family
 */
export function registerFamily(entry: NetworkFamily): Disposable {
  const { name } = entry;
  const refuse = (found: string, need: string): never => {
    throw new RangeError(`Cannot register family "${name}": ${found}, ${need} is needed`);
  };
  for (const other of register.values()) {
    if (other.name === name) refuse("there is one of that name", "another name");
    const taken = other.classes.find((known) => entry.classes.includes(known));
    if (taken !== undefined) refuse(`"${other.name}" has a class "${taken}"`, "another name");
    for (const [key, answer] of Object.entries(entry.answers)) {
      const its = other.answers[key];
      if (its === undefined || same(its, answer)) continue;
      refuse(`its answer ${key} is another one than that of "${other.name}"`, "another name, or an equal one");
    }
  }
  register.set(name, entry);
  return { [Symbol.dispose]: () => void register.delete(name) };
}

function same(one: Parameter<unknown>, other: Parameter<unknown>): boolean {
  return one.kind === other.kind && needed(one) === needed(other);
}

// A namespace lists its names by the alphabet; families count up as their files are read, line by line.
for (const entry of Object.values(ENTRIES).toSorted((a, b) => a.order - b.order)) registerFamily(entry);
