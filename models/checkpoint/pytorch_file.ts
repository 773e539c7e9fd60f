import { type ByteSource, PIECE_BYTES, readExactly, readInto } from "./byte_source.ts";
import type { CheckpointFormat, CheckpointTensor } from "./checkpoint.ts";
import { CheckpointError, quoteName } from "./checkpoint_error.ts";
import { CheckpointFile } from "./checkpoint_file.ts";
import { DTYPE_BITS, MAX_TENSORS, tensorBytes } from "./safetensors_dtype.ts";
import type { StateDict } from "./state_dict.ts";
import { copyStrided, isContiguous, memoryRange, mergeDimensions, type StridedView, type Words } from "./strided.ts";

/** Where one tensor lies in the file and how to read it. */
export interface PytorchTensor extends CheckpointTensor {
  /** First byte of the element [0, ..., 0] in the file. */
  readonly position: number;
  /** Elements from one index to the next, per dimension. */
  readonly stride: readonly number[];
  /** What `position` counts in: the file, or bytes that stand in its pickle. */
  readonly source: ByteSource;
  /** Whether numbers are stored with the most significant byte first. */
  readonly bigEndian: boolean;
}

/** Which file a PyTorch checkpoint lies in, and how. */
export interface PytorchContainer {
  readonly source: ByteSource;
  readonly format: CheckpointFormat;
  /** First byte of every storage in the file, by key. */
  readonly positions: ReadonlyMap<string, number>;
  /** Whether numbers are stored with the most significant byte first. */
  readonly bigEndian: boolean;
}

/** Options of the functions that open a checkpoint. */
export interface OpenCheckpointOptions {
  /** Which state dict of a PyTorch file is meant, such as `ema`; needed only where there are several. */
  readonly stateDict?: string;
}

/** Bytes of a tensor whose elements do not lie one after another that are put in order at a time. */
const BLOCK_BYTES = 16 * PIECE_BYTES;

/** All tensors of a file may be this many times as large as the file, since they may share storages. */
const LARGEST_EXPANSION = 8;

/** Bytes that all tensors of a small file may have. */
const ALWAYS_ALLOWED_BYTES = 1024 * 1024;

/**
 * An open PyTorch file of either container. Tensors are read when asked for: those whose elements lie one after another
 * straight into the result, others put in order in blocks of 64 MiB.
 */
export class PytorchFile extends CheckpointFile<PytorchTensor> {
  /** The container. */
  readonly format: CheckpointFormat;
  /** Where in the file the tensors are. */
  readonly stateDict: string;
  /** PyTorch's formats have none. */
  readonly metadata: ReadonlyMap<string, string> = new Map();
  /** What stands beside the tensors, by name: what it is. */
  readonly leftOut: ReadonlyMap<string, string>;
  /** What all names began with and is taken off them. */
  readonly wrapper: string;

  /**
   * Use `openCheckpoint`, which finds the state dict and its storages.
   * @param container the file
   * @param dict the tensors, whose storages have been checked to lie inside the file
   * @throws {CheckpointError} if there are too many tensors, or they are much larger than the file
   */
  constructor(
    { source, format, positions, bigEndian }: PytorchContainer,
    { path, tensors, leftOut, wrapper }: StateDict,
  ) {
    const refuse = (found: string): CheckpointError =>
      new CheckpointError(`Cannot load ${quoteName(source.name)}: ${found}`);
    if (tensors.size > MAX_TENSORS) {
      throw refuse(`it has ${tensors.size} tensors, at most ${MAX_TENSORS} are allowed`);
    }
    let bytes = 0;
    const allowed = LARGEST_EXPANSION * source.size + ALWAYS_ALLOWED_BYTES;
    const entries = [...tensors].map(([name, { storage, dtype, offset, shape, stride }]): PytorchTensor => {
      bytes += tensorBytes(dtype, shape) as number;
      if (bytes > allowed) {
        throw refuse(
          `its tensors up to ${quoteName(name)} ${dtype} [${shape.join(", ")}] have ${bytes} bytes, ` +
            `at most ${allowed} are allowed for a file of ${source.size} bytes`,
        );
      }
      const type = { name, dtype, shape, stride };
      const at = offset * DTYPE_BITS[dtype] / 8;
      if (storage.inline !== undefined) {
        return { ...type, position: at, source: inlineSource(storage.inline, source.name, name), bigEndian: false };
      }
      return { ...type, position: positions.get(storage.key)! + at, source, bigEndian };
    });
    entries.sort((a, b) => a.position - b.position);
    super(source.name, new Map(entries.map((entry) => [entry.name, entry])));
    this.format = format;
    this.stateDict = path;
    this.leftOut = leftOut;
    this.wrapper = wrapper;
  }

  /** The bytes of a tensor in pieces, little-endian and in the order of its shape. */
  protected override async *piecesOf(entry: PytorchTensor): AsyncGenerator<Uint8Array, void> {
    const total = tensorBytes(entry.dtype, entry.shape) as number;
    const reader = this.#stridedReader(entry);
    if (reader === undefined) {
      for (let at = 0; at < total; at += PIECE_BYTES) {
        const length = Math.min(PIECE_BYTES, total - at);
        const piece = await readExactly(entry.source, entry.position + at, length, `tensor ${quoteName(entry.name)}`);
        yield littleEndian(entry, entry.bigEndian ? piece.slice() : piece);
      }
      return;
    }
    const block = new Uint8Array(Math.min(BLOCK_BYTES, total));
    for (let at = 0; at < total; at += BLOCK_BYTES) {
      const part = block.subarray(0, Math.min(BLOCK_BYTES, total - at));
      await reader.read(at, part);
      littleEndian(entry, part);
      for (let begin = 0; begin < part.length; begin += PIECE_BYTES) yield part.subarray(begin, begin + PIECE_BYTES);
    }
  }

  /** Reads a tensor into memory, little-endian and in the order of its shape. */
  protected override async fill(entry: PytorchTensor, into: Uint8Array): Promise<void> {
    const reader = this.#stridedReader(entry);
    if (reader === undefined) {
      await readInto(entry.source, entry.position, into, `tensor ${quoteName(entry.name)}`);
      littleEndian(entry, into);
    } else if (into.byteOffset % reader.unit === 0) {
      for (let at = 0; at < into.length; at += BLOCK_BYTES) {
        await reader.read(at, into.subarray(at, at + BLOCK_BYTES));
      }
      littleEndian(entry, into);
    } else {
      let at = 0;
      for await (const piece of this.piecesOf(entry)) {
        into.set(piece, at);
        at += piece.length;
      }
    }
  }

  /** A reader for a tensor whose elements do not lie one after another. */
  #stridedReader({ name, dtype, shape, stride, position, source }: PytorchTensor): StridedReader | undefined {
    const view = mergeDimensions({ shape, stride });
    if (isContiguous(view)) return undefined;
    return new StridedReader(source, position, view, DTYPE_BITS[dtype] / 8, `tensor ${quoteName(name)}`);
  }
}

/** Reverses the bytes of every element in place if the file has them the other way round. */
function littleEndian({ dtype, bigEndian }: PytorchTensor, bytes: Uint8Array): Uint8Array {
  const width = DTYPE_BITS[dtype] / 8;
  if (!bigEndian || width === 1) return bytes;
  for (let at = 0; at < bytes.length; at += width) {
    for (let low = at, high = at + width - 1; low < high; low++, high--) {
      const byte = bytes[low]!;
      bytes[low] = bytes[high]!;
      bytes[high] = byte;
    }
  }
  return bytes;
}

/** Bytes of a tensor that stand in the pickle, taken from it when they are asked for. */
function inlineSource(inline: () => Uint8Array | undefined, fileName: string, name: string): ByteSource {
  const read = (offset: number, length: number): Promise<Uint8Array> => {
    const bytes = inline();
    if (bytes !== undefined) return Promise.resolve(bytes.subarray(offset, offset + length));
    throw new CheckpointError(
      `Cannot read tensor ${quoteName(name)} of ${quoteName(fileName)}: its bytes are written as text with other ` +
        "characters, bytes are needed",
    );
  };
  return { name: fileName, size: Infinity, read };
}

/** Reads elements that are scattered over a part of a file, through a window of at most 64 MiB. */
class StridedReader {
  /** Bytes that are moved together. */
  readonly unit: number;
  readonly #source: ByteSource;
  readonly #position: number;
  readonly #view: StridedView;
  readonly #what: string;
  #window = new Uint8Array(0);
  /** First unit in the window, and one past the last. */
  #loaded: readonly [number, number] = [0, 0];

  constructor(source: ByteSource, position: number, view: StridedView, width: number, what: string) {
    this.#source = source;
    this.#position = position;
    this.#what = what;
    this.unit = Math.min(width, 4);
    // Elements of 8 bytes are pairs of units: a JavaScript number might not keep their bits.
    const pairs = { shape: [...view.shape, 2], stride: [...view.stride.map((step) => 2 * step), 1] };
    this.#view = width > 4 ? mergeDimensions(pairs) : view;
  }

  /**
   * Puts a part of the tensor in order.
   * @param begin first byte of it
   * @param into where its bytes go, beginning at a multiple of the unit in its buffer
   */
  async read(begin: number, into: Uint8Array): Promise<void> {
    const first = begin / this.unit;
    const [low, high] = memoryRange(this.#view, first, into.length / this.unit);
    const most = BLOCK_BYTES / this.unit;
    for (let at = low; at < high; at += most) {
      await this.#load(at, Math.min(at + most, high));
      copyStrided(this.#words(into), this.#view, first, { begin: at, words: this.#words(this.#window) });
    }
  }

  async #load(begin: number, end: number): Promise<void> {
    if (this.#loaded[0] === begin && this.#loaded[1] === end) return;
    const length = (end - begin) * this.unit;
    if (this.#window.length !== length) this.#window = new Uint8Array(length);
    await readInto(this.#source, this.#position + begin * this.unit, this.#window, this.#what);
    this.#loaded = [begin, end];
  }

  #words(bytes: Uint8Array): Words {
    const { buffer, byteOffset, length } = bytes;
    if (this.unit === 1) return bytes;
    return this.unit === 2
      ? new Uint16Array(buffer, byteOffset, length / 2)
      : new Uint32Array(buffer, byteOffset, length / 4);
  }
}
