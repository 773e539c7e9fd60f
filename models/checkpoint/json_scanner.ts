import { CheckpointError, quoteName } from "./checkpoint_error.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * Reads JSON of a known structure from bytes, with exact byte positions in messages. Unlike JSON.parse it reports
 * duplicate keys and integers that a number cannot hold. The caller says what comes next, so a value of another kind is
 * refused at its first byte and nesting is never deeper than the caller's own calls.
 */
export class JsonScanner {
  /** Where in the document the scanner is, for messages: `tensor "out.2.weight"`; empty at the top. */
  context = "";
  #position = 0;
  readonly #bytes: Uint8Array;
  readonly #origin: number;
  readonly #fileName: string;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  /**
   * Starts at the first byte, after checking that all bytes are UTF-8.
   * @param bytes the JSON text
   * @param origin position of bytes[0] in the file
   * @param fileName what messages call the file
   * @throws {CheckpointError} if the bytes are not valid UTF-8
   */
  constructor(bytes: Uint8Array, origin: number, fileName: string) {
    this.#bytes = bytes;
    this.#origin = origin;
    this.#fileName = fileName;
    const invalid = firstInvalidUtf8(bytes);
    if (invalid >= 0) {
      this.#position = invalid;
      throw this.#error(`byte 0x${bytes[invalid]!.toString(16)} at byte ${this.#at}`, "valid UTF-8");
    }
  }

  /**
   * Reads an object; `readValue` must read the value of the key it is given.
   * @param what what the object is, for messages
   * @param readValue called after each key, before its value
   * @throws {CheckpointError} if there is no well-formed object or a key comes twice
   */
  readObject(what: string, readValue: (key: string) => void): void {
    this.#open(OPEN_BRACE, what);
    const keys = new Set<string>();
    if (this.#closes(CLOSE_BRACE)) return;
    do {
      this.#skipWhitespace();
      const at = this.#at;
      const key = this.readString("a key in double quotes");
      if (keys.has(key)) {
        throw this.#error(`key ${quoteName(key)} comes a second time at byte ${at}`, "every key once");
      }
      keys.add(key);
      this.#open(COLON, `":" after key ${quoteName(key)}`);
      readValue(key);
    } while (this.#continues(CLOSE_BRACE, `"," or "}"`));
  }

  /**
   * Reads an array of integers.
   * @param what what the array is, for messages
   * @param longest most items allowed
   * @returns the integers, each 0 to 2^53 - 1
   * @throws {CheckpointError} if there is no such array
   */
  readIntegers(what: string, longest: number): number[] {
    this.#open(OPEN_BRACKET, what);
    const values: number[] = [];
    if (this.#closes(CLOSE_BRACKET)) return values;
    do {
      if (values.length === longest) {
        throw this.#error(`an array of more than ${longest} items at byte ${this.#at}`, what);
      }
      values.push(this.#readInteger());
    } while (this.#continues(CLOSE_BRACKET, `"," or "]"`));
    return values;
  }

  /**
   * Reads a string.
   * @param what what the string is, for messages
   * @returns its value, escapes resolved
   * @throws {CheckpointError} if there is no well-formed string, or an escape is half of a surrogate pair
   */
  readString(what: string): string {
    this.#open(QUOTE, what);
    const start = this.#position;
    let escaped = false;
    for (;;) {
      const byte = this.#bytes[this.#position];
      if (byte === undefined || byte < 0x20) {
        throw this.#error(`${this.#found()} inside a string`, byte === undefined ? "a closing quote" : "an escape");
      }
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        escaped = true;
        this.#position = Math.min(this.#position + 2, this.#bytes.length);
      } else {
        this.#position++;
      }
    }
    const text = this.#decoder.decode(this.#bytes.subarray(start, this.#position));
    this.#position++;
    return escaped ? this.#unescape(text, start) : text;
  }

  /**
   * Reads the end of the document; whitespace may come before it.
   * @throws {CheckpointError} if anything else is left
   */
  readEnd(): void {
    this.#skipWhitespace();
    if (this.#position < this.#bytes.length) throw this.#error(this.#found(), "nothing but whitespace");
  }

  get #at(): number {
    return this.#origin + this.#position;
  }

  #readInteger(): number {
    this.#skipWhitespace();
    const start = this.#position;
    let end = start;
    while (end < this.#bytes.length && isNumberByte(this.#bytes[end]!)) end++;
    const needed = "an integer from 0 to 2^53 - 1";
    if (end === start) throw this.#error(this.#found(), needed);
    const token = String.fromCharCode(...this.#bytes.subarray(start, Math.min(end, start + 40)));
    const value = Number(token);
    if (!/^(0|[1-9][0-9]*)$/.test(token) || !Number.isSafeInteger(value)) {
      throw this.#error(`${token} at byte ${this.#at}`, needed);
    }
    this.#position = end;
    return value;
  }

  #unescape(text: string, start: number): string {
    let value: string;
    try {
      // The text holds no raw control character and no bare quote, so this parses one string literal.
      value = JSON.parse(`"${text}"`);
    } catch {
      throw this.#error(`a malformed escape in the string at byte ${this.#origin + start}`, "an escape of JSON");
    }
    if (!value.isWellFormed()) {
      throw this.#error(`half a surrogate pair in the string at byte ${this.#origin + start}`, "a whole pair");
    }
    return value;
  }

  #open(byte: number, what: string): void {
    this.#skipWhitespace();
    if (this.#bytes[this.#position] !== byte) throw this.#error(this.#found(), what);
    this.#position++;
  }

  #closes(byte: number): boolean {
    this.#skipWhitespace();
    if (this.#bytes[this.#position] !== byte) return false;
    this.#position++;
    return true;
  }

  #continues(close: number, what: string): boolean {
    if (this.#closes(close)) return false;
    this.#open(COMMA, what);
    return true;
  }

  #skipWhitespace(): void {
    for (;;) {
      const byte = this.#bytes[this.#position];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.#position++;
    }
  }

  #found(): string {
    const byte = this.#bytes[this.#position];
    const at = `at byte ${this.#at}`;
    if (byte === undefined) return `the header ends ${at}`;
    if (byte === QUOTE) return `a string ${at}`;
    if (byte === OPEN_BRACE) return `an object ${at}`;
    if (byte === OPEN_BRACKET) return `an array ${at}`;
    if (isNumberByte(byte) && byte !== 0x65 && byte !== 0x45) return `a number ${at}`;
    const shown = byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `byte 0x${byte.toString(16)}`;
    return `${shown} ${at}`;
  }

  #error(found: string, needed: string): CheckpointError {
    const where = this.context === "" ? "" : ` in ${this.context}`;
    return new CheckpointError(
      `Cannot load ${quoteName(this.#fileName)}: the header is malformed: ${found}${where}, ${needed} is needed`,
    );
  }
}

/** Digits, sign, point and exponent, which together form every number token. */
function isNumberByte(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2b || byte === 0x2e || byte === 0x65 ||
    byte === 0x45;
}

/** Index of the first byte that begins no valid UTF-8 sequence (RFC 3629, section 4), or -1. */
function firstInvalidUtf8(bytes: Uint8Array): number {
  let i = 0;
  while (i < bytes.length) {
    const lead = bytes[i]!;
    if (lead < 0x80) {
      i++;
      continue;
    }
    const following = lead < 0xc2 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : 0;
    if (following === 0) return i;
    // The second byte is narrower where longer forms, surrogates and values past U+10FFFF would begin.
    const second = bytes[i + 1] ?? 0;
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) return i;
    for (let k = 2; k <= following; k++) {
      if (((bytes[i + k] ?? 0) & 0xc0) !== 0x80) return i;
    }
    i += following + 1;
  }
  return -1;
}
