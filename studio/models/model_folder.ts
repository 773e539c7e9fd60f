/// <reference lib="dom" />
/** The folder of the browser in which a model is kept: its files by number, and what is known of it as JSON. */
import type { KeptFile, KeptModel } from "./store.ts";

/** What is written of a model. */
export interface ModelRecord extends Omit<KeptModel, "present" | "bytes"> {
  /** Its files; the first has the number 0. */
  readonly files: readonly KeptFile[];
  /** Whether it is a folder, though it may have one file. */
  readonly isFolder: boolean;
  /** Entity tag or date of the version of which a part has arrived; absent where there is none. */
  readonly validator?: string;
}

/** A file that is written where it lies; workers have it. */
export interface WritableFile {
  /** How many bytes it has. */
  getSize(): number;
  /** Writes all bytes at a place. */
  write(bytes: Uint8Array<ArrayBuffer>, options: { readonly at: number }): number;
  /** Cuts it off. */
  truncate(bytes: number): void;
  /** Brings to the disk what was written. */
  flush(): void;
  /** Lets others open it. */
  close(): void;
}

const RECORD = "record.json";

/** The folder of a model. */
export class KeptFolder {
  readonly #folder: FileSystemDirectoryHandle;

  /** @param folder exists */
  constructor(folder: FileSystemDirectoryHandle) {
    this.#folder = folder;
  }

  /** What is written of the model; undefined where nothing is, or writing was cut off. */
  async record(): Promise<ModelRecord | undefined> {
    try {
      return JSON.parse(await (await (await this.#folder.getFileHandle(RECORD)).getFile()).text());
    } catch (error) {
      const isMissing = error instanceof DOMException && error.name === "NotFoundError";
      if (isMissing || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  /** Writes what is known of the model. */
  async write(record: ModelRecord): Promise<void> {
    const file = await this.#writable(RECORD);
    try {
      const bytes = new TextEncoder().encode(JSON.stringify(record));
      file.write(bytes, { at: 0 });
      file.truncate(bytes.length);
      file.flush();
    } finally {
      file.close();
    }
  }

  /** A file by its number; an empty one where there is none. */
  async file(number: number): Promise<File> {
    return await (await this.#folder.getFileHandle(String(number), { create: true })).getFile();
  }

  /** A file by its number, to be written; nobody else may have it open. */
  async open(number: number): Promise<WritableFile> {
    return await this.#writable(String(number));
  }

  async #writable(name: string): Promise<WritableFile> {
    const handle = await this.#folder.getFileHandle(name, { create: true });
    // Types of pages do not know what workers alone have.
    return await (handle as unknown as { createSyncAccessHandle(): Promise<WritableFile> }).createSyncAccessHandle();
  }
}
