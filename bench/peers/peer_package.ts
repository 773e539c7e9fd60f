/** Packages of other engines, which only the comparison has. */

/**
 * Loads a package of the settings in this folder. The specifier is not a literal, so that type checks and tests of the
 * product never look for it.
 * @param specifier a name of the import map
 * @returns its exports, as the caller knows them
 */
export async function peerPackage<T>(specifier: string): Promise<T> {
  return await import(specifier) as T;
}
