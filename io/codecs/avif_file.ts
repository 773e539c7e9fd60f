/** AVIF: the boxes here, the coder by libavif. */
import { checkSize, type Decoded, DecodeError, imageOfRgba, lettersAt } from "./image.ts";
import { colourSpaceOf } from "./colour_profile.ts";

/** A box of the ISO base media file format (ISO/IEC 14496-12). */
interface Box {
  /** Four letters. */
  readonly type: string;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** What the boxes say of the picture that is shown. */
interface AvifHeader {
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: boolean;
  /** Bits per sample as coded. */
  readonly depth: number;
  readonly orientation: number;
  readonly icc: Uint8Array<ArrayBuffer> | undefined;
  readonly exif: Uint8Array<ArrayBuffer> | undefined;
  /** Primaries and transfer by their numbers in ITU-T H.273. */
  readonly nclx: readonly [primaries: number, transfer: number] | undefined;
}

/** EXIF orientation by quarter turns against the clock (irot) and what is exchanged then (imir): nothing, rows, columns. */
const ORIENTATIONS = [[1, 4, 2], [8, 5, 7], [3, 2, 4], [6, 7, 5]] as const;

/**
 * Decodes an AVIF file; more than 8 bits become 16. Turning and mirroring are stated, not applied.
 *
 * @param bytes The whole file.
 * @param maxPixels Largest allowed number of pixels; the header is judged before anything is allocated.
 * @returns The image as stored, its orientation, sentences for the user, and its profile.
 * @throws DecodeError If the file is truncated, damaged or too large.
 */
export async function decodeAvif(bytes: Uint8Array<ArrayBuffer>, maxPixels: number): Promise<Decoded> {
  const { width, height, hasAlpha, depth, orientation, icc, exif, nclx } = readHeader(bytes);
  checkSize(width, height, maxPixels);
  const { default: decode } = await import("@jsquash/avif/decode.js");
  let decoded;
  try {
    const whole = bytes.slice().buffer;
    decoded = depth > 8 ? await decode(whole, { bitDepth: 16 }) : await decode(whole);
  } catch (error) {
    throw new DecodeError("the AVIF file is damaged: its pixel data cannot be decoded", { cause: error });
  }
  if (decoded?.width !== width || decoded.height !== height) {
    throw new DecodeError("the AVIF file is damaged: its picture has another size than its header states");
  }
  const [primaries = 2, transfer = 2] = icc ? [] : nclx ?? [];
  const space = colourSpaceOf(primaries, transfer);
  return {
    image: imageOfRgba(decoded, hasAlpha),
    warnings: typeof space === "string" ? [space] : [],
    metadata: { ...(icc ? { icc } : {}), ...(exif ? { exif } : {}) },
    ...(typeof space === "object" ? { colours: space } : {}),
    orientation,
    lossy: true,
  };
}

/** What the properties of the primary picture state (ISO/IEC 23008-12, 6.5; AV1 in ISOBMFF, 2.3). */
function readHeader(bytes: Uint8Array<ArrayBuffer>): AvifHeader {
  const meta = find(readBoxes(bytes), "meta")?.subarray(4);
  const boxes = meta ? readBoxes(meta) : [];
  const pitm = find(boxes, "pitm");
  const iprp = find(boxes, "iprp");
  if (!pitm || !iprp) {
    throw new DecodeError("the AVIF file is damaged or truncated: it does not say what picture it holds");
  }
  const primary = pitm[0] === 0 ? uint(pitm, 4, 2) : uint(pitm, 4, 4);
  const properties = readBoxes(iprp);
  const all = readBoxes(find(properties, "ipco") ?? new Uint8Array(0));
  const ofItem = associations(find(properties, "ipma"));
  const own = (ofItem.get(primary) ?? []).flatMap((index) => all[index - 1] ?? []);
  const size = find(own, "ispe");
  if (!size || size.length < 12) {
    throw new DecodeError("the AVIF file is damaged: it does not state the size of its picture");
  }
  const [width, height] = [uint(size, 4, 4), uint(size, 8, 4)];
  const colours = own.filter(({ type }) => type === "colr").map(({ data }) => data);
  const nclx = colours.find((data) => lettersAt(data, 0, 4) === "nclx");
  const turns = (find(own, "irot")?.[0] ?? 0) & 3;
  const mirror = find(own, "imir")?.[0];
  const isAlpha = ({ type, data }: Box): boolean =>
    type === "auxC" && /alpha|auxid:1/.test(lettersAt(data, 4, data.length));
  return {
    width,
    height,
    hasAlpha: all.some(isAlpha),
    depth: find(own, "pixi")?.[5] ?? 8,
    orientation: ORIENTATIONS[turns]![mirror === undefined ? 0 : 1 + (mirror & 1)]!,
    icc: colours.find((data) => ["prof", "rICC"].includes(lettersAt(data, 0, 4)))?.slice(4),
    exif: exifOf(bytes, find(boxes, "iinf"), find(boxes, "iloc")),
    nclx: nclx && [uint(nclx, 4, 2), uint(nclx, 6, 2)],
  };
}

/** The EXIF block: an item of that type, where it lies, and in it the block after its own offset (ISO/IEC 23008-12, A.2.1). */
function exifOf(
  bytes: Uint8Array<ArrayBuffer>,
  iinf: Uint8Array<ArrayBuffer> | undefined,
  iloc: Uint8Array<ArrayBuffer> | undefined,
): Uint8Array<ArrayBuffer> | undefined {
  if (!iinf || !iloc) return undefined;
  const infos = readBoxes(iinf.subarray(iinf[0] === 0 ? 6 : 8)).filter(({ type }) => type === "infe");
  const info = infos.find(({ data }) => lettersAt(data, data[0] === 2 ? 8 : 10, 4) === "Exif")?.data;
  if (!info) return undefined;
  const wanted = uint(info, 4, info[0] === 2 ? 2 : 4);
  const version = iloc[0]!;
  const [offsetSize, lengthSize] = [iloc[4]! >> 4, iloc[4]! & 15];
  const [baseSize, indexSize] = [iloc[5]! >> 4, version === 0 ? 0 : iloc[5]! & 15];
  const idSize = version < 2 ? 2 : 4;
  let at = 6 + idSize;
  for (let item = uint(iloc, 6, idSize); item > 0 && at < iloc.length; item--) {
    const id = uint(iloc, at, idSize);
    at += idSize + (version === 0 ? 2 : 4);
    const base = uint(iloc, at, baseSize);
    const extents = uint(iloc, at + baseSize, 2);
    at += baseSize + 2;
    if (id === wanted && extents === 1) {
      const from = base + uint(iloc, at + indexSize, offsetSize);
      const data = bytes.subarray(from, from + uint(iloc, at + indexSize + offsetSize, lengthSize));
      return data.slice(4 + uint(data, 0, 4));
    }
    at += extents * (indexSize + offsetSize + lengthSize);
  }
  return undefined;
}

/** Numbers of the properties of each item. */
function associations(ipma: Uint8Array<ArrayBuffer> | undefined): ReadonlyMap<number, readonly number[]> {
  const found = new Map<number, readonly number[]>();
  if (!ipma) return found;
  const [idSize, wide] = [ipma[0]! < 1 ? 2 : 4, (ipma[3]! & 1) === 1];
  let at = 8;
  for (let entry = 0; entry < uint(ipma, 4, 4) && at < ipma.length; entry++) {
    const id = uint(ipma, at, idSize);
    const count = ipma[at + idSize] ?? 0;
    at += idSize + 1;
    found.set(
      id,
      Array.from({ length: count }, (_, i) => wide ? uint(ipma, at + 2 * i, 2) & 0x7fff : ipma[at + i]! & 0x7f),
    );
    at += count * (wide ? 2 : 1);
  }
  return found;
}

function readBoxes(bytes: Uint8Array<ArrayBuffer>): Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    const [stated, type] = [uint(bytes, at, 4), lettersAt(bytes, at + 4, 4)];
    const header = stated === 1 ? 16 : 8;
    const length = stated === 0 ? bytes.length - at : stated === 1 ? uint(bytes, at + 8, 8) : stated;
    if (length < header) break;
    boxes.push({ type, data: bytes.subarray(at + header, at + length) });
    at += length;
  }
  return boxes;
}

function find(boxes: readonly Box[], wanted: string): Uint8Array<ArrayBuffer> | undefined {
  return boxes.find(({ type }) => type === wanted)?.data;
}

/** A big-endian whole number; zeros beyond the end. */
function uint(bytes: Uint8Array, offset: number, length: number): number {
  return Array.from({ length }, (_, i) => bytes[offset + i] ?? 0).reduce((value, byte) => 256 * value + byte, 0);
}
