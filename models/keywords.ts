/** Reading the keyword arguments of a network's published constructor, as configurations give them. */

/** What a keyword may be. */
export interface Keyword {
  /** What messages say is needed. */
  readonly needs: string;
  readonly accepts: (value: unknown) => boolean;
  /** Whether there is no default. */
  readonly required?: true;
}

/** The keywords of a constructor by name. */
export type Keywords = ReadonlyMap<string, Keyword>;

/** Gives a keyword's value, or the fallback where it is not given. */
export type KeywordReader = <T>(key: string, fallback: T) => T;

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;
const isPositive = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value) && value > 0;
const isListOf = (accepts: (value: unknown) => boolean) => (value: unknown): boolean =>
  Array.isArray(value) && value.every(accepts);

/** A positive integer. */
export const COUNT: Keyword = { needs: "a positive integer", accepts: isCount };

/** A positive integer; -1 stands for none. */
export const COUNT_OR_UNSET: Keyword = {
  needs: "a positive integer, or -1",
  accepts: (value) => value === -1 || isCount(value),
};

/** A positive integer; null stands for none. */
export const COUNT_OR_NULL: Keyword = {
  needs: "a positive integer, or null",
  accepts: (value) => value === null || isCount(value),
};

/** True or false. */
export const FLAG: Keyword = { needs: "true or false", accepts: (value) => typeof value === "boolean" };

/** A probability, such as that of dropout. */
export const SHARE: Keyword = {
  needs: "a number from 0 to 1",
  accepts: (value) => typeof value === "number" && value >= 0 && value <= 1,
};

/** A positive number for each level of a network. */
export const FACTORS: Keyword = {
  needs: "a list of at least one positive number",
  accepts: (value) => isListOf(isPositive)(value) && (value as unknown[]).length > 0,
};

/**
 * A list of positive integers, which may be empty.
 * @param of what they are, for messages
 */
export function countsOf(of: string): Keyword {
  return { needs: `a list of ${of}`, accepts: isListOf(isCount) };
}

/**
 * One of a few texts or numbers.
 * @param values those that are accepted
 */
export function oneOf(...values: readonly (string | number)[]): Keyword {
  const shown = values.map((value) => JSON.stringify(value));
  return {
    needs: [shown.slice(0, -1).join(", "), ...shown.slice(-1)].filter((part) => part !== "").join(" or "),
    accepts: (value) => values.includes(value as string | number),
  };
}

/** The same keyword without a default. */
export function required(keyword: Keyword): Keyword {
  return { ...keyword, required: true };
}

/**
 * Checks the keywords of a configuration.
 * @param raw an object such as `JSON.parse` gives
 * @param keywords the constructor's
 * @param family what messages call the network, such as "guided-diffusion"
 * @throws {TypeError} if `raw` is no object; if keywords are unknown, missing or ill-typed, each by name
 */
export function readKeywords(raw: unknown, keywords: Keywords, family: string): KeywordReader {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw new TypeError(`Cannot read a ${family} configuration: an object of constructor keywords is needed`);
  }
  const given = new Map<string, unknown>(Object.entries(raw));
  const problems = [...problemsOf(given, keywords)];
  if (problems.length > 0) throw new TypeError(`Cannot read a ${family} configuration: ${problems.join("; ")}`);
  return <T>(key: string, fallback: T): T => given.has(key) ? given.get(key) as T : fallback;
}

function* problemsOf(given: ReadonlyMap<string, unknown>, keywords: Keywords): Generator<string> {
  for (const [key, value] of given) {
    const keyword = keywords.get(key);
    if (!keyword) yield `"${key}" is no keyword of the constructor`;
    else if (!keyword.accepts(value)) yield `"${key}" is ${JSON.stringify(value)}, ${keyword.needs} is needed`;
  }
  for (const [key, { needs, required }] of keywords) {
    if (required && !given.has(key)) yield `"${key}" is missing, ${needs} is needed`;
  }
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
