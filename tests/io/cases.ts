/** Pictures that people have, one of each kind. */

/**
 * The path of a case.
 *
 * @param name Folder and name in `tests/cases`.
 * @returns Its path.
 */
export function casePath(name: string): string {
  return decodeURIComponent(new URL(`../cases/${name}`, import.meta.url).pathname);
}
