import { CheckpointError, quoteName } from "./checkpoint_error.ts";
import { foreignFormat } from "./foreign_format.ts";
import { JsonScanner } from "./json_scanner.ts";
import {
  isDtype,
  MAX_HEADER_BYTES,
  MAX_RANK,
  MAX_TENSORS,
  type SafetensorsDtype,
  tensorBytes,
} from "./safetensors_dtype.ts";

/** Where one tensor lies in the file and how to read it. */
export interface TensorEntry {
  /** Any text, also empty or with control characters. */
  readonly name: string;
  /** Element type. */
  readonly dtype: SafetensorsDtype;
  /** Outermost first; [] is a single number. */
  readonly shape: readonly number[];
  /** First byte, counted from the end of the header. */
  readonly begin: number;
  /** One past the last byte, counted from the end of the header. */
  readonly end: number;
}

/** The content of a header that has passed every check. */
export interface SafetensorsHeader {
  /** The `__metadata__` of the file. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The tensors by name, in the order of their data. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/**
 * Checks the first bytes of a file: eight bytes of little-endian header length, at most 100 MB and inside the file.
 * @param start the first 512 bytes of the file, or all of a shorter one
 * @param fileSize size of the file in bytes
 * @param fileName what messages call the file
 * @returns the length of the header in bytes
 * @throws {CheckpointError} if this cannot be a safetensors file
 */
export function parseHeaderLength(start: Uint8Array, fileSize: number, fileName: string): number {
  const refuse = (found: string): CheckpointError => {
    const format = foreignFormat(start);
    const hint = format === undefined ? "" : `; it looks like ${format}`;
    return new CheckpointError(`Cannot load ${quoteName(fileName)} as safetensors: ${found}${hint}`);
  };
  if (fileSize < 10) throw refuse(`the file has ${fileSize} bytes, at least 10 are needed`);
  const declared = new DataView(start.buffer, start.byteOffset, start.length).getBigUint64(0, true);
  if (declared > BigInt(MAX_HEADER_BYTES)) {
    throw refuse(`the first 8 bytes announce a header of ${declared} bytes, at most ${MAX_HEADER_BYTES} are allowed`);
  }
  const length = Number(declared);
  if (length < 2) throw refuse(`the first 8 bytes announce a header of ${length} bytes, at least 2 are needed`);
  if (length > fileSize - 8) {
    throw refuse(`the first 8 bytes announce a header of ${length} bytes, the file has ${fileSize - 8} after them`);
  }
  return length;
}

/**
 * Parses a header and checks all of it: one JSON object without duplicate keys; per tensor exactly `dtype`, `shape` and
 * `data_offsets`, with shape times element size equal to the span; spans that cover the data without hole or overlap;
 * string values only in `__metadata__`. Whitespace before the `{`, which the format forbids, is accepted because the
 * reference reader accepts it.
 * @param bytes the header, as it stands from byte 8 of the file on
 * @param dataLength bytes after the header
 * @param fileName what messages call the file
 * @returns metadata and tensors
 * @throws {CheckpointError} naming the tensor or the byte position of the first violation
 */
export function parseHeader(bytes: Uint8Array, dataLength: number, fileName: string): SafetensorsHeader {
  const scanner = new JsonScanner(bytes, 8, fileName);
  const metadata = new Map<string, string>();
  const entries: TensorEntry[] = [];
  scanner.readObject(`"{"`, (name) => {
    if (name === "__metadata__") {
      scanner.context = "__metadata__";
      scanner.readObject("an object of strings", (key) => {
        metadata.set(key, scanner.readString(`a string for key ${quoteName(key)}`));
      });
    } else {
      if (entries.length === MAX_TENSORS) {
        throw new CheckpointError(
          `Cannot load ${quoteName(fileName)}: the header has more than ${MAX_TENSORS} tensors (the next is ` +
            `${quoteName(name)}), at most ${MAX_TENSORS} are allowed`,
        );
      }
      scanner.context = `tensor ${quoteName(name)}`;
      entries.push(readEntry(scanner, name, fileName));
    }
    scanner.context = "";
  });
  scanner.readEnd();
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCoverage(entries, dataLength, fileName);
  return { metadata, tensors: new Map(entries.map((entry) => [entry.name, entry])) };
}

function readEntry(scanner: JsonScanner, name: string, fileName: string): TensorEntry {
  const refuse = (found: string): CheckpointError =>
    new CheckpointError(`Cannot load ${quoteName(fileName)}: tensor ${quoteName(name)} ${found}`);
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  scanner.readObject("an object with dtype, shape and data_offsets", (field) => {
    if (field === "dtype") dtype = scanner.readString("a type name");
    else if (field === "shape") shape = scanner.readIntegers(`an array of at most ${MAX_RANK} dimensions`, MAX_RANK);
    else if (field === "data_offsets") offsets = scanner.readIntegers("an array of two offsets", 2);
    else throw refuse(`has a field ${quoteName(field)}, only dtype, shape and data_offsets are known`);
  });
  if (dtype === undefined) throw refuse("has no dtype, one is needed");
  if (shape === undefined) throw refuse("has no shape, one is needed");
  if (offsets === undefined) throw refuse("has no data_offsets, two are needed");
  if (!isDtype(dtype)) throw refuse(`has the unknown dtype ${quoteName(dtype)}, a type such as "F32" is needed`);
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined) {
    throw refuse(`has ${offsets.length} data_offsets, two are needed`);
  }
  if (end < begin) throw refuse(`has data_offsets [${begin}, ${end}], the end must not come before the begin`);
  const needed = tensorBytes(dtype, shape);
  const type = `${dtype} [${shape.join(", ")}]`;
  if (needed === "overflow") throw refuse(`of type ${type} overflows: its size is beyond 2^53 - 1 bits`);
  if (needed === "fraction") throw refuse(`of type ${type} does not fill whole bytes`);
  if (needed !== end - begin) {
    throw refuse(`has data_offsets [${begin}, ${end}] (${end - begin} bytes), ${type} needs ${needed} bytes`);
  }
  return { name, dtype, shape, begin, end };
}

/** Entries in order of their offsets must cover 0 to dataLength without hole or overlap. */
function checkCoverage(entries: readonly TensorEntry[], dataLength: number, fileName: string): void {
  let covered = 0;
  let previous: string | undefined;
  for (const { name, begin, end } of entries) {
    if (begin !== covered) {
      const neighbour = previous === undefined ? "the header" : `tensor ${quoteName(previous)}`;
      const fault = begin < covered ? `overlaps ${neighbour}` : `leaves a hole after ${neighbour}`;
      throw new CheckpointError(
        `Cannot load ${quoteName(fileName)}: tensor ${quoteName(name)} ${fault}: it begins at data byte ${begin}, ` +
          `${covered} is needed`,
      );
    }
    covered = end;
    previous = name;
  }
  if (covered !== dataLength) {
    const fault = dataLength < covered ? "the file is cut off" : "bytes follow the last tensor";
    throw new CheckpointError(
      `Cannot load ${quoteName(fileName)}: ${fault}: ${dataLength} data bytes follow the header, the tensors need ` +
        `${covered}`,
    );
  }
}
