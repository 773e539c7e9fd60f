import { PIECE_BYTES } from "./byte_source.ts";
import { quoteName } from "./checkpoint_error.ts";
import { f32ToBf16, f32ToF16 } from "./half.ts";
import {
  MAX_HEADER_BYTES,
  MAX_RANK,
  MAX_TENSORS,
  tensorBytes,
  WRITABLE_DTYPES,
  type WritableDtype,
} from "./safetensors_dtype.ts";

/** The values of one tensor as an array: of its own type, f32 for F16 and BF16 (rounded to nearest, ties to even; bit
 * patterns as Uint16Array), or the stored little-endian bytes for any type. */
export type TensorValues = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint16Array | Uint8Array;

/** The stored little-endian bytes of one tensor, made when they are written, so that a large tensor is never whole in
 * memory; a piece is not used after the next one has been asked for. */
export type TensorPieces = () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** One tensor to be written. */
export interface TensorToWrite {
  /** Any text but `__metadata__`. */
  readonly name: string;
  /** Stored element type. */
  readonly dtype: WritableDtype;
  /** Outermost first; [] is a single number. */
  readonly shape: readonly number[];
  /** The values, or a function that makes their bytes. */
  readonly data: TensorValues | TensorPieces;
}

/** What a file is to hold. */
export interface SafetensorsContents {
  /** The tensors, names different from each other, in any order. */
  readonly tensors: readonly TensorToWrite[];
  /** The `__metadata__` of the file; left out of the header if empty. */
  readonly metadata?: ReadonlyMap<string, string>;
}

/**
 * Writes a safetensors file to a sink, front to back. Equal contents give equal bytes whatever their order: metadata is
 * sorted by key, tensors by descending element size and then by name, so that every tensor is aligned; the header is
 * padded with spaces so that the data begin at a multiple of 8. Unless supplied pieces have a wrong total, errors come
 * before the first byte is written.
 * @param contents metadata and tensors
 * @param sink takes the next bytes; they may be reused once its promise is resolved
 * @throws {TypeError} if data do not fit type and shape
 * @throws {RangeError} if a name, a dimension or the size of the header is not allowed
 */
export async function writeSafetensors(
  contents: SafetensorsContents,
  sink: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  await writeLayout(layOut(contents), sink);
}

/**
 * A whole safetensors file as one array, for files that are small.
 * @param contents metadata and tensors
 * @returns the bytes of the file
 * @throws {TypeError} as writeSafetensors
 * @throws {RangeError} as writeSafetensors
 */
export async function safetensorsBytes(contents: SafetensorsContents): Promise<Uint8Array> {
  const layout = layOut(contents);
  const file = new Uint8Array(layout.tensors.reduce((size, { bytes }) => size + bytes, layout.head.length));
  let at = 0;
  await writeLayout(layout, (bytes) => {
    file.set(bytes, at);
    at += bytes.length;
    return Promise.resolve();
  });
  return file;
}

/** Everything that comes before the data, and the tensors in the order of their data with their sizes. */
interface Layout {
  readonly head: Uint8Array;
  readonly tensors: readonly { readonly tensor: TensorToWrite; readonly bytes: number }[];
}

async function writeLayout({ head, tensors }: Layout, sink: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  await sink(head);
  for (const { tensor, bytes } of tensors) {
    let written = 0;
    for await (const piece of storedPieces(tensor)) {
      written += piece.length;
      if (written > bytes) break;
      if (piece.length > 0) await sink(piece);
    }
    if (written !== bytes) {
      const found = written > bytes ? `its pieces have more than ${bytes} bytes` : `its pieces have ${written} bytes`;
      throw refusal(TypeError, tensor, `${found}, ${tensor.dtype} [${tensor.shape.join(", ")}] needs ${bytes}`);
    }
  }
}

/** Checks the contents, puts the tensors in order and encodes the header. */
function layOut({ tensors, metadata = new Map() }: SafetensorsContents): Layout {
  if (tensors.length > MAX_TENSORS) {
    throw new RangeError(`Cannot write safetensors: there are ${tensors.length} tensors, at most ${MAX_TENSORS} fit`);
  }
  const names = new Set<string>();
  const placed = tensors.map((tensor) => {
    if (names.has(tensor.name)) throw refusal(RangeError, tensor, "the name comes twice, every name once is needed");
    names.add(tensor.name);
    return { tensor, bytes: checkedBytes(tensor) };
  });
  placed.sort(({ tensor: a }, { tensor: b }) =>
    WRITABLE_DTYPES.indexOf(a.dtype) - WRITABLE_DTYPES.indexOf(b.dtype) || compareText(a.name, b.name)
  );
  const fields: string[] = [];
  let length = 0;
  const addField = (key: string, value: string): void => {
    const field = `${JSON.stringify(key)}:${value}`;
    length += field.length + 1; // UTF-8 needs at least one byte per UTF-16 unit
    requireHeaderLength(length);
    fields.push(field);
  };
  if (metadata.size > 0) addField("__metadata__", metadataJson(metadata));
  let begin = 0;
  for (const { tensor: { name, dtype, shape }, bytes } of placed) {
    const end = begin + bytes;
    if (!Number.isSafeInteger(end)) {
      throw new RangeError(`Cannot write safetensors: the data have ${end} bytes, at most 2^53 - 1 fit`);
    }
    addField(name, JSON.stringify({ dtype, shape, data_offsets: [begin, end] }));
    begin = end;
  }
  const header = new TextEncoder().encode(`{${fields.join(",")}}`);
  const padded = Math.ceil(header.length / 8) * 8;
  requireHeaderLength(padded);
  const head = new Uint8Array(8 + padded).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true);
  head.set(header, 8);
  return { head, tensors: placed };
}

function metadataJson(metadata: ReadonlyMap<string, string>): string {
  let length = 0;
  for (const [key, value] of metadata) {
    if (!key.isWellFormed() || !value.isWellFormed()) {
      throw new RangeError(
        `Cannot write safetensors: metadata ${quoteName(key)} has half a surrogate pair, well-formed text is needed`,
      );
    }
    length += key.length + value.length + 6; // two pairs of quotes, colon, comma or brace
    requireHeaderLength(length);
  }
  const sorted = [...metadata].sort(([a], [b]) => compareText(a, b));
  return `{${sorted.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`;
}

function requireHeaderLength(length: number): void {
  if (length > MAX_HEADER_BYTES) {
    throw new RangeError(
      `Cannot write safetensors: the header has at least ${length} bytes, at most ${MAX_HEADER_BYTES} are allowed; ` +
        "shorten the metadata",
    );
  }
}

/** Bytes of a tensor whose name, shape and array have been checked. */
function checkedBytes(tensor: TensorToWrite): number {
  const { name, dtype, shape, data } = tensor;
  if (name === "__metadata__") {
    throw refusal(RangeError, tensor, "the name is reserved by the format, another is needed");
  }
  if (!name.isWellFormed()) {
    throw refusal(RangeError, tensor, "the name has half a surrogate pair, well-formed text is needed");
  }
  if (!WRITABLE_DTYPES.includes(dtype)) {
    throw refusal(TypeError, tensor, `its type is ${dtype}, one of ${WRITABLE_DTYPES.join(", ")} is needed`);
  }
  if (shape.length > MAX_RANK || !shape.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0)) {
    const needed = `at most ${MAX_RANK} integers from 0 to 2^53 - 1 are needed`;
    throw refusal(RangeError, tensor, `its shape is [${shape.slice(0, MAX_RANK).join(", ")}], ${needed}`);
  }
  const bytes = tensorBytes(dtype, shape);
  const type = `${dtype} [${shape.join(", ")}]`;
  if (typeof bytes === "string") throw refusal(RangeError, tensor, `the size of ${type} is beyond 2^53 - 1 bits`);
  if (typeof data === "function") return bytes;
  const narrowed = data instanceof Float32Array && (dtype === "F16" || dtype === "BF16");
  if (!narrowed && !(data instanceof Uint8Array) && !(data instanceof ARRAY_OF[dtype])) {
    throw refusal(TypeError, tensor, `its data are a ${data.constructor.name}, ${dtype} needs ${ARRAY_OF[dtype].name}`);
  }
  const found = narrowed ? data.length * 2 : data.byteLength;
  if (found !== bytes) throw refusal(TypeError, tensor, `its data fill ${found} bytes, ${type} needs ${bytes}`);
  return bytes;
}

const ARRAY_OF = {
  I64: BigInt64Array,
  F64: Float64Array,
  F32: Float32Array,
  I32: Int32Array,
  BF16: Uint16Array,
  F16: Uint16Array,
  U8: Uint8Array,
} as const;

/** The little-endian bytes of a tensor in pieces of bounded size; supplied pieces pass as they are. */
function storedPieces({ dtype, data }: TensorToWrite): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  return typeof data === "function" ? data() : arrayPieces(dtype, data);
}

function* arrayPieces(dtype: WritableDtype, data: TensorValues): Generator<Uint8Array, void> {
  const step = PIECE_BYTES / data.BYTES_PER_ELEMENT;
  for (let at = 0; at < data.length; at += step) {
    const part = data.subarray(at, at + step);
    const narrowed = !(part instanceof Float32Array) || dtype === "F32"
      ? part
      : dtype === "F16"
      ? f32ToF16(part)
      : f32ToBf16(part);
    yield new Uint8Array(narrowed.buffer, narrowed.byteOffset, narrowed.byteLength);
  }
}

/** Order by UTF-16 code units, the same in every locale. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function refusal(type: typeof TypeError | typeof RangeError, { name }: TensorToWrite, reason: string): Error {
  return new type(`Cannot write tensor ${quoteName(name)}: ${reason}`);
}
