import { type ByteSource, readExactly } from "./byte_source.ts";
import { CheckpointError, quoteName } from "./checkpoint_error.ts";
import { bf16ToF32, f16ToF32 } from "./half.ts";
import { PIECE_BYTES } from "./safetensors_dtype.ts";
import { parseHeader, parseHeaderLength, type SafetensorsHeader, type TensorEntry } from "./safetensors_header.ts";

/**
 * Opens a safetensors file: reads and checks the header, no tensor.
 * @param source the file
 * @returns the open file
 * @throws {CheckpointError} if the file violates the format, naming the tensor or the byte
 */
export async function openSafetensors(source: ByteSource): Promise<SafetensorsFile> {
  const start = await readExactly(source, 0, Math.min(16, source.size), "the header length");
  const headerLength = parseHeaderLength(start, source.size, source.name);
  const bytes = await readExactly(source, 8, headerLength, "the header");
  const dataStart = 8 + headerLength;
  return new SafetensorsFile(source, parseHeader(bytes, source.size - dataStart, source.name), dataStart);
}

/**
 * An open safetensors file. Tensors are read when asked for, in pieces of at most 4 MiB, so that memory holds the result
 * and one piece. Numbers are little-endian, as are typed arrays wherever WebGPU runs.
 */
export class SafetensorsFile {
  /** What messages call the file. */
  readonly name: string;
  /** The `__metadata__` of the file. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The tensors by name, in the order of their data. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly #source: ByteSource;
  readonly #dataStart: number;

  /**
   * Use `openSafetensors`, which reads and checks the header.
   * @param source the file
   * @param header its checked header
   * @param dataStart position of the first data byte in the file
   */
  constructor(source: ByteSource, header: SafetensorsHeader, dataStart: number) {
    this.name = source.name;
    this.metadata = header.metadata;
    this.tensors = header.tensors;
    this.#source = source;
    this.#dataStart = dataStart;
  }

  /**
   * The stored bytes of a tensor of any type, piece by piece in order.
   * @param name tensor name
   * @returns pieces of at most 4 MiB, to be read and not changed
   * @throws {CheckpointError} if there is no such tensor, or the file was cut in the meantime
   */
  async *readPieces(name: string): AsyncGenerator<Uint8Array, void> {
    const { begin, end } = this.#entry(name);
    const what = `tensor ${quoteName(name)}`;
    for (let at = begin; at < end; at += PIECE_BYTES) {
      yield await readExactly(this.#source, this.#dataStart + at, Math.min(PIECE_BYTES, end - at), what);
    }
  }

  /**
   * The stored bytes of a tensor of any type.
   * @param name tensor name
   * @returns a new array of end - begin bytes
   * @throws {CheckpointError} as readPieces
   */
  async readBytes(name: string): Promise<Uint8Array> {
    const { begin, end } = this.#entry(name);
    const bytes = new Uint8Array(end - begin);
    await this.#copyInto(bytes, name);
    return bytes;
  }

  /**
   * A tensor of real numbers as f32: F32 bit for bit, F16 and BF16 widened exactly, F64 rounded to nearest.
   * @param name tensor name
   * @param into where the elements go, at least as many; a new array by default
   * @returns as many elements as the shape has, the beginning of `into` if it is given
   * @throws {CheckpointError} as readPieces, and if the tensor holds another type
   */
  async readFloat32(name: string, into?: Float32Array): Promise<Float32Array> {
    const entry = this.#entry(name);
    this.#requireType(entry, FLOAT_DTYPES);
    const count = elementCount(entry);
    const values = into ? into.subarray(0, count) : new Float32Array(count);
    if (entry.dtype === "F32") {
      await this.#copyInto(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), name);
      return values;
    }
    let at = 0;
    for await (const piece of this.readPieces(name)) {
      const part = values.subarray(at, at + piece.length / BYTES_PER_FLOAT[entry.dtype as FloatDtype]);
      if (entry.dtype === "F16") f16ToF32(viewAs(Uint16Array, piece), part);
      else if (entry.dtype === "BF16") bf16ToF32(viewAs(Uint16Array, piece), part);
      else part.set(viewAs(Float64Array, piece));
      at += part.length;
    }
    return values;
  }

  /**
   * A tensor of real numbers as f64; exact for F64, F32, F16 and BF16.
   * @param name tensor name
   * @returns a new array of as many elements as the shape has
   * @throws {CheckpointError} as readPieces, and if the tensor holds another type
   */
  async readFloat64(name: string): Promise<Float64Array> {
    const entry = this.#entry(name);
    this.#requireType(entry, FLOAT_DTYPES);
    const values = new Float64Array(elementCount(entry));
    let at = 0;
    for await (const piece of this.readPieces(name)) {
      const view = floatView(entry.dtype, piece);
      values.set(view, at);
      at += view.length;
    }
    return values;
  }

  /**
   * A tensor of integers (I32, I64, U8) as numbers.
   * @param name tensor name
   * @returns as many integers as the shape has elements
   * @throws {CheckpointError} as readPieces, if the tensor holds another type, or an I64 beyond +-(2^53 - 1)
   */
  async readIntegers(name: string): Promise<number[]> {
    const entry = this.#entry(name);
    this.#requireType(entry, INTEGER_DTYPES);
    const values: number[] = [];
    for await (const piece of this.readPieces(name)) {
      for (const stored of integerView(entry.dtype, piece)) {
        const value = Number(stored);
        if (!Number.isSafeInteger(value)) {
          throw new CheckpointError(
            `Cannot read tensor ${quoteName(name)} of ${
              quoteName(this.name)
            }: element ${values.length} is ${stored}, ` +
              "an integer from -(2^53 - 1) to 2^53 - 1 is needed",
          );
        }
        values.push(value);
      }
    }
    return values;
  }

  async #copyInto(bytes: Uint8Array, name: string): Promise<void> {
    let at = 0;
    for await (const piece of this.readPieces(name)) {
      bytes.set(piece, at);
      at += piece.length;
    }
  }

  #entry(name: string): TensorEntry {
    const entry = this.tensors.get(name);
    if (entry !== undefined) return entry;
    const [first] = this.tensors.keys();
    const held = first === undefined ? "none at all" : `${this.tensors.size} (first ${quoteName(first)})`;
    throw new CheckpointError(
      `Cannot read tensor ${quoteName(name)} of ${
        quoteName(this.name)
      }: there is none of that name, the file has ${held}`,
    );
  }

  #requireType({ name, dtype }: TensorEntry, needed: readonly string[]): void {
    if (needed.includes(dtype)) return;
    const readable = FLOAT_DTYPES.includes(dtype) || INTEGER_DTYPES.includes(dtype);
    throw new CheckpointError(
      `Cannot read tensor ${quoteName(name)} of ${quoteName(this.name)}: its type ${dtype} is ` +
        `${readable ? "another kind of number" : "not supported"}, one of ${needed.join(", ")} is needed`,
    );
  }
}

const BYTES_PER_FLOAT = { F32: 4, F16: 2, BF16: 2, F64: 8 } as const;
type FloatDtype = keyof typeof BYTES_PER_FLOAT;
const FLOAT_DTYPES: readonly string[] = Object.keys(BYTES_PER_FLOAT);
const INTEGER_DTYPES: readonly string[] = ["I32", "I64", "U8"];

function elementCount({ shape }: TensorEntry): number {
  return shape.reduce((count, dimension) => count * dimension, 1);
}

function floatView(dtype: TensorEntry["dtype"], piece: Uint8Array): Float32Array | Float64Array {
  if (dtype === "F16") return f16ToF32(viewAs(Uint16Array, piece));
  if (dtype === "BF16") return bf16ToF32(viewAs(Uint16Array, piece));
  return dtype === "F64" ? viewAs(Float64Array, piece) : viewAs(Float32Array, piece);
}

function integerView(dtype: TensorEntry["dtype"], piece: Uint8Array): Int32Array | BigInt64Array | Uint8Array {
  if (dtype === "I32") return viewAs(Int32Array, piece);
  return dtype === "I64" ? viewAs(BigInt64Array, piece) : piece;
}

/** The piece as another array type; a copy where the piece begins at an address that this type cannot have. */
function viewAs<T>(
  type: { new (buffer: ArrayBufferLike, offset: number, length: number): T; readonly BYTES_PER_ELEMENT: number },
  piece: Uint8Array,
): T {
  const aligned = piece.byteOffset % type.BYTES_PER_ELEMENT === 0 ? piece : piece.slice();
  return new type(aligned.buffer, aligned.byteOffset, aligned.length / type.BYTES_PER_ELEMENT);
}
