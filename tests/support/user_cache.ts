/** Keeps tests out of the cache folder of whoever runs them: there is none, unless a test names one. */
import { CACHE_VARIABLES } from "../../io/mod.ts";

let folder: string | undefined;

const readVariable = Deno.env.get;
Deno.env.get = (name) => {
  if (!(CACHE_VARIABLES as readonly string[]).includes(name)) return readVariable.call(Deno.env, name);
  return name === "XDG_CACHE_HOME" || name === "LOCALAPPDATA" ? folder : undefined;
};

/**
 * Runs `body` while programs in this process find a folder as the user's.
 * @param path an absolute path
 */
export async function withUserCache<T>(path: string, body: () => Promise<T>): Promise<T> {
  folder = path;
  try {
    return await body();
  } finally {
    folder = undefined;
  }
}
