import { isAbsolute, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The variable in which `deno task` and npm name the folder that they were started in. */
export const CALLER_VARIABLE = "INIT_CWD";

/** The folder of the program. */
const PROJECT = import.meta.url.startsWith("file:") ? fileURLToPath(new URL("../", import.meta.url)) : undefined;

/**
 * A path as the caller meant it. `deno task --config FOLDER/deno.json` runs in FOLDER, wherever it was started; a relative
 * path belongs to the folder of the start, which `INIT_CWD` names. Needs `--allow-env=INIT_CWD`; without it, and outside
 * of such a task, the path stays as it is.
 *
 * @param path A path of the command line.
 * @param project The folder in which tasks run; the project's by default, none where it runs from an address. Elsewhere `INIT_CWD` is that of another program.
 * @returns The path, absolute where the folder of the caller is another one than the current one.
 */
export function callerPath(path: string, project: string | undefined = PROJECT): string {
  if (path === "" || isAbsolute(path) || project === undefined) return path;
  const { state } = Deno.permissions.querySync({ name: "env", variable: CALLER_VARIABLE });
  const folder = state === "granted" ? Deno.env.get(CALLER_VARIABLE) : undefined;
  const here = Deno.cwd();
  if (!folder || relative(here, project) !== "" || relative(here, folder) === "") return path;
  return resolve(folder, path);
}
