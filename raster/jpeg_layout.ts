/** What the segments of a JPEG file state (ITU-T T.81), without decoding its pixels. */
import { joinBytes } from "./bytes.ts";
import { DecodeError } from "./decode_error.ts";

/** What a file says beside its pixels and can be kept in another file. */
export interface PictureMetadata {
  /** A TIFF block of EXIF tags, as stored. */
  readonly exif?: Uint8Array<ArrayBuffer>;
  /** An ICC profile that belongs to the samples; absent where they were converted to sRGB. */
  readonly icc?: Uint8Array<ArrayBuffer>;
  /** Pixels per metre across and down. */
  readonly density?: readonly [across: number, down: number];
}

/** How a JPEG file was quantised (ITU-T T.81, A.3.4). */
export interface JpegQuantization {
  /** For each component its 64 steps: entry 8 v + u belongs to the vertical frequency v and the horizontal one u. */
  readonly tables: readonly ArrayLike<number>[];
  /** For each component its sampling factors, 1 to 4. */
  readonly sampling: readonly { readonly horizontal: number; readonly vertical: number }[];
  /** Of what space the components are. */
  readonly color: "gray" | "rgb" | "ycbcr" | "cmyk" | "ycck";
  /** Size as stored, before the picture is turned upright; blocks begin at the stored upper left corner. */
  readonly width: number;
  /** Rows as stored. */
  readonly height: number;
  /** [H, W] or [H, W, 3] as stored: samples of the components, repeated over their pixels; of complete files alone. */
  readonly planes?: Uint8Array<ArrayBuffer>;
}

/** One colour component of a frame. */
export interface JpegComponent {
  /** What scans call it. */
  readonly id: number;
  /** Horizontal sampling factor, 1 to 4. */
  readonly horizontal: number;
  /** Vertical sampling factor, 1 to 4. */
  readonly vertical: number;
}

/** What the segments of a JPEG file state, and the file without the segments that do not decide pixels. */
export interface JpegLayout {
  /** Columns as stored. */
  readonly width: number;
  /** Rows as stored. */
  readonly height: number;
  /** Its components, in the order of the frame. */
  readonly components: readonly JpegComponent[];
  /** How their samples are to be understood. */
  readonly color: JpegQuantization["color"];
  /** Start mark, tables, frame, Adobe segment of a four-component file, scans and end mark, in order. */
  readonly essential: readonly Uint8Array<ArrayBuffer>[];
  /** Where the file ends before its end mark: among the data of the last scan, or after them. */
  readonly cut?: "in scan" | "after scan";
  /** How it was quantised; without samples. */
  readonly quantization: JpegQuantization;
  /** What can be kept in another file. */
  readonly metadata: PictureMetadata;
  /** The XMP packet; absent if there is none. */
  readonly xmp?: Uint8Array<ArrayBuffer>;
}

/** What stands before the XMP packet in its segment (XMP specification, part 3, 1.1.3). */
export const XMP_INTRODUCTION = "http://ns.adobe.com/xap/1.0/\0";

/** Column and row of the 64 coefficients in the order of a file (T.81, figure 5): along diagonals, to and fro. */
const ZIGZAG: readonly number[] = Array.from({ length: 64 }, (_, i) => i).sort((a, b) => {
  const [diagonalA, diagonalB] = [a, b].map((i) => (i >> 3) + (i & 7)) as [number, number];
  return diagonalA - diagonalB || (diagonalA % 2 === 0 ? b - a : a - b);
});

/** More scans than any encoder writes (10 are usual); each costs a pass over the picture. */
const MAX_SCANS = 250;

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;

/** Kinds of frame that are refused, by the low bits of the marker. */
const FRAME_NAMES: Readonly<Record<number, string>> = {
  3: "a lossless",
  5: "a hierarchical",
  6: "a hierarchical progressive",
  7: "a hierarchical lossless",
  9: "an arithmetic-coded",
  10: "an arithmetic-coded progressive",
  11: "an arithmetic-coded lossless",
};

/**
 * Walks the segments of a JPEG file from start to end mark (ITU-T T.81, annex B).
 *
 * @param bytes The whole file.
 * @param onFrame Called with the stated size as soon as it is known; may throw to refuse it.
 * @returns Size, components, colour space, tables, metadata, and the parts a decoder needs.
 * @throws DecodeError If the file is truncated before its first scan, its segments do not follow each other, or its kind is not supported.
 */
export function readJpegLayout(
  bytes: Uint8Array<ArrayBuffer>,
  onFrame: (width: number, height: number) => void,
): JpegLayout {
  const essential = [bytes.subarray(0, 2)];
  let frame: Uint8Array<ArrayBuffer> | undefined;
  let jfif = false;
  let adobe: Uint8Array<ArrayBuffer> | undefined;
  let scans = 0;
  let restartInterval = 0;
  let cut: JpegLayout["cut"];
  const tables: Uint16Array<ArrayBuffer>[] = [];
  const profile: Uint8Array<ArrayBuffer>[] = [];
  let metadata: PictureMetadata = {};
  let xmp: Uint8Array<ArrayBuffer> | undefined;
  let offset = 2;
  for (;;) {
    if (scans > 0 && isCut(bytes, offset)) {
      cut = "after scan";
      break;
    }
    if (bytes[offset] !== 0xff && offset < bytes.length) {
      throw new DecodeError(`the JPEG file is damaged at byte ${offset}: a marker is needed there`);
    }
    // Any number of 0xff may stand before a marker.
    while (bytes[offset + 1] === 0xff) offset++;
    const marker = bytes[offset + 1];
    if (marker === undefined) throw truncated(bytes.length);
    if (marker === EOI) {
      essential.push(bytes.subarray(offset, offset + 2));
      break;
    }
    if (marker === SOI || marker <= 1 || (marker >= 0xd0 && marker <= 0xd7)) {
      throw new DecodeError(`the JPEG file is damaged at byte ${offset}: a marker stands there that belongs elsewhere`);
    }
    const length = (bytes[offset + 2] ?? 0) * 256 + (bytes[offset + 3] ?? 0);
    let end = offset + 2 + length;
    if (offset + 4 > bytes.length || end > bytes.length) throw truncated(bytes.length);
    if (length < 2) {
      throw new DecodeError(`the JPEG file is damaged at byte ${offset}: a segment has an impossible length`);
    }
    const body = bytes.subarray(offset + 4, end);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) {
      if (frame) throw new DecodeError("the JPEG file is damaged: it has two frames");
      checkFrame(marker, body, onFrame);
      frame = body;
    } else if (marker === SOS) {
      if (!frame) throw new DecodeError("the JPEG file is damaged: pixel data stand before the header of the frame");
      checkScan(body, frame, restartInterval);
      if (++scans > MAX_SCANS) throw new DecodeError(`the JPEG file has more than ${MAX_SCANS} scans; save it again`);
      const next = endOfScan(bytes, end);
      if (next === undefined) {
        cut = "in scan";
        essential.push(withoutZeros(bytes.subarray(offset)));
        break;
      }
      end = next;
    } else if (marker === 0xdd) {
      restartInterval = (body[0] ?? 0) * 256 + (body[1] ?? 0);
    } else if (marker === 0xe0 && startsWith(body, "JFIF\0")) {
      jfif = true;
      const density = densityOf(body);
      if (density) metadata = { ...metadata, density };
    } else if (marker === 0xe1 && startsWith(body, "Exif\0") && metadata.exif === undefined) {
      metadata = { ...metadata, exif: body.subarray(6) };
    } else if (marker === 0xe1 && startsWith(body, XMP_INTRODUCTION)) {
      xmp ??= body.subarray(XMP_INTRODUCTION.length);
    } else if (marker === 0xe2 && startsWith(body, "ICC_PROFILE\0")) {
      // Numbered from 1, for a profile may need several segments.
      profile[(body[12] ?? 1) - 1] = body.subarray(14);
    } else if (marker === 0xdb) {
      readTables(body, tables);
    } else if (marker === 0xee && startsWith(body, "Adobe") && body.length >= 12) {
      adobe = body;
    }
    const isTable = marker === 0xdb || marker === 0xc4 || marker === 0xdd;
    if (isFrame || isTable || marker === SOS) essential.push(bytes.subarray(offset, end));
    offset = end;
  }
  if (!frame || scans === 0) throw new DecodeError("the JPEG file holds no picture");
  const components = readComponents(frame);
  const color = colorOf(components, jfif, adobe?.[11]);
  // The decoder converts four components only as the Adobe segment says; three are converted by the caller.
  if (components.length === 4) essential.splice(1, 0, adobeSegment(color === "ycck" ? 2 : 0));
  const height = frame[1]! * 256 + frame[2]!;
  const width = frame[3]! * 256 + frame[4]!;
  const quantization = {
    tables: components.map((_, i) => tables[frame[8 + 3 * i]!] ?? new Uint16Array(64).fill(1)),
    sampling: components.map(({ horizontal, vertical }) => ({ horizontal, vertical })),
    color,
    width,
    height,
  };
  const icc = joinBytes(profile.filter(Boolean));
  return {
    ...{ width, height, components, color, essential, quantization },
    metadata: icc.length > 0 ? { ...metadata, icc } : metadata,
    ...(cut ? { cut } : {}),
    ...(xmp ? { xmp } : {}),
  };
}

/** Whether the file ends before the next segment does. */
function isCut(bytes: Uint8Array, offset: number): boolean {
  let at = offset;
  while (bytes[at + 1] === 0xff) at++;
  if (bytes[at + 1] === EOI) return false;
  const length = (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0);
  return at + 4 > bytes.length || (bytes[at] === 0xff && at + 2 + length > bytes.length);
}

/** Data without the zeros at their end, which stand for what was never written where a transfer was broken off. */
function withoutZeros(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return bytes.subarray(0, bytes.findLastIndex((byte) => byte !== 0) + 1);
}

/** Pixels per metre of a JFIF segment, where it states them and not an aspect ratio alone. */
function densityOf(body: Uint8Array): PictureMetadata["density"] {
  const scale = body[7] === 1 ? 1 / 0.0254 : body[7] === 2 ? 100 : 0;
  const [across, down] = [8, 10].map((at) => Math.round(((body[at] ?? 0) * 256 + (body[at + 1] ?? 0)) * scale));
  return across! > 0 && down! > 0 ? [across!, down!] : undefined;
}

/** Reads the quantisation tables of a segment, each of 8 or 16 bits, into their places (T.81, B.2.4.1). */
function readTables(body: Uint8Array, tables: Uint16Array<ArrayBuffer>[]): void {
  for (let at = 0; at < body.length;) {
    const size = body[at]! >> 4 === 0 ? 1 : 2;
    const table = new Uint16Array(64);
    ZIGZAG.forEach((place, i) => {
      const from = at + 1 + size * i;
      table[place] = size === 1 ? body[from] ?? 0 : (body[from] ?? 0) * 256 + (body[from + 1] ?? 0);
    });
    tables[body[at]! & 15] = table;
    at += 1 + 64 * size;
  }
}

/** Refuses a frame of a kind, depth, size or component count that cannot be decoded. */
function checkFrame(marker: number, body: Uint8Array, onFrame: (width: number, height: number) => void): void {
  const count = body[5] ?? 0;
  if (body.length < 6 || body.length !== 6 + 3 * count) {
    throw new DecodeError("the JPEG file is damaged: the header of its frame has a wrong length");
  }
  if (marker > 0xc2) {
    const kind = FRAME_NAMES[marker & 15] ?? "a hierarchical";
    throw new DecodeError(`it is ${kind} JPEG, baseline or progressive is needed; save it again in another program`);
  }
  if (body[0] !== 8) {
    throw new DecodeError(`it is a JPEG of ${body[0]} bits, 8 bits are needed; save it as a 16-bit PNG`);
  }
  if (body[1] === 0 && body[2] === 0) {
    throw new DecodeError("the JPEG header leaves the height open, which is not supported; save it again");
  }
  if (![1, 3, 4].includes(count)) throw new DecodeError(`it is a JPEG of ${count} components, 1, 3 or 4 are needed`);
  onFrame(body[3]! * 256 + body[4]!, body[1]! * 256 + body[2]!);
  const components = readComponents(body);
  const factorsFit = components.every(({ horizontal, vertical }) =>
    horizontal >= 1 && horizontal <= 4 && vertical >= 1 && vertical <= 4
  );
  if (!factorsFit || new Set(components.map(({ id }) => id)).size !== count) {
    throw new DecodeError("the JPEG file is damaged: its components have impossible sampling factors or equal names");
  }
}

/** Refuses a scan header that names no component of the frame, and a combination that the decoder gets wrong. */
function checkScan(body: Uint8Array, frame: Uint8Array, restartInterval: number): void {
  const count = body[0] ?? 0;
  const components = readComponents(frame);
  const named = Array.from({ length: count }, (_, i) => components.find(({ id }) => id === body[1 + 2 * i]));
  const [first] = named;
  if (first === undefined || named.includes(undefined) || body.length !== 4 + 2 * count) {
    throw new DecodeError("the JPEG file is damaged: the header of a scan does not fit the frame");
  }
  if (count > 1 || restartInterval === 0) return;
  // jpeg-js fills up the last restart interval of such a scan, as far as it has rows of blocks to fill.
  const rows = Math.ceil((frame[1]! * 256 + frame[2]!) / 8);
  const columns = Math.ceil((frame[3]! * 256 + frame[4]!) / 8);
  const maxVertical = Math.max(...components.map(({ vertical }) => vertical));
  const maxHorizontal = Math.max(...components.map(({ horizontal }) => horizontal));
  const usedRows = Math.ceil((rows * first.vertical) / maxVertical);
  const filledRows = Math.ceil(rows / maxVertical) * first.vertical;
  const usedColumns = Math.ceil((columns * first.horizontal) / maxHorizontal);
  if (filledRows > usedRows && (usedRows * usedColumns) % restartInterval !== 0) {
    throw new DecodeError(
      "it is a JPEG with restart markers in separate scans per colour, which is not supported; save it again without them",
    );
  }
}

function readComponents(frame: Uint8Array): readonly JpegComponent[] {
  return Array.from({ length: frame[5]! }, (_, i) => {
    const factors = frame[7 + 3 * i]!;
    return { id: frame[6 + 3 * i]!, horizontal: factors >> 4, vertical: factors & 15 };
  });
}

/** The marker after entropy-coded data, to which stuffed zeros and restart markers belong; nothing if the file ends. */
function endOfScan(bytes: Uint8Array, offset: number): number | undefined {
  for (let at = offset;;) {
    at = bytes.indexOf(0xff, at);
    if (at < 0 || at + 1 >= bytes.length) return undefined;
    const next = bytes[at + 1]!;
    if (next === 0xff) at += 1;
    else if (next === 0 || (next >= 0xd0 && next <= 0xd7)) at += 2;
    else return at;
  }
}

/** The colour space by the rules of libjpeg: JFIF first, then the Adobe segment, then the names of the components. */
function colorOf(
  components: readonly JpegComponent[],
  jfif: boolean,
  adobeTransform: number | undefined,
): JpegQuantization["color"] {
  if (components.length === 1) return "gray";
  if (components.length === 4) {
    if (adobeTransform === undefined) {
      throw new DecodeError(
        "it is a CMYK JPEG without an Adobe segment, so it is open whether its inks are inverted; save it as RGB",
      );
    }
    return adobeTransform === 2 ? "ycck" : "cmyk";
  }
  if (jfif) return "ycbcr";
  if (adobeTransform !== undefined) return adobeTransform === 0 ? "rgb" : "ycbcr";
  return String.fromCharCode(...components.map(({ id }) => id)) === "RGB" ? "rgb" : "ycbcr";
}

/** An APP14 segment with the given colour transform. */
function adobeSegment(transform: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(0xff, 0xee, 0, 14, ...new TextEncoder().encode("Adobe"), 0, 100, 0, 0, 0, 0, transform);
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  return bytes.length >= text.length && [...text].every((letter, i) => bytes[i] === letter.charCodeAt(0));
}

function truncated(length: number): DecodeError {
  return new DecodeError(
    `the JPEG file is truncated: it ends at byte ${length}, before its end mark; get a complete copy`,
  );
}
