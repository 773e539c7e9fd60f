/// <reference lib="dom" />
/** Models in the private file system of the browser, one folder for each, named by the hash of the model. */
import type { ModelFolder, StudioFailure } from "../protocol.ts";
import { bytes as bytesText } from "../words.ts";
import { readableBlob, sha256Of } from "./hash.ts";
import type { OfferedModel } from "./listing.ts";
import { KeptFolder, type ModelRecord } from "./model_folder.ts";
import type { BroughtModel, KeptModel, ModelStore, OnPhase } from "./store.ts";
import { transfer, type TransferOptions, WrongFile } from "./transfer.ts";

/** Where models lie. */
const FOLDER = "models";

/** Bytes between two moments in which what was written is brought to the disk. */
const FLUSHED_BYTES = 64 << 20;

/** Bytes that are copied at once. */
const COPIED_BYTES = 4 << 20;

/** Fetching or copying was stopped. */
class Paused extends Error {}

/** The store of this origin. */
export class OpfsStore implements ModelStore {
  readonly #running = new Map<string, AbortController>();

  /** All that is there. */
  kept(): Promise<readonly KeptModel[]> {
    return attempted(async () => {
      const root = await this.#root();
      const models: KeptModel[] = [];
      for await (const name of root.keys()) {
        const folder = new KeptFolder(await root.getDirectoryHandle(name));
        const record = await folder.record();
        if (record) models.push(await keptModel(folder, record));
        // What nobody can tell what it is, and nobody writes, would only take room.
        else await locked(name, () => root.removeEntry(name, { recursive: true }));
      }
      return models.sort((a, b) => a.name.localeCompare(b.name));
    });
  }

  /** Bytes that the browser would still take. */
  free(): Promise<number> {
    return attempted(freeBytes);
  }

  /** Fetches what is missing of a model. */
  download(model: OfferedModel, list: string, onPhase?: OnPhase): Promise<void> {
    return this.#alone(model.sha256, async (signal) => {
      const folder = await this.#folder(model.sha256);
      const known = await folder.record();
      if (known?.isComplete) return;
      const { size } = await folder.file(0);
      await requireRoom(model.name, model.bytes - size);
      const begun: ModelRecord = known ?? recordOf(model);
      await folder.write(begun);
      const options = { bytes: model.bytes, signal, onProgress: (done: number) => onPhase?.("fetch", done) };
      try {
        await fetchInto(folder, new URL(model.address, list).href, begun, options);
        const file = await folder.file(0);
        const found = await sha256Of(readableBlob(file), (done) => {
          signal.throwIfAborted();
          onPhase?.("check", done);
        });
        if (found !== model.sha256) {
          throw new WrongFile(
            `Cannot keep "${model.name}": its SHA-256 is ${found}, ${model.sha256} is needed; it is another file or was ` +
              "damaged on the way, and was removed",
          );
        }
      } catch (error) {
        if (error instanceof WrongFile) await this.#discard(model.sha256);
        throw error;
      }
      await folder.write({ ...begun, isComplete: true });
    });
  }

  /** Stops fetching or copying. */
  pause(sha256: string): Promise<void> {
    this.#running.get(sha256)?.abort(new Paused("Stopped"));
    return Promise.resolve();
  }

  /** Copies a model that was opened. */
  keep({ source, sha256 }: BroughtModel, onPhase?: OnPhase): Promise<void> {
    return this.#alone(sha256, async (signal) => {
      const files = source instanceof File ? [{ path: source.name, file: source }] : source.files;
      const total = files.reduce((sum, { file }) => sum + file.size, 0);
      await requireRoom(source.name, total);
      const folder = await this.#folder(sha256);
      const record: ModelRecord = {
        ...{ name: source.name, about: "Kept from a file of yours", licence: "not known here", sha256 },
        form: source instanceof File
          ? /\.safetensors$/i.test(source.name) ? "safetensors" : "PyTorch"
          : "diffusers folder",
        isFolder: !(source instanceof File),
        files: files.map(({ path, file }) => ({ path, bytes: file.size })),
        isComplete: false,
      };
      try {
        await folder.write(record);
        let done = 0;
        for (const [number, { file }] of files.entries()) {
          await copyInto(folder, number, file, (bytes) => {
            signal.throwIfAborted();
            onPhase?.("fetch", done += bytes);
          });
        }
        await folder.write({ ...record, isComplete: true });
      } catch (error) {
        // The file is still where it came from.
        await this.#discard(sha256);
        throw error;
      }
    });
  }

  /** A kept model as files. */
  open(sha256: string): Promise<File | ModelFolder> {
    return attempted(async () => {
      const folder = await this.#folder(sha256);
      const record = await folder.record();
      if (!record?.isComplete) throw new Error("Cannot open the model: it is not kept here any more; fetch it again");
      const files = await Promise.all(record.files.map(async ({ path }, number) => {
        const name = path.slice(path.lastIndexOf("/") + 1);
        return { path, file: new File([await folder.file(number)], name) };
      }));
      return record.isFolder ? { name: record.name, files } : files[0]!.file;
    });
  }

  /** Removes a model. */
  remove(sha256: string): Promise<void> {
    return attempted(async () => {
      const isRemoved = await locked(sha256, () => this.#discard(sha256));
      if (!isRemoved) throw new Error("Cannot remove the model while it is being written; stop that first");
    });
  }

  /** Carries out what writes a model; in all tabs there is one at a time for each model. */
  #alone(sha256: string, body: (signal: AbortSignal) => Promise<void>): Promise<void> {
    return attempted(async () => {
      const controller = new AbortController();
      const isDone = await locked(sha256, async () => {
        this.#running.set(sha256, controller);
        try {
          await body(controller.signal);
        } finally {
          this.#running.delete(sha256);
        }
      });
      if (!isDone) throw new Error("Cannot keep the model: it is being written already, here or in another tab");
    });
  }

  async #root(): Promise<FileSystemDirectoryHandle> {
    // Types say that there is one; insecure origins and some private windows have none.
    if (!(navigator as Partial<Navigator>).storage) {
      throw new Error(
        "Cannot keep models: the browser gives this page no place for files; open it over HTTPS, outside " +
          "of private windows",
      );
    }
    return await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
  }

  async #folder(sha256: string): Promise<KeptFolder> {
    return new KeptFolder(await (await this.#root()).getDirectoryHandle(sha256, { create: true }));
  }

  async #discard(sha256: string): Promise<void> {
    await (await this.#root()).removeEntry(sha256, { recursive: true });
  }
}

/** A call whose errors cross as plain objects. */
async function attempted<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw failureOf(error);
  }
}

function failureOf(error: unknown): StudioFailure {
  if (error instanceof Paused) return { kind: "stopped", message: error.message };
  const isFull = error instanceof DOMException && error.name === "QuotaExceededError";
  const message = isFull
    ? "Cannot keep the model: the browser has no room left; remove others, or free space on the disk"
    : error instanceof Error
    ? error.message
    : String(error);
  return { kind: "failure", message };
}

/**
 * Carries out what writes a model, unless somebody else does, in this tab or another.
 * @returns whether it was carried out
 */
async function locked(sha256: string, body: () => Promise<void>): Promise<boolean> {
  return await navigator.locks.request(`model ${sha256}`, { ifAvailable: true }, async (lock) => {
    if (lock) await body();
    return lock !== null;
  });
}

/** What is written of a model of which nothing has arrived. */
function recordOf({ name, about, licence, page, form, sha256, bytes }: OfferedModel): ModelRecord {
  return {
    ...{ name, about, licence, form, sha256, isFolder: false, isComplete: false },
    ...page === undefined ? {} : { page },
    files: [{ path: name, bytes }],
  };
}

async function keptModel(folder: KeptFolder, record: ModelRecord): Promise<KeptModel> {
  const { files, isFolder: _isFolder, validator: _validator, ...model } = record;
  const sizes = await Promise.all(files.map(async (_, number) => (await folder.file(number)).size));
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
  return { ...model, bytes: sum(files.map(({ bytes }) => bytes)), present: sum(sizes) };
}

async function freeBytes(): Promise<number> {
  const { quota = 0, usage = 0 } = await navigator.storage.estimate();
  return Math.max(0, quota - usage);
}

/** Refuses what would not fit, before anything is written. */
async function requireRoom(name: string, needed: number): Promise<void> {
  const free = await freeBytes();
  if (needed <= free) return;
  throw new Error(
    `Cannot keep "${name}": ${bytesText(needed)} are needed, and the browser has room for ${
      bytesText(free)
    }; remove other ` +
      "models, or free space on the disk",
  );
}

/** Fetches the only file of a model; what tells its version is written before its first byte. */
async function fetchInto(
  folder: KeptFolder,
  address: string,
  record: ModelRecord,
  options: TransferOptions,
): Promise<void> {
  const file = await folder.open(0);
  try {
    let [validator, unflushed] = [record.validator, 0];
    await transfer(address, {
      get size() {
        return file.getSize();
      },
      get validator() {
        return validator;
      },
      append(bytes): void {
        file.write(bytes, { at: file.getSize() });
        unflushed += bytes.length;
        if (unflushed < FLUSHED_BYTES) return;
        file.flush();
        unflushed = 0;
      },
      async restart(version): Promise<void> {
        file.truncate(0);
        validator = version;
        const { validator: _, ...rest } = record;
        await folder.write(version === undefined ? rest : { ...rest, validator: version });
      },
    }, options);
  } finally {
    file.flush();
    file.close();
  }
}

/** Copies a file. */
async function copyInto(
  folder: KeptFolder,
  number: number,
  source: File,
  onCopied: (bytes: number) => void,
): Promise<void> {
  const file = await folder.open(number);
  try {
    file.truncate(0);
    for (let at = 0; at < source.size; at += COPIED_BYTES) {
      const bytes = new Uint8Array(await source.slice(at, at + COPIED_BYTES).arrayBuffer());
      file.write(bytes, { at });
      onCopied(bytes.length);
    }
    file.flush();
  } finally {
    file.close();
  }
}
