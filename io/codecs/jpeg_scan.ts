/** How far the data of a JPEG scan go: the codes are read and their values passed over (ITU-T T.81, annex F). */
import type { JpegComponent, JpegLayout } from "../../raster/mod.ts";

/** How much of a scan is there. */
export interface ScanExtent {
  /** Minimum coded units whose codes are complete. */
  readonly units: number;
  /** Units of the whole scan. */
  readonly expected: number;
  /** Units side by side. */
  readonly unitsPerLine: number;
  /** Pixel rows that a line of units covers. */
  readonly unitHeight: number;
  /** Bytes of the scan with its header, up to the end of the last complete line. */
  readonly lineEnd: number;
}

/** A Huffman table: for each length of a code the first code, how many there are, and where their values begin. */
interface Codes {
  readonly counts: Uint8Array;
  readonly values: Uint8Array;
}

/** Thrown where the data end or hold no code. */
const END = Symbol("end of data");

/**
 * Counts the complete units of the last scan of a file, which must be one of a sequential frame or the first one of the
 * mean values (DC) of a progressive frame.
 *
 * @param layout The file; of its parts the tables, the frame and the last scan are looked at.
 * @returns How far the data go.
 */
export function scanExtent({ width, height, components, essential }: JpegLayout): ScanExtent {
  const tables = new Map<number, Codes>();
  let interval = 0;
  let progressive = false;
  for (const part of essential) {
    if (part[1] === 0xc4) readCodes(part.subarray(4), tables);
    else if (part[1] === 0xdd) interval = part[4]! * 256 + part[5]!;
    else if (part[1]! >= 0xc0 && part[1]! <= 0xc2) progressive = part[1] === 0xc2;
  }
  const scan = essential.findLast((part) => part[1] === 0xda)!;
  const named = Array.from({ length: scan[4]! }, (_, i) => {
    const component = components.find(({ id }) => id === scan[5 + 2 * i])!;
    return { ...component, dc: tables.get(scan[6 + 2 * i]! >> 4), ac: tables.get(16 + (scan[6 + 2 * i]! & 15)) };
  });
  const maxima = maximaOf(components);
  const [first] = named;
  // A scan of one component has units of one block, and no blocks beyond its own (T.81, A.2.2).
  const single = named.length === 1;
  const [wide, high] = single
    ? [maxima.horizontal / first!.horizontal, maxima.vertical / first!.vertical]
    : [maxima.horizontal, maxima.vertical];
  const unitsPerLine = Math.ceil(width / (8 * wide));
  const unitHeight = 8 * high;
  const expected = unitsPerLine * Math.ceil(height / unitHeight);
  const read = new BitReader(scan, 2 + scan[2]! * 256 + scan[3]!);
  let units = 0;
  let lineEnd = 0;
  try {
    while (units < expected) {
      if (interval > 0 && units > 0 && units % interval === 0) read.restart();
      for (const { horizontal, vertical, dc, ac } of named) {
        for (let block = single ? 1 : horizontal * vertical; block > 0; block--) {
          skipBlock(read, dc, progressive ? undefined : ac);
        }
      }
      units++;
      if (units % unitsPerLine === 0) lineEnd = read.position;
    }
  } catch (error) {
    if (error !== END) throw error;
  }
  return { units, expected, unitsPerLine, unitHeight, lineEnd };
}

/** The largest sampling factors of a frame. */
function maximaOf(components: readonly JpegComponent[]): { readonly horizontal: number; readonly vertical: number } {
  return {
    horizontal: Math.max(...components.map(({ horizontal }) => horizontal)),
    vertical: Math.max(...components.map(({ vertical }) => vertical)),
  };
}

/** Passes over a block: the size of its mean and that many bits, then runs and sizes of the rest, if the scan has it. */
function skipBlock(read: BitReader, dc: Codes | undefined, ac: Codes | undefined): void {
  read.bits(read.symbol(dc));
  if (!ac) return;
  for (let k = 1; k < 64; k++) {
    const symbol = read.symbol(ac);
    const [run, size] = [symbol >> 4, symbol & 15];
    if (size === 0 && run < 15) return;
    k += run;
    read.bits(size);
  }
}

/** Reads the Huffman tables of a segment: those of means by their number, the others from 16 on (T.81, B.2.4.2). */
function readCodes(body: Uint8Array, tables: Map<number, Codes>): void {
  for (let at = 0; at + 17 <= body.length;) {
    const counts = body.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    tables.set(body[at]!, { counts, values: body.subarray(at + 17, at + 17 + total) });
    at += 17 + total;
  }
}

/** Bits of entropy-coded data, the most significant first, without the zeros that are stuffed after 0xff. */
class BitReader {
  readonly #data: Uint8Array;
  #at: number;
  #byte = 0;
  #left = 0;

  constructor(data: Uint8Array, offset: number) {
    this.#data = data;
    this.#at = offset;
  }

  /** Bytes that were begun. */
  get position(): number {
    return this.#at;
  }

  /** The next value of a Huffman code (T.81, F.2.2.3). */
  symbol(codes: Codes | undefined): number {
    let [code, first, index] = [0, 0, 0];
    for (const count of codes?.counts ?? []) {
      code = 2 * code + this.#bit();
      first *= 2;
      if (code - first < count) return codes!.values[index + code - first]!;
      first += count;
      index += count;
    }
    throw END;
  }

  /** Passes over bits. */
  bits(count: number): void {
    for (let i = 0; i < count; i++) this.#bit();
  }

  /** Goes on after the restart marker that must stand here. */
  restart(): void {
    const [mark, kind = 0] = this.#data.subarray(this.#at, this.#at + 2);
    if (mark !== 0xff || kind < 0xd0 || kind > 0xd7) throw END;
    this.#at += 2;
    this.#left = 0;
  }

  #bit(): number {
    if (this.#left === 0) {
      const byte = this.#data[this.#at++];
      if (byte === undefined || (byte === 0xff && this.#data[this.#at++] !== 0)) throw END;
      this.#byte = byte;
      this.#left = 8;
    }
    this.#left--;
    return (this.#byte >> this.#left) & 1;
  }
}
