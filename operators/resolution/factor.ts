/** Factors of enlargement in the names of tasks. */

/** The greatest factor that tasks enlarge by. */
export const MOST_ENLARGED = 32;

/**
 * The factor that the name of a task says, such as 3 in `sr3` and 1.5 in `sr1.5`.
 * @param before what the name begins with
 * @param after what it ends with
 * @returns 1 to 32; undefined if the name is another one or its factor beyond that
 */
export function factorIn(name: string, before: string, after = ""): number | undefined {
  if (!name.startsWith(before) || !name.endsWith(after)) return undefined;
  const digits = name.slice(before.length, name.length - after.length);
  const factor = /^\d+(\.\d+)?$/.test(digits) ? Number(digits) : NaN;
  return factor >= 1 && factor <= MOST_ENLARGED ? factor : undefined;
}
