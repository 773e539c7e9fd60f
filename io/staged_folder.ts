import { dirname } from "node:path";
import { describeFileFailure, FileError } from "./file_error.ts";

/** What marks a folder as being filled; it is no file of the folder. */
const LOCK = ".lock";

/**
 * A folder that is being filled, `FOLDER.part`, and appears as `FOLDER` when it is complete. What a failure leaves in it
 * goes, unless the beginning of a file (`*.part`) is there, from which a later run can go on.
 */
export class StagedFolder implements AsyncDisposable {
  readonly #target: string;
  readonly #lock: Deno.FsFile;
  #isKept = false;
  #isDone = false;

  private constructor(target: string, lock: Deno.FsFile) {
    this.#target = target;
    this.#lock = lock;
  }

  /**
   * Opens what an earlier run has left, or an empty folder.
   *
   * @param target Path of the finished folder; nothing may be there, and the folder that it is in must be.
   * @throws FileError If something is there, it cannot be written, or another process fills it.
   */
  static async open(target: string): Promise<StagedFolder> {
    const clean = target.replace(/[\\/]+$/, "");
    const place = `${clean}.part`;
    let lock: Deno.FsFile | undefined;
    try {
      if (await Deno.stat(clean).then(() => true, () => false)) {
        throw new FileError(`Cannot write "${clean}": it is there already; remove it, or choose another name`);
      }
      await Deno.mkdir(place).catch((error) => {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      });
      lock = await Deno.open(`${place}/${LOCK}`, { write: true, create: true });
      if (!await lock.tryLock(true)) {
        throw new FileError(`Cannot write "${clean}": another process is downloading it; wait for that one`);
      }
      return new StagedFolder(clean, lock);
    } catch (error) {
      lock?.close();
      throw failure(clean, error);
    }
  }

  /** Where a file of the folder is until all are there. */
  path(name: string): string {
    return `${this.#target}.part/${name}`;
  }

  /** Makes the folders that a file is in. */
  async prepare(name: string): Promise<void> {
    await this.#during(() => Deno.mkdir(dirname(this.path(name)), { recursive: true }));
  }

  /** Removes all files but these, and their beginnings. */
  async keepOnly(names: readonly string[]): Promise<void> {
    const kept = new Set(names.flatMap((name) => [name, `${name}.part`, `${name}.part.json`]));
    await this.#during(async () => {
      for (const name of await this.#list()) if (!kept.has(name)) await Deno.remove(this.path(name));
    });
  }

  /** What has arrived stays, whatever comes. */
  keep(): void {
    this.#isKept = true;
  }

  /** Gives the folder its name. */
  async finish(): Promise<void> {
    this.#release();
    await this.#during(async () => {
      await Deno.remove(this.path(LOCK));
      await Deno.rename(`${this.#target}.part`, this.#target);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDone) return;
    const names = await this.#list();
    this.#release();
    const isWorth = this.#isKept ? names.length > 0 : names.some((name) => name.endsWith(".part"));
    await this.#during(() => Deno.remove(isWorth ? this.path(LOCK) : this.path(""), { recursive: true }));
  }

  #release(): void {
    this.#isDone = true;
    this.#lock.close();
  }

  /** All files in it, but the lock. */
  async #list(folder = ""): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const { name, isDirectory } of Deno.readDir(this.path(folder))) {
      if (isDirectory) names.push(...await this.#list(`${folder}${name}/`));
      else if (folder !== "" || name !== LOCK) names.push(`${folder}${name}`);
    }
    return names;
  }

  async #during<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw failure(this.#target, error);
    }
  }
}

function failure(path: string, error: unknown): FileError {
  if (error instanceof FileError) return error;
  return new FileError(`Cannot write "${path}": ${describeFileFailure(error)}`, { cause: error });
}
