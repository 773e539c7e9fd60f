/** Files that belong to the program. */
import { fileURLToPath } from "node:url";
import { FileError } from "./file_error.ts";

/**
 * A file of the program as one that can be opened. Of a program that runs from an address it is fetched into a temporary
 * file, which is left to the system.
 * @param location beside a module of the program
 * @returns its path
 * @throws {FileError} if it cannot be fetched
 */
export async function programFile(location: URL): Promise<string> {
  if (location.protocol === "file:") return fileURLToPath(location);
  const answer = await fetch(location);
  if (!answer.ok) throw new FileError(`Cannot fetch "${location}": the server answered ${answer.status}`);
  const path = await Deno.makeTempFile({ prefix: "shortcut-", suffix: location.pathname.replace(/^.*\//, "-") });
  await Deno.writeFile(path, await answer.bytes());
  return path;
}
