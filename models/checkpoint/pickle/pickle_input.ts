import { CheckpointError, quoteName } from "../checkpoint_error.ts";
import { opcodeName } from "./pickle_opcodes.ts";
import { PickleBytes, PickleLeaf, type PickleValue } from "./pickle_values.ts";

/** Bytes of one pickle; that of a checkpoint with optimizer state has a few. */
export const MAX_PICKLE_BYTES = 16 * 1024 * 1024;

/** Bytes of a module's or a function's name. */
export const MAX_GLOBAL_BYTES = 256;

/** Bytes of an integer that is kept; larger ones take time that grows with the square, and no tensor has any. */
const MAX_INTEGER_BYTES = 256;

/** Characters of a number that is written as text. */
const MAX_DIGITS = 600;

/** Says that the bytes given end inside a pickle, so that more of the file is needed. */
export class PickleEndError extends CheckpointError {}

/** Where a pickle stands, for messages. */
export interface PicklePlace {
  /** The file. */
  readonly fileName: string;
  /** The part of the file, such as `data.pkl`. */
  readonly part: string;
}

/** The bytes of a pickle, and how far they have been read. */
export class PickleInput {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #place: PicklePlace;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #begin: number;
  #at: number;
  #opcodeAt: number;

  /**
   * Starts at the first byte of a pickle.
   * @param bytes the pickle, and anything before and behind it
   * @param begin where it begins
   * @param place how messages call it
   */
  constructor(bytes: Uint8Array, begin: number, place: PicklePlace) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#place = place;
    this.#begin = begin;
    this.#at = begin;
    this.#opcodeAt = begin;
  }

  /** Index of the next byte. */
  get position(): number {
    return this.#at;
  }

  /** The next byte, which messages name as the opcode from now on. */
  opcode(): number {
    this.#opcodeAt = this.#at;
    return this.u8();
  }

  /** The next byte. */
  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  /** The next two bytes, the lowest first. */
  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  /** The next four bytes, the lowest first. */
  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** The next eight bytes, the lowest first; numbers beyond any pickle's length come rounded. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true));
  }

  /** The next four bytes as a signed number. */
  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** The next eight bytes, the highest first, as a real number. */
  f64(): number {
    return this.#view.getFloat64(this.#take(8), false);
  }

  /**
   * An integer of two's complement, the lowest byte first.
   * @param length number of bytes
   * @returns a bigint beyond 2^53, a leaf beyond 256 bytes
   */
  integer(length: number): PickleValue {
    const at = this.#take(length);
    if (length > MAX_INTEGER_BYTES) return new PickleLeaf(`an integer of ${length} bytes`);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[at + i]!);
    return simplest(BigInt.asIntN(8 * length, value));
  }

  /** A view of the next bytes. */
  bytes(length: number): PickleBytes {
    const at = this.#take(length);
    return new PickleBytes(this.#bytes.subarray(at, at + length));
  }

  /** Text in UTF-8. */
  text(length: number): string {
    const text = this.#textIn(this.#take(length), length);
    if (text === undefined) throw this.error("text that is not UTF-8", "UTF-8 is needed");
    return text;
  }

  /** A string of Python 2: text where it is UTF-8, else bytes. */
  string(length: number): string | PickleBytes {
    const at = this.#take(length);
    return this.#textIn(at, length) ?? new PickleBytes(this.#bytes.subarray(at, at + length));
  }

  /** A name up to the line's end. */
  name(): string {
    return this.#line(MAX_GLOBAL_BYTES, "a name");
  }

  /** What stands up to the line's end. */
  line(): string {
    return this.#line(MAX_PICKLE_BYTES, "a line");
  }

  /** A number as text up to the line's end; `00` and `01` are booleans, an `L` may end it; a leaf where it is long. */
  number(): PickleValue {
    const text = this.line();
    if (text.length > MAX_DIGITS) return new PickleLeaf(`a number of ${text.length} digits`);
    if (text === "00" || text === "01") return text === "01";
    if (/^[+-]?\d+L?$/.test(text)) return simplest(BigInt(text.replace(/^\+|L$/g, "")));
    const value = /^[+-]?(inf|nan)$/i.test(text) ? Number(text.replace(/inf/i, "Infinity")) : Number(text);
    if (text === "" || (Number.isNaN(value) && !/nan/i.test(text))) {
      throw this.error(`${quoteName(text)} as a number`, "digits are needed");
    }
    return value;
  }

  /** Passes over bytes that must be there. */
  skip(length: number): void {
    this.#take(length);
  }

  /**
   * The error for what an opcode gives.
   * @param found what was found
   * @param needed what is needed, a whole clause
   */
  error(found: string, needed: string): CheckpointError {
    const { fileName, part } = this.#place;
    const opcode = opcodeName(this.#bytes[this.#opcodeAt] ?? 0);
    return new CheckpointError(
      `Cannot load ${quoteName(fileName)}: ${opcode} at byte ${this.#opcodeAt} of ${part} gives ${found}, ${needed}`,
    );
  }

  /** Moves over bytes that must be there. */
  #take(count: number): number {
    const at = this.#at;
    if (at + count - this.#begin > MAX_PICKLE_BYTES) {
      throw this.error(`more than ${MAX_PICKLE_BYTES} bytes`, `at most ${MAX_PICKLE_BYTES} are allowed`);
    }
    if (count > this.#bytes.length - at) {
      const { fileName, part } = this.#place;
      throw new PickleEndError(
        `Cannot load ${
          quoteName(fileName)
        }: ${part} ends at byte ${this.#bytes.length}, ${count} bytes at byte ${at} ` +
          "are needed; the file is cut off, download it again",
      );
    }
    this.#at += count;
    return at;
  }

  #textIn(at: number, length: number): string | undefined {
    try {
      return this.#decoder.decode(this.#bytes.subarray(at, at + length));
    } catch {
      return undefined;
    }
  }

  #line(longest: number, what: string): string {
    const end = this.#bytes.subarray(this.#at, this.#at + longest + 1).indexOf(0x0a);
    if (end >= 0) {
      const text = this.text(end);
      this.#take(1);
      return text;
    }
    this.#take(Math.min(longest, this.#bytes.length - this.#at) + 1);
    throw this.error(`${what} of more than ${longest} bytes`, `at most ${longest} are allowed`);
  }
}

function simplest(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
