/** Parts of a value as JSON holds it, each refused with its place where it is something else. */
import { didYouMean, UsageError } from "../parameters/mod.ts";

/** What was found, for messages. */
export function shown(found: unknown): string {
  return JSON.stringify(found) ?? "missing";
}

/**
 * An object with some of these keys and no others.
 * @param needed what it should be, for messages
 */
export function objectAt(
  found: unknown,
  place: string,
  keys: readonly string[],
  needed = `an object with ${keys.join(", ")}`,
): Readonly<Record<string, unknown>> {
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new UsageError(`${place} is ${shown(found)}, ${needed} is needed`);
  }
  const foreign = Object.keys(found).find((key) => !keys.includes(key));
  if (foreign === undefined) return found as Readonly<Record<string, unknown>>;
  throw new UsageError(`${place} has the key "${foreign}", which means nothing${didYouMean(foreign, keys)}`);
}

/** A text that is not empty. */
export function textAt(found: unknown, place: string): string {
  if (typeof found === "string" && found !== "") return found;
  throw new UsageError(`${place} is ${shown(found)}, a text is needed`);
}

/** A list, each item read with its place. */
export function listAt<T>(found: unknown, place: string, read: (item: unknown, place: string) => T): readonly T[] {
  if (Array.isArray(found)) return found.map((item, index) => read(item, `${place}[${index}]`));
  throw new UsageError(`${place} is ${shown(found)}, a list is needed`);
}

/** One of some words. */
export function wordAt<W extends string>(found: unknown, place: string, known: readonly W[]): W {
  const text = textAt(found, place);
  const word = known.find((each) => each === text);
  if (word !== undefined) return word;
  throw new UsageError(`${place} is "${text}", one of ${known.join(", ")} is needed${didYouMean(text, known)}`);
}
