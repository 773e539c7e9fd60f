/** One entry of a handmade archive; what is not given is as PyTorch writes it. */
export interface HandmadeEntry {
  readonly name: string;
  readonly data: Uint8Array;
  readonly method?: number;
  readonly flags?: number;
  /** Bytes of padding in the local header. */
  readonly padding?: number;
  /** Name in the local header. */
  readonly localName?: string;
  /** Sizes and header position as the directory says. */
  readonly declared?: { readonly size?: number; readonly packed?: number; readonly header?: number };
  /** Extra fields in the directory. */
  readonly extra?: Uint8Array;
}

/** How a handmade archive ends. */
export interface HandmadeEnd {
  /** Sizes and positions of all entries in zip64 fields, and a zip64 end record. */
  readonly zip64?: boolean;
  readonly comment?: string;
  /** What the end record says. */
  readonly declared?: { readonly count?: number; readonly size?: number; readonly begin?: number };
}

/** A zip archive put together by hand, so that it can lie. */
export function handmadeZip(entries: readonly HandmadeEntry[], end: HandmadeEnd = {}): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const bytes: number[] = [];
  const directory: number[] = [];
  for (const entry of entries) {
    const { name, data, method = 0, flags = 0x800, padding = 0, localName = name, declared = {}, extra = [] } = entry;
    const header = bytes.length;
    const local = encoder.encode(localName);
    bytes.push(...u32(0x04034b50), ...u16(0), ...u16(flags), ...u16(method), ...u32(0), ...u32(0), ...u32(data.length));
    bytes.push(...u32(data.length), ...u16(local.length), ...u16(padding), ...local, ...new Array(padding).fill(0x5a));
    for (const byte of data) bytes.push(byte);
    const numbers = {
      size: declared.size ?? data.length,
      packed: declared.packed ?? data.length,
      header: declared.header ?? header,
    };
    const fields = end.zip64
      ? [...u16(1), ...u16(24), ...u64(numbers.size), ...u64(numbers.packed), ...u64(numbers.header)]
      : [...extra];
    const short = (value: number): number[] => u32(end.zip64 ? 0xffffffff : value);
    const named = encoder.encode(name);
    directory.push(...u32(0x02014b50), ...u16(0), ...u16(0), ...u16(flags), ...u16(method), ...u32(0), ...u32(0));
    directory.push(...short(numbers.packed), ...short(numbers.size), ...u16(named.length), ...u16(fields.length));
    directory.push(...u16(0), ...u16(0), ...u16(0), ...u32(0), ...short(numbers.header), ...named, ...fields);
  }
  const { count = entries.length, size = directory.length, begin = bytes.length } = end.declared ?? {};
  const endAt = bytes.length + directory.length;
  const record: number[] = [];
  if (end.zip64) {
    record.push(
      ...u32(0x06064b50),
      ...u64(44),
      ...u16(45),
      ...u16(45),
      ...u32(0),
      ...u32(0),
      ...u64(count),
      ...u64(count),
    );
    record.push(...u64(size), ...u64(begin), ...u32(0x07064b50), ...u32(0), ...u64(endAt), ...u32(1));
  }
  const [shortCount, shortSize, shortBegin] = end.zip64 ? [0xffff, 0xffffffff, 0xffffffff] : [count, size, begin];
  const comment = encoder.encode(end.comment ?? "");
  record.push(
    ...u32(0x06054b50),
    ...u32(0),
    ...u16(shortCount),
    ...u16(shortCount),
    ...u32(shortSize),
    ...u32(shortBegin),
  );
  record.push(...u16(comment.length), ...comment);
  return Uint8Array.from([...bytes, ...directory, ...record]);
}

function u16(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff];
}

function u32(value: number): number[] {
  return [...u16(value), ...u16(value >>> 16)];
}

function u64(value: number): number[] {
  return [...u32(value >>> 0), ...u32(Math.floor(value / 2 ** 32))];
}
