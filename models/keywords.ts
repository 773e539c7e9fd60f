/** Reading the keyword arguments of a network's published constructor, as configurations give them. */
import {
  data,
  fits,
  integer,
  needed,
  number,
  type Parameter,
  type Parameters,
  required,
  type ValuesOf,
} from "../parameters/mod.ts";

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;
const isPositive = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value) && value > 0;

/** A positive integer that must be given. */
export function count(help: string): Parameter<number> {
  return required(integer(undefined, { min: 1 }, help));
}

/**
 * A positive integer that may be left out, for which a published constructor has a value too.
 * @param unset that value, -1 or null
 */
export function countOr(unset: -1 | null, help: string): Parameter<number | undefined> {
  return data({ needed: `a positive integer, or ${unset}`, fits: (value) => value === unset || isCount(value) }, help);
}

/** Positive numbers, one for each level of a network. */
export function factors(help: string): Parameter<readonly number[] | undefined> {
  return data({
    needed: "a list of at least one positive number",
    fits: (value) => Array.isArray(value) && value.length > 0 && value.every(isPositive),
  }, help);
}

/**
 * Positive integers.
 * @param of what they are, for messages
 * @param least how many there are at least
 */
export function counts(of: string, least: number, help: string): Parameter<readonly number[] | undefined> {
  return data({
    needed: `a list of ${least > 0 ? `at least ${least} ` : ""}${of}`,
    fits: (value) => Array.isArray(value) && value.length >= least && value.every(isCount),
  }, help);
}

/** The probability with which values are left out in training; it is read and not used. */
export const DROPOUT: Parameter<number> = number(0, { min: 0, max: 1 }, "dropout in training");

/**
 * The checked keywords of a configuration, with the defaults of those that are not given; null, where a keyword may be
 * it, says that there is none, which is not the default of every keyword.
 * @param raw an object such as `JSON.parse` gives
 * @param keywords the constructor's
 * @param family what messages call the network, such as "guided-diffusion"
 * @throws {TypeError} if `raw` is no object; if keywords are unknown, missing or ill-typed, each by name
 */
export function keywordValues<P extends Parameters>(raw: unknown, keywords: P, family: string): ValuesOf<P> {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw new TypeError(`Cannot read a ${family} configuration: an object of constructor keywords is needed`);
  }
  const given = raw as Readonly<Record<string, unknown>>;
  const problems = keywordProblems(given, keywords);
  if (problems.length > 0) throw new TypeError(`Cannot read a ${family} configuration: ${problems.join("; ")}`);
  return Object.fromEntries(
    Object.entries(keywords).map(([key, { default: initial }]) => {
      const value = given[key] === undefined ? initial : given[key];
      return [key, value === null ? undefined : value];
    }),
  ) as ValuesOf<P>;
}

/** What is wrong with the keywords of a configuration, each by name. */
export function keywordProblems(given: Readonly<Record<string, unknown>>, keywords: Parameters): readonly string[] {
  const wrong = Object.entries(given).flatMap(([key, value]) => {
    const keyword = Object.hasOwn(keywords, key) ? keywords[key] : undefined;
    if (!keyword) return [`"${key}" is no keyword of the constructor`];
    if (fits(keyword, value)) return [];
    return [`"${key}" is ${JSON.stringify(value)}, ${needed(keyword)} is needed`];
  });
  const missing = Object.entries(keywords).filter(([key, { isRequired }]) => isRequired && given[key] === undefined);
  return [...wrong, ...missing.map(([key, keyword]) => `"${key}" is missing, ${needed(keyword)} is needed`)];
}

/**
 * Checks that every level's channels can be split into the groups of the norms.
 * @param multiples factor of the width by level
 * @param width channels that the factors multiply; the product is cut to an integer
 * @param groups groups of the norms
 * @param names what the family and the two keywords are called
 * @throws {RangeError} naming the first level whose channels are no multiple of the groups
 */
export function requireGroups(
  multiples: readonly number[],
  width: number,
  groups: number,
  names: { readonly family: string; readonly multiples: string; readonly width: string },
): void {
  for (const multiple of multiples) {
    const channels = Math.trunc(multiple * width);
    if (channels > 0 && channels % groups === 0) continue;
    throw new RangeError(
      `Cannot read a ${names.family} configuration: ${names.multiples} ${multiple} of ${width} ${names.width} gives ` +
        `${channels} channels, a multiple of ${groups} is needed`,
    );
  }
}
