/** Where a program may keep what it can make again: the cache folder of the user. */

/** What tells where the folder is. */
export interface CachePlace {
  /** The operating system. */
  readonly os: typeof Deno.build.os;
  /** The value of an environment variable. */
  env(name: string): string | undefined;
}

/** Environment variables that the place depends on, for the permissions of a program. */
export const CACHE_VARIABLES = ["XDG_CACHE_HOME", "HOME", "LOCALAPPDATA"] as const;

/** The value of an environment variable; one that may not be read counts as absent. */
export function environment(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/** This system. */
const HERE: CachePlace = { os: Deno.build.os, env: environment };

/**
 * The cache folder of this program: `shortcut` in `%LOCALAPPDATA%` (Windows), `$XDG_CACHE_HOME` where that is set, or
 * else `~/Library/Caches` (macOS) or `~/.cache`.
 * @returns the path, undefined where the environment names no place; the folder need not exist
 */
export function cacheFolder({ os, env }: CachePlace = HERE): string | undefined {
  const name = "shortcut";
  if (os === "windows") {
    const base = env("LOCALAPPDATA");
    return base ? `${base}\\${name}` : undefined;
  }
  const [chosen, home] = [env("XDG_CACHE_HOME"), env("HOME")];
  // Relative paths are to be ignored, by the XDG base directory specification.
  if (chosen?.startsWith("/")) return `${chosen}/${name}`;
  if (!home?.startsWith("/")) return undefined;
  return os === "darwin" ? `${home}/Library/Caches/${name}` : `${home}/.cache/${name}`;
}
