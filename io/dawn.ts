/**
 * Dawn, the WebGPU of Chromium, as a second source of adapters. It is an optional package: nothing of this program needs
 * it, and nothing fetches it. Whoever wants it puts it into Deno's cache, where it is looked for.
 */
import { createRequire } from "node:module";
import { type DawnPackage, dawnProvider } from "../engine/mod.ts";
import { FileError } from "./file_error.ts";
import { environment } from "./user_cache.ts";

/** The version that the engine was tried with. */
export const DAWN_VERSION = "0.6.2";

/** The command that puts Dawn into Deno's cache. */
export const DAWN_COMMAND = `deno cache --no-lock npm:webgpu@${DAWN_VERSION}`;

/** Environment variable that says where Deno's cache is, if it is not at its usual place. */
const CACHE_VARIABLE = "DENO_DIR";

/**
 * Loads Dawn from Deno's cache.
 * @throws {FileError} if the program may not load native libraries, the package is not in the cache, or it does not load
 *   on this system
 */
export async function openDawn(): Promise<GPU> {
  const { state } = await Deno.permissions.query({ name: "ffi" });
  if (state !== "granted") {
    throw new FileError(
      "Cannot load Dawn: the program may not load native libraries; run it with --allow-ffi, such as " +
        "`deno run -P --allow-ffi cli/main.ts restore --gpu dawn`",
    );
  }
  const folder = denoFolder();
  const file = folder && packageFile(folder);
  if (!file) {
    throw new FileError(
      `Cannot load Dawn: npm:webgpu@${DAWN_VERSION} is not in Deno's cache ${
        folder ? `"${folder}"` : "(no place known)"
      }; ` +
        `fetch it with \`${DAWN_COMMAND}\`, or leave out --gpu dawn: nothing else needs it`,
    );
  }
  try {
    return dawnProvider(createRequire(file)(file) as DawnPackage);
  } catch (error) {
    throw new FileError(`Cannot load Dawn from "${file}": ${error instanceof Error ? error.message : error}`);
  }
}

/** Where Deno keeps what it has downloaded. */
function denoFolder(): string | undefined {
  const chosen = environment(CACHE_VARIABLE);
  if (chosen) return chosen;
  const [cache, home, local] = ["XDG_CACHE_HOME", "HOME", "LOCALAPPDATA"].map(environment);
  if (Deno.build.os === "windows") return local && `${local}/deno`;
  if (Deno.build.os === "darwin") return home && `${home}/Library/Caches/deno`;
  return cache ? `${cache}/deno` : home && `${home}/.cache/deno`;
}

/** The package in the cache, which has a folder for each registry. */
function packageFile(folder: string): string | undefined {
  try {
    const files = [...Deno.readDirSync(`${folder}/npm`)].map(({ name }) =>
      `${folder}/npm/${name}/webgpu/${DAWN_VERSION}/index.js`
    );
    return files.find((file) => {
      try {
        return Deno.statSync(file).isFile;
      } catch {
        return false;
      }
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
