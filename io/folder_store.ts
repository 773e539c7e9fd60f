/** The output folder of an evaluation. */
import { colourRaster, type Raster, toImage } from "../raster/mod.ts";
import { type AtomicWriter, atomicWriter, writeAtomically } from "./atomic_write.ts";
import { FileError } from "./file_error.ts";
import { readImage, writePng } from "./image_file.ts";
import type { Interrupt } from "./interrupt.ts";

/**
 * The `Store` of `evaluation/` in a folder; what is being written is finished whatever the user presses. Names of files
 * have slashes and are relative to the folder, such as `units/HASH.json`.
 */
export class FolderStore implements Disposable {
  #lock: Deno.FsFile | undefined;

  /**
   * A folder to be read; `writing` opens one to be written.
   * @param folder its path
   * @param interrupt holds Ctrl-C back while a file is written; without it nothing does
   */
  constructor(readonly folder: string, readonly interrupt?: Pick<Interrupt, "hold">) {}

  /**
   * Opens a folder to be written: makes it if needed, keeps others from writing to it, and removes temporary files that
   * a killed process left.
   * @param interrupt as of the constructor
   * @returns the store; the folder is free for others again at the end of a `using` block
   * @throws {FileError} if it cannot be made, holds something else, or another evaluation writes to it
   */
  static async writing(folder: string, interrupt?: Pick<Interrupt, "hold">): Promise<FolderStore> {
    const store = new FolderStore(folder, interrupt);
    try {
      for (const part of ["units", "pictures", "deepinv"]) await Deno.mkdir(store.path(part), { recursive: true });
      store.#lock = await Deno.open(store.path(".lock"), { write: true, create: true });
    } catch (error) {
      throw new FileError(`Cannot write to "${folder}": ${(error as Error).message}; choose another folder with --out`);
    }
    if (!store.#lock.tryLockSync(true)) {
      store[Symbol.dispose]();
      throw new FileError(
        `Cannot write to "${folder}": another evaluation is at work there; wait for it, or give this one its own --out ` +
          "(shards are joined by evaluate merge)",
      );
    }
    for (const part of ["", "units/", "pictures/", "deepinv/"]) {
      for (const name of await filesOf(store.path(part))) {
        if (/^\.[0-9a-f-]{36}\.tmp$/.test(name)) await Deno.remove(store.path(part + name));
      }
    }
    return store;
  }

  /** Path of a file of the folder. */
  path(name: string): string {
    return `${this.folder}/${name}`;
  }

  /** The bytes of a file; undefined if there is none. */
  async read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return await Deno.readFile(this.path(name)).catch(() => undefined);
  }

  /**
   * Writes a file; it appears complete or not at all.
   * @throws {FileError} if it cannot be written
   */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    await this.#hold(() => writeAtomically(this.path(name), bytes));
  }

  /** Whether there is a file of that name. */
  async has(name: string): Promise<boolean> {
    return await Deno.stat(this.path(name)).then(({ isFile }) => isFile, () => false);
  }

  /** Names of the files of `units` or `pictures`, without the folder. */
  async list(folder: "units" | "pictures"): Promise<readonly string[]> {
    return (await filesOf(this.path(folder))).filter((name) => !name.startsWith("."));
  }

  /** The same name by name, for more of them than memory holds. */
  async *names(folder: "units" | "pictures"): AsyncGenerator<string, void> {
    for await (const { name, isFile } of Deno.readDir(this.path(folder))) {
      if (isFile && !name.startsWith(".")) yield name;
    }
  }

  /** The bytes of a file piece by piece; undefined if there is none. */
  async open(name: string): Promise<ReadableStream<Uint8Array> | undefined> {
    return await Deno.open(this.path(name)).then(({ readable }) => readable, () => undefined);
  }

  /**
   * Begins a file that is written piece by piece.
   * @throws {FileError} if it cannot be written
   */
  async create(name: string): Promise<AtomicWriter> {
    return await atomicWriter(this.path(name));
  }

  /**
   * Reads a picture.
   * @returns 1 or 3 channels, values in [-1, 1]
   * @throws {FileError} if it cannot be read
   */
  async readPicture(name: string): Promise<Raster> {
    return colourRaster(await readImage(this.path(name)));
  }

  /**
   * Writes a picture as PNG of 8 bits.
   * @param picture values in [-1, 1]
   * @throws {FileError} if it cannot be written
   */
  async writePicture(name: string, picture: Raster): Promise<void> {
    await this.#hold(() => writePng(this.path(name), toImage(picture)));
  }

  async #hold(work: () => Promise<void>): Promise<void> {
    await (this.interrupt?.hold(work) ?? work());
  }

  /** Lets others write to the folder. */
  [Symbol.dispose](): void {
    this.#lock?.close();
    this.#lock = undefined;
  }
}

async function filesOf(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) if (isFile) names.push(name);
  return names;
}
