/** Texts in PNG files, such as how a picture was made. */
import { pngChunk, readPngChunks } from "./png_chunks.ts";

/**
 * Reads the texts of a PNG file (PNG specification, 11.3.3): Latin-1 and UTF-8, plain and compressed.
 *
 * @param bytes The whole file.
 * @param inflate Decompresses zlib data; nothing for data that are damaged or too long.
 * @returns Texts by their keywords; of several with one keyword the first; those that do not inflate are left out.
 * @throws DecodeError If the file is truncated or damaged.
 */
export function readPngTexts(
  bytes: Uint8Array<ArrayBuffer>,
  inflate: (data: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> | undefined,
): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const { type, data } of readPngChunks(bytes).chunks) {
    if (!["tEXt", "zTXt", "iTXt"].includes(type)) continue;
    const end = data.indexOf(0);
    const keyword = latinOf(data.subarray(0, end));
    let text: Uint8Array<ArrayBuffer> | undefined = data.subarray(end + (type === "zTXt" ? 2 : 1));
    if (type === "iTXt") {
      // Two bytes for the compression, then a language and a translated keyword, each ended by a zero.
      text = text.subarray(text.indexOf(0, text.indexOf(0, 2) + 1) + 1);
    }
    if (type === "zTXt" || (type === "iTXt" && data[end + 1] === 1)) text = inflate(text);
    if (end > 0 && text && !Object.hasOwn(texts, keyword)) {
      texts[keyword] = type === "iTXt" ? new TextDecoder().decode(text) : latinOf(text);
    }
  }
  return texts;
}

/** Latin-1 as PNG has it; what TextDecoder calls so is another table between 0x80 and 0x9f. */
function latinOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** Texts up to this length are titles, which old programs show too. */
const TITLE = 79;

/**
 * A text as a chunk: tEXt for a title in Latin-1, else iTXt, uncompressed.
 *
 * @param keyword 1 to 79 printable characters of Latin-1.
 * @param value The text.
 * @returns The bytes as they stand in a file.
 * @throws RangeError If the keyword or the text cannot be stored.
 */
export function pngTextChunk(keyword: string, value: string): Uint8Array<ArrayBuffer> {
  const latin = (string: string): Uint8Array => Uint8Array.from(string, (character) => character.charCodeAt(0));
  // PNG allows the printable characters of Latin-1, and no space at either end.
  const keywordFits = /^[ -~\u00a1-\u00ff]{1,79}$/.test(keyword) && keyword.trim() === keyword;
  if (!keywordFits || value.includes("\0")) {
    throw new RangeError(
      `Cannot store the text "${keyword}" in a PNG: keywords have 1 to 79 Latin-1 characters, texts no zero character`,
    );
  }
  // deno-lint-ignore no-control-regex
  if (value.length <= TITLE && /^[\u0000-\u00ff]*$/.test(value)) {
    return pngChunk("tEXt", Uint8Array.from([...latin(keyword), 0, ...latin(value)]));
  }
  const utf8 = new TextEncoder().encode(value);
  // Five zeros: end of the keyword, uncompressed, method 0, empty language and empty translated keyword.
  return pngChunk("iTXt", Uint8Array.from([...latin(keyword), 0, 0, 0, 0, 0, ...utf8]));
}
