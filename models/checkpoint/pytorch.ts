/** The container of PyTorch 1.6 and later: a zip archive of one pickle and a file per storage. */
import { type ByteSource, readExactly } from "./byte_source.ts";
import { CheckpointError, quoteName } from "./checkpoint_error.ts";
import { MAX_PICKLE_BYTES, unpickle } from "./pickle/pickle.ts";
import { type OpenCheckpointOptions, PytorchFile } from "./pytorch_file.ts";
import { PytorchContext } from "./pickle/pytorch_globals.ts";
import { storageBytes } from "./pickle/pytorch_types.ts";
import { findStateDict } from "./state_dict.ts";
import { locateZipEntry, readZipDirectory, requireStored, type ZipEntry } from "./zip.ts";

/**
 * Opens a PyTorch file in a zip archive: reads the directory and the pickle, no tensor.
 * @param source the file
 * @param options which state dict is meant
 * @returns the open file
 * @throws {CheckpointError} if the archive or the pickle is malformed, if the state dict depends on what is not known here,
 * or leaves open which state dict is meant
 */
export async function openPytorch(source: ByteSource, options: OpenCheckpointOptions = {}): Promise<PytorchFile> {
  const archive = new Archive(source, await readZipDirectory(source));
  const bytes = await archive.read("data.pkl", MAX_PICKLE_BYTES);
  const context = new PytorchContext();
  const { value, end } = unpickle(bytes, 0, { fileName: source.name, part: "data.pkl" }, context);
  if (end !== bytes.length) {
    throw archive.refuse(`data.pkl goes on for ${bytes.length - end} bytes after its end at byte ${end}`);
  }
  const bigEndian = await archive.isBigEndian();
  for (const storage of context.storages.values()) {
    const { size } = archive.entry(`data/${storage.key}`);
    const needed = storageBytes(storage);
    if (size === needed || needed === undefined) continue;
    throw archive.refuse(
      `data/${storage.key} has ${size} bytes, ${storage.length} elements of ${storage.dtype ?? storage.type} need ` +
        needed,
    );
  }
  const dict = findStateDict(value, source.name, options.stateDict);
  const positions = new Map<string, number>();
  for (const { storage: { key, inline } } of dict.tensors.values()) {
    if (inline === undefined && !positions.has(key)) positions.set(key, await archive.locate(`data/${key}`));
  }
  return new PytorchFile({ source, format: "pytorch", positions, bigEndian }, dict);
}

/** The files below the one folder that PyTorch's archives have. */
class Archive {
  readonly #source: ByteSource;
  readonly #entries: ReadonlyMap<string, ZipEntry>;
  readonly #folder: string;

  constructor(source: ByteSource, entries: ReadonlyMap<string, ZipEntry>) {
    this.#source = source;
    this.#entries = entries;
    const names = [...entries.keys()];
    if (names.some((name) => /^[^/]+\/constants\.pkl$/.test(name))) {
      throw this.refuse("it is a TorchScript program, a state dict is needed; save the state_dict() of the module");
    }
    const pickles = names.filter((name) => /^[^/]+\/data\.pkl$/.test(name));
    if (pickles.length === 0) this.#refusePacked(names);
    entries.forEach((entry) => requireStored(source, entry));
    const [pickle] = pickles;
    if (pickles.length !== 1 || pickle === undefined) {
      throw this.refuse(
        `the archive has ${pickles.length} entries FOLDER/data.pkl, one is needed as PyTorch writes it`,
      );
    }
    this.#folder = pickle.slice(0, -"data.pkl".length);
  }

  /** Refuses an archive that holds checkpoints instead of being one. */
  #refusePacked(names: readonly string[]): void {
    const packed = names.filter((name) => /\.(pt|pth|ckpt|bin|safetensors)$/i.test(name));
    if (packed.length > 0) {
      const shown = packed.slice(0, 3).map(quoteName).join(", ");
      throw this.refuse(
        `it is an archive that holds ${shown}${
          packed.length > 3 ? ", ..." : ""
        }; unpack it and name the file that is ` +
          "meant",
      );
    }
    if (names.length > 0 && names.every((name) => name.endsWith(".npy"))) {
      throw this.refuse("it is an archive of arrays of NumPy, a state dict of PyTorch or a safetensors file is needed");
    }
  }

  refuse(found: string): CheckpointError {
    return new CheckpointError(`Cannot load ${quoteName(this.#source.name)}: ${found}`);
  }

  entry(name: string): ZipEntry {
    const entry = this.#entries.get(this.#folder + name);
    if (entry === undefined) {
      throw this.refuse(`the archive has no entry ${quoteName(this.#folder + name)}, it is needed`);
    }
    return entry;
  }

  async locate(name: string): Promise<number> {
    return await locateZipEntry(this.#source, this.entry(name));
  }

  async read(name: string, longest: number): Promise<Uint8Array> {
    const { size } = this.entry(name);
    if (size > longest) throw this.refuse(`${name} has ${size} bytes, at most ${longest} are allowed`);
    return await readExactly(this.#source, await this.locate(name), size, name);
  }

  /** Files of PyTorch before 2.1 do not say; they are little-endian. */
  async isBigEndian(): Promise<boolean> {
    if (!this.#entries.has(`${this.#folder}byteorder`)) return false;
    const order = String.fromCharCode(...await this.read("byteorder", 16));
    if (order === "little" || order === "big") return order === "big";
    throw this.refuse(`byteorder is ${quoteName(order)}, "little" or "big" is needed`);
  }
}
