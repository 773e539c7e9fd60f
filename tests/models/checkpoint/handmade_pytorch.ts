import { bytesByteSource, type ByteSource } from "../../../models/checkpoint/byte_source.ts";
import { type Code, dict, int, list, pickle, text } from "./handmade_pickle.ts";
import { type HandmadeEnd, type HandmadeEntry, handmadeZip } from "./handmade_zip.ts";

/** Bytes of storages by key. */
export type Storages = Readonly<Record<string, Uint8Array>>;

/** A file of the newer container with any object; more entries come last. */
export function pytorchZip(
  object: Code,
  storages: Storages,
  more: readonly HandmadeEntry[] = [],
  end?: HandmadeEnd,
): Uint8Array<ArrayBuffer> {
  return handmadeZip([
    { name: "archive/data.pkl", data: pickle(object) },
    ...Object.entries(storages).map(([key, data]) => ({ name: `archive/data/${key}`, data, padding: 5 })),
    { name: "archive/version", data: Uint8Array.of(0x33, 0x0a) },
    ...more,
  ], end);
}

/** What a file of the older container says besides the object. */
export interface LegacyParts {
  readonly magic?: Code;
  readonly version?: Code;
  readonly system?: Code;
  readonly keys?: Code;
  /** Number of elements before every storage. */
  readonly lengths?: Readonly<Record<string, bigint>>;
  readonly tail?: Uint8Array;
}

/** A file of the older container, whose storages hold f32 unless lengths are given. */
export function pytorchLegacy(object: Code, storages: Storages, parts: LegacyParts = {}): Uint8Array<ArrayBuffer> {
  const sizes = { short: int(2), int: int(4), long: int(4) };
  const {
    magic = int(0x1950a86a20f9469cfc6cn),
    version = int(1001),
    system = dict({ protocol_version: int(1001), little_endian: [0x88], type_sizes: dict(sizes) }),
    keys = list(...Object.keys(storages).map(text)),
    lengths = {},
    tail = new Uint8Array(0),
  } = parts;
  const pieces = [magic, version, system, object, keys].map((code) => pickle(code));
  for (const [key, data] of Object.entries(storages)) {
    pieces.push(new Uint8Array(BigInt64Array.of(lengths[key] ?? BigInt(data.length / 4)).buffer), new Uint8Array(data));
  }
  pieces.push(new Uint8Array(tail));
  const file = new Uint8Array(pieces.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const piece of pieces) {
    file.set(piece, at);
    at += piece.length;
  }
  return file;
}

/** A file as a source named `test.pt`. */
export function pytorchSource(bytes: Uint8Array): ByteSource {
  return bytesByteSource(bytes, "test.pt");
}

/** The bytes of f32 values. */
export function floats(...values: readonly number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Float32Array.from(values).buffer);
}
