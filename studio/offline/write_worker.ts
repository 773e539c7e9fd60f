/** The service worker of a build, which knows its files by their hashes. */
import { sha256Of, sha256OfText } from "../models/hash.ts";
import { LISTING } from "../models/listing.ts";
import type { Build } from "./service_worker.ts";

/** The file of the service worker; it must lie beside the page, as it can answer for nothing above it. */
const WORKER = "service_worker.js";

/** Where models lie that the host offers: the page keeps those that somebody fetches elsewhere. */
const MODELS = "models/";

/**
 * Gives the service worker of a build its files.
 * @param folder with all files of the build and the program of the service worker
 */
export async function writeServiceWorker(folder: string): Promise<void> {
  const all = await filesBelow(folder, "");
  const paths = all.filter((path) => path !== WORKER && (path === LISTING || !path.startsWith(MODELS)));
  const files: Record<string, string> = {};
  for (const path of paths.sort()) {
    const bytes = await Deno.readFile(`${folder}/${path}`);
    files[path] = await sha256Of({
      size: bytes.length,
      read: (at, length) => Promise.resolve(bytes.subarray(at, at + length)),
    });
  }
  const program = await Deno.readTextFile(`${folder}/${WORKER}`);
  const build: Build = { version: sha256OfText(JSON.stringify(files) + program).slice(0, 16), files };
  await Deno.writeTextFile(`${folder}/${WORKER}`, `self.BUILD = ${JSON.stringify(build)};\n${program}`);
}

async function filesBelow(folder: string, prefix: string): Promise<readonly string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${folder}/${prefix}`)) {
    if (isDirectory) paths.push(...await filesBelow(folder, `${prefix}${name}/`));
    else paths.push(prefix + name);
  }
  return paths;
}
