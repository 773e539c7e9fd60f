import { type ByteSource, readExactly } from "./byte_source.ts";
import { CheckpointError, quoteName } from "./checkpoint_error.ts";
import { MAX_TENSORS } from "./safetensors_dtype.ts";

/** One stored file of an archive. */
export interface ZipEntry {
  /** Path inside the archive, parts separated by "/". */
  readonly name: string;
  /** Number of bytes in the archive. */
  readonly size: number;
  /** How they are compressed; such an entry cannot be read. */
  readonly compression?: string;
  /** Position of its local header in the file. */
  readonly header: number;
  /** Position where the next local header or the directory begins: its data end there or before. */
  readonly limit: number;
}

/** Entries in one archive: a storage per tensor, and a few small files. */
export const MAX_ZIP_ENTRIES = MAX_TENSORS + 1000;

/** Bytes of a directory. */
export const MAX_ZIP_DIRECTORY_BYTES = 32 * 1024 * 1024;

const LOCAL_HEADER = 0x04034b50;
const DIRECTORY_ENTRY = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const END64_LOCATOR = 0x07064b50;
const LOCAL_HEADER_BYTES = 30;
const DIRECTORY_ENTRY_BYTES = 46;
const END_BYTES = 22;
const LONGEST_COMMENT = 0xffff;
const ZIP64_EXTRA = 1;
const COMPRESSIONS: Readonly<Record<number, string>> = {
  8: "deflate",
  9: "deflate64",
  12: "bzip2",
  14: "LZMA",
  93: "Zstandard",
};

/**
 * Reads the directory of a zip archive (APPNOTE 6.3.10, zip64 included) and checks it: plain relative names, each name
 * once, spans that do not overlap. Checksums are not compared.
 * @param source the file
 * @returns the entries by name
 * @throws {CheckpointError} if the file is no such archive, naming the entry or the byte
 */
export async function readZipDirectory(source: ByteSource): Promise<ReadonlyMap<string, ZipEntry>> {
  const { begin, size, count } = await findDirectory(source);
  const bytes = await readExactly(source, begin, size, "the zip directory");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const entries: Omit<ZipEntry, "limit">[] = [];
  const names = new Set<string>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    const refuse = (found: string): CheckpointError =>
      refusal(source, `directory entry ${i} at byte ${begin + at} ${found}`);
    if (at + DIRECTORY_ENTRY_BYTES > size) throw refuse(`goes beyond the directory, which has ${size} bytes`);
    if (view.getUint32(at, true) !== DIRECTORY_ENTRY) throw refuse("does not begin with the signature PK 1 2");
    const nameEnd = at + DIRECTORY_ENTRY_BYTES + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    const end = extraEnd + view.getUint16(at + 32, true);
    if (end > size) throw refuse(`goes beyond the directory, which has ${size} bytes`);
    const name = plainName(bytes.subarray(at + DIRECTORY_ENTRY_BYTES, nameEnd), refuse);
    const refuseEntry = (found: string): CheckpointError => refusal(source, `entry ${quoteName(name)} ${found}`);
    if (names.has(name)) throw refuseEntry("comes twice, every name once is needed");
    names.add(name);
    entries.push({ name, ...entrySpan(new DataView(bytes.buffer, bytes.byteOffset + at, end - at), refuseEntry) });
    at = end;
  }
  if (at !== size) throw refusal(source, `its ${count} directory entries have ${at} bytes, the directory ${size}`);
  return withLimits(source, entries, begin);
}

/**
 * Finds the data of an entry behind its local header.
 * @param source the file
 * @param entry one of its entries
 * @returns position of the first data byte in the file
 * @throws {CheckpointError} if the header is another's, or the data would run into what follows
 */
export async function locateZipEntry(source: ByteSource, entry: ZipEntry): Promise<number> {
  const { name, size, header, limit } = entry;
  requireStored(source, entry);
  const refuse = (found: string): CheckpointError =>
    refusal(source, `the local header of entry ${quoteName(name)} at byte ${header} ${found}`);
  const wanted = new TextEncoder().encode(name);
  const bytes = await readExactly(source, header, LOCAL_HEADER_BYTES + wanted.length, `entry ${quoteName(name)}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== LOCAL_HEADER) throw refuse("does not begin with the signature PK 3 4");
  const sameName = view.getUint16(26, true) === wanted.length &&
    wanted.every((byte, i) => bytes[LOCAL_HEADER_BYTES + i] === byte);
  if (!sameName) throw refuse("has another name than the directory says");
  if (view.getUint16(8, true) !== 0) throw refuse("says that it is compressed, stored entries are needed");
  const begin = header + LOCAL_HEADER_BYTES + wanted.length + view.getUint16(28, true);
  if (begin + size > limit) {
    throw refuse(`puts its ${size} bytes at byte ${begin}, what follows begins at byte ${limit}`);
  }
  return begin;
}

/**
 * Refuses an entry that is compressed.
 * @param source the file
 * @param entry one of its entries
 * @throws {CheckpointError} naming it
 */
export function requireStored(source: ByteSource, { name, compression }: ZipEntry): void {
  if (compression === undefined) return;
  throw refusal(
    source,
    `entry ${quoteName(name)} is compressed (${compression}), stored entries are needed as PyTorch writes them; ` +
      "unpack the archive and pack it again without compression",
  );
}

function refusal({ name }: ByteSource, found: string): CheckpointError {
  return new CheckpointError(`Cannot load ${quoteName(name)} as a zip archive: ${found}`);
}

/** Position, size and number of entries of the directory, from the records at the end of the file. */
async function findDirectory(source: ByteSource): Promise<{ begin: number; size: number; count: number }> {
  const tailBegin = Math.max(0, source.size - END_BYTES - LONGEST_COMMENT);
  const tail = await readExactly(source, tailBegin, source.size - tailBegin, "the end of the archive");
  const view = new DataView(tail.buffer, tail.byteOffset, tail.length);
  let at = tail.length - END_BYTES;
  // The record that fits: its comment ends with the file.
  while (
    at >= 0 && !(view.getUint32(at, true) === END && at + END_BYTES + view.getUint16(at + 20, true) === tail.length)
  ) {
    at--;
  }
  if (at < 0) {
    throw refusal(source, "no record at its end says where the directory is; the file is cut off, download it again");
  }
  const short = {
    count: view.getUint16(at + 10, true),
    size: view.getUint32(at + 12, true),
    begin: view.getUint32(at + 16, true),
  };
  const endAt = tailBegin + at;
  const long = await readEnd64(source, endAt);
  for (const [field, limit] of [["count", 0xffff], ["size", 0xffffffff], ["begin", 0xffffffff]] as const) {
    if (short[field] === (long ?? short)[field] || (long !== undefined && short[field] === limit)) continue;
    throw refusal(
      source,
      `its end records disagree on the ${field} of the directory: ${short[field]}, ${long?.[field]}`,
    );
  }
  const { count, size, begin } = long ?? short;
  const end = long?.at ?? endAt;
  if (begin + size !== end) {
    throw refusal(
      source,
      `its directory of ${size} bytes at byte ${begin} does not end at byte ${end}, where its end record is`,
    );
  }
  if (count > MAX_ZIP_ENTRIES) throw refusal(source, `it has ${count} entries, at most ${MAX_ZIP_ENTRIES} are allowed`);
  if (size > MAX_ZIP_DIRECTORY_BYTES) {
    throw refusal(source, `its directory has ${size} bytes, at most ${MAX_ZIP_DIRECTORY_BYTES} are allowed`);
  }
  if (count * DIRECTORY_ENTRY_BYTES > size) {
    throw refusal(source, `its directory of ${size} bytes is too short for ${count} entries`);
  }
  return { count, size, begin };
}

/** The zip64 end record before an end record, if there is one. */
async function readEnd64(
  source: ByteSource,
  endAt: number,
): Promise<{ count: number; size: number; begin: number; at: number } | undefined> {
  if (endAt < 20) return undefined;
  const locator = dataView(await readExactly(source, endAt - 20, 20, "the zip64 locator"));
  if (locator.getUint32(0, true) !== END64_LOCATOR) return undefined;
  const at = u64(locator, 8);
  if (at === undefined || at + 56 > endAt - 20) {
    throw refusal(
      source,
      `its zip64 locator points to ${locator.getBigUint64(8, true)}, a byte before ${endAt} is needed`,
    );
  }
  const record = dataView(await readExactly(source, at, 56, "the zip64 end record"));
  if (record.getUint32(0, true) !== END64) {
    throw refusal(source, `the zip64 end record at byte ${at} does not begin with the signature PK 6 6`);
  }
  const [count, size, begin] = [u64(record, 32), u64(record, 40), u64(record, 48)];
  if (count === undefined || size === undefined || begin === undefined) {
    throw refusal(source, `the zip64 end record at byte ${at} has a number beyond 2^53 - 1`);
  }
  return { count, size, begin, at };
}

function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** An unsigned 64-bit number, undefined beyond 2^53 - 1. */
function u64(view: DataView, at: number): number | undefined {
  const value = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** The name of an entry, refused if it is no plain relative path. */
function plainName(bytes: Uint8Array, refuse: (found: string) => CheckpointError): string {
  let name: string;
  try {
    name = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refuse("has a name that is not UTF-8");
  }
  const parts = name.replace(/\/$/, "").split("/");
  if (/[\0\\:]/.test(name) || parts.some((part) => part === "" || part === "." || part === "..")) {
    throw refuse(`is named ${quoteName(name)}, a plain relative path is needed`);
  }
  return name;
}

/** Size, local header and compression of the entry that `view` begins with. */
function entrySpan(
  view: DataView,
  refuse: (found: string) => CheckpointError,
): Omit<ZipEntry, "name" | "limit"> {
  if ((view.getUint16(8, true) & 1) !== 0) throw refuse("is encrypted, a plain one is needed");
  const fields = [20, 24, 42].map((at) => view.getUint32(at, true));
  const extraBegin = DIRECTORY_ENTRY_BYTES + view.getUint16(28, true);
  const extraEnd = extraBegin + view.getUint16(30, true);
  let long: { at: number; readonly end: number } | undefined;
  for (let at = extraBegin; at < extraEnd;) {
    const end = at + 4 + (at + 4 <= extraEnd ? view.getUint16(at + 2, true) : 0);
    if (at + 4 > extraEnd || end > extraEnd) throw refuse("has an extra field that goes beyond its extra fields");
    if (view.getUint16(at, true) === ZIP64_EXTRA) long = { at: at + 4, end };
    at = end;
  }
  // Only those that do not fit 32 bits are in the zip64 field: size, packed size, header, in this order.
  for (const index of [1, 0, 2]) {
    if (fields[index] !== 0xffffffff) continue;
    const value = long !== undefined && long.at + 8 <= long.end ? u64(view, long.at) : undefined;
    if (long === undefined || value === undefined) {
      throw refuse("has no zip64 field with a number up to 2^53 - 1, one is needed");
    }
    fields[index] = value;
    long.at += 8;
  }
  const [packed, size, header] = fields as [number, number, number];
  const method = view.getUint16(10, true);
  if (method !== 0) return { size: packed, header, compression: COMPRESSIONS[method] ?? `method ${method}` };
  if (packed !== size) {
    throw refuse(`has ${packed} bytes in the archive for ${size} bytes, stored entries have as many`);
  }
  return { size, header };
}

/** Adds to every entry where it must have ended; refuses entries that overlap. */
function withLimits(
  source: ByteSource,
  entries: readonly Omit<ZipEntry, "limit">[],
  directory: number,
): ReadonlyMap<string, ZipEntry> {
  const byPosition = [...entries].sort((a, b) => a.header - b.header);
  return new Map(byPosition.map((entry, i) => {
    const limit = byPosition[i + 1]?.header ?? directory;
    const least = entry.header + LOCAL_HEADER_BYTES + entry.size;
    if (least > limit) {
      const next = i + 1 < byPosition.length ? `entry ${quoteName(byPosition[i + 1]!.name)}` : "the directory";
      throw refusal(
        source,
        `entry ${
          quoteName(entry.name)
        } of ${entry.size} bytes at byte ${entry.header} overlaps ${next} at byte ${limit}`,
      );
    }
    return [entry.name, { ...entry, limit }];
  }));
}
