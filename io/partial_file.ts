import { describeFileFailure, FileError } from "./file_error.ts";

/** Which version of which file a partial download belongs to, kept beside it so that a later run can go on. */
export interface Origin {
  readonly url: string;
  /** Strong entity tag or modification date, as it goes into `If-Range`; undefined if the server gave neither. */
  readonly validator: string | undefined;
  /** Bytes of the whole file, if the server said so. */
  readonly total: number | undefined;
}

/**
 * The beginning of a file that is being downloaded: `PATH.part`, with its origin in `PATH.part.json`. It survives an
 * interruption; the finished file is renamed to `PATH`.
 */
export class PartialFile implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #size: number;
  #inherited: number;
  #origin: Origin | undefined;

  private constructor(path: string, file: Deno.FsFile, size: number, origin: Origin | undefined) {
    this.#path = path;
    this.#file = file;
    this.#size = size;
    this.#inherited = size;
    this.#origin = origin;
  }

  /**
   * Opens what an earlier run has left, or an empty file.
   *
   * @param path Path of the finished file; its folder must exist.
   * @throws FileError If it cannot be written, or another process downloads to the same path.
   */
  static async open(path: string): Promise<PartialFile> {
    let file: Deno.FsFile | undefined;
    try {
      file = await Deno.open(`${path}.part`, { read: true, write: true, create: true });
      if (!await file.tryLock(true)) {
        throw new FileError(`Cannot write "${path}": another process is downloading it; wait for that one`);
      }
      const { size } = await file.stat();
      const origin = size > 0 ? await readOrigin(`${path}.part.json`) : undefined;
      return new PartialFile(path, file, size, origin);
    } catch (error) {
      file?.close();
      throw failure(path, error);
    }
  }

  /** Where the bytes are until they are all there. */
  get path(): string {
    return `${this.#path}.part`;
  }

  /** Bytes that have arrived. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of them that were there when the file was opened. */
  get inherited(): number {
    return this.#inherited;
  }

  /** Where they came from; undefined if that is not known. */
  get origin(): Origin | undefined {
    return this.#origin;
  }

  /** Forgets what has arrived and begins a file of this origin. */
  async restart(origin: Origin): Promise<void> {
    try {
      await this.#file.truncate(0);
      this.#size = this.#inherited = 0;
      this.#origin = origin;
      await Deno.writeTextFile(`${this.#path}.part.json`, JSON.stringify(origin));
    } catch (error) {
      throw failure(this.#path, error);
    }
  }

  /** Appends bytes. */
  async append(bytes: Uint8Array): Promise<void> {
    try {
      await this.#file.seek(this.#size, Deno.SeekMode.Start);
      for (let written = 0; written < bytes.length;) written += await this.#file.write(bytes.subarray(written));
      this.#size += bytes.length;
    } catch (error) {
      throw failure(this.#path, error);
    }
  }

  /** Flushes to the disk and gives the file its name, replacing what was there. */
  async finish(): Promise<void> {
    try {
      await this.#file.sync();
      await Deno.rename(this.path, this.#path);
      await removeIfThere(`${this.#path}.part.json`);
    } catch (error) {
      throw failure(this.#path, error);
    }
  }

  /** Removes everything that has arrived. */
  async discard(): Promise<void> {
    await removeIfThere(this.path);
    await removeIfThere(`${this.#path}.part.json`);
  }

  /** Removes the files where nothing has arrived, so that a failed start leaves nothing behind. */
  async tidy(): Promise<void> {
    if (this.#size === 0) await this.discard();
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

async function readOrigin(path: string): Promise<Origin | undefined> {
  try {
    const { url, validator, total } = JSON.parse(await Deno.readTextFile(path)) as Record<string, unknown>;
    if (typeof url !== "string") return undefined;
    return {
      url,
      validator: typeof validator === "string" ? validator : undefined,
      total: typeof total === "number" ? total : undefined,
    };
  } catch {
    // Missing or cut off by a crash: the download starts over.
    return undefined;
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw failure(path, error);
  }
}

function failure(path: string, error: unknown): FileError {
  if (error instanceof FileError) return error;
  return new FileError(`Cannot write "${path}": ${describeFileFailure(error)}`, { cause: error });
}
