/** A file beside a result that is there only until the result is. */
import { type SafetensorsContents, writeSafetensors } from "../models/mod.ts";
import { atomicWriter } from "./atomic_write.ts";
import { FileSource } from "./file_source.ts";

/** A safetensors file that may be there or not. */
export interface StateFile {
  /** Its path. */
  readonly name: string;
  /**
   * Opens it; undefined if there is none.
   * @throws {FileError} if it cannot be read
   */
  read(): Promise<FileSource | undefined>;
  /**
   * Writes it, complete or not at all.
   * @throws {FileError} if it cannot be written
   */
  write(contents: SafetensorsContents): Promise<void>;
  /** Removes it. */
  remove(): Promise<void>;
}

/** The file of a state. A process that is killed leaves one half-written at most, which the next one removes. */
export function stateFile(path: string): StateFile {
  const temporary = `${path}.tmp`;
  return {
    name: path,
    async read(): Promise<FileSource | undefined> {
      await remove(temporary);
      return await Deno.stat(path).then(() => FileSource.open(path), () => undefined);
    },
    async write(contents): Promise<void> {
      const writer = await atomicWriter(path, temporary.replace(/^.*[\\/]/, ""));
      try {
        await writeSafetensors(contents, (bytes) => writer.write(bytes));
        await writer.commit();
      } finally {
        await writer.abort();
      }
    },
    remove: () => remove(path),
  };
}

/** Removes a file; that there is none is as good. */
async function remove(path: string): Promise<void> {
  await Deno.remove(path).catch(() => {});
}
