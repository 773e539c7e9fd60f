/** EXIF blocks: a TIFF file without pixels (EXIF 2.32, 4.5). */

/** Places of tags that lead to further directories. */
const SUBDIRECTORIES = [0x8769, 0x8825, 0xa005];

const TAGS = {
  orientation: 0x0112,
  width: 0xa002,
  height: 0xa003,
  thumbnail: 0x0201,
  thumbnailLength: 0x0202,
  resolution: 0x011a,
};

/** Bytes of a value by its type; 1 where the type is not known. */
const TYPE_BYTES: readonly number[] = [1, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8];

/** One entry of a directory. */
interface Entry {
  readonly tag: number;
  readonly type: number;
  /** Where its value stands, in the entry itself. */
  readonly at: number;
}

/**
 * An EXIF block for a picture that was changed: upright, of its size, and without the thumbnail, which shows the old
 * picture. All other tags, such as date, camera and copyright, stay where they are.
 *
 * @param exif The block as stored.
 * @param size Columns and rows of the picture that is written.
 * @returns The block, or nothing if it is damaged.
 */
export function renewedExif(
  exif: Uint8Array<ArrayBuffer>,
  { width, height }: { readonly width: number; readonly height: number },
): Uint8Array<ArrayBuffer> | undefined {
  const bytes = exif.slice();
  const view = new DataView(bytes.buffer);
  const little = bytes[0] === 0x49;
  try {
    if (!isTiff(view)) return undefined;
    const first = view.getUint32(4, little);
    const entries = entriesOf(view, little, first);
    const inner = entries.filter(({ tag }) => SUBDIRECTORIES.includes(tag)).flatMap(({ at }) =>
      entriesOf(view, little, view.getUint32(at, little))
    );
    const wanted = new Map([[TAGS.orientation, 1], [TAGS.width, width], [TAGS.height, height]]);
    for (const { tag, type, at } of [...entries, ...inner]) {
      const value = wanted.get(tag);
      if (value === undefined) continue;
      if (type === 3) view.setUint16(at, value, little);
      else if (type === 4) view.setUint32(at, value, little);
    }
    const link = first + 2 + 12 * entries.length;
    const second = view.getUint32(link, little);
    view.setUint32(link, 0, little);
    return second === 0 ? bytes : withoutThumbnail(bytes, view, little, second);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * The orientation that a block states.
 *
 * @param exif The block as stored.
 * @returns 1 to 8 (EXIF 2.32, 4.6.4); 1 where it states none, or is damaged.
 */
export function statedOrientation(exif: Uint8Array<ArrayBuffer>): number {
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  const little = exif[0] === 0x49;
  try {
    if (!isTiff(view)) return 1;
    const found = entriesOf(view, little, view.getUint32(4, little)).find(({ tag }) => tag === TAGS.orientation);
    if (!found) return 1;
    const value = found.type === 4 ? view.getUint32(found.at, little) : view.getUint16(found.at, little);
    return value >= 1 && value <= 8 ? value : 1;
  } catch (error) {
    if (error instanceof RangeError) return 1;
    throw error;
  }
}

/** Whether a block begins as a TIFF file does, in either byte order. */
function isTiff(view: DataView): boolean {
  const order = view.getUint16(0);
  return (order === 0x4949 || order === 0x4d4d) && view.getUint16(2, order === 0x4949) === 42;
}

/** A block without tags: big-endian, one empty directory. */
const EMPTY = Uint8Array.of(0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0);

/**
 * An EXIF block that states the density of the picture, for formats that have no other place for it.
 *
 * @param exif A sound block without thumbnail, as `renewedExif` gives it; none by default.
 * @param density Pixels per metre across and down.
 * @returns The block with resolution tags in pixels per inch; as it is if it states them already.
 */
export function withDensity(
  exif: Uint8Array<ArrayBuffer> = EMPTY,
  density: readonly [across: number, down: number],
): Uint8Array<ArrayBuffer> {
  const old = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  const little = exif[0] === 0x49;
  const first = old.getUint32(4, little);
  const entries = entriesOf(old, little, first);
  if (entries.some(({ tag }) => tag === TAGS.resolution)) return exif;
  // The first directory moves to the end, where there is room for three more tags; whatever it points to stays.
  const start = exif.length + (exif.length & 1);
  const values = start + 2 + 12 * (entries.length + 3) + 4;
  const bytes = new Uint8Array(values + 16);
  bytes.set(exif);
  const view = new DataView(bytes.buffer);
  const added = [[0x011a, 5, values], [0x011b, 5, values + 8], [0x0128, 3, 2]].map(([tag, type, value]) => {
    const entry = new DataView(new ArrayBuffer(12));
    entry.setUint16(0, tag!, little);
    entry.setUint16(2, type!, little);
    entry.setUint32(4, 1, little);
    if (type === 3) entry.setUint16(8, value!, little);
    else entry.setUint32(8, value!, little);
    return { tag: tag!, entry: new Uint8Array(entry.buffer) };
  });
  const kept = entries.map(({ tag }, i) => ({ tag, entry: exif.subarray(first + 2 + 12 * i, first + 14 + 12 * i) }));
  const all = [...kept, ...added].sort((a, b) => a.tag - b.tag);
  view.setUint32(4, start, little);
  view.setUint16(start, all.length, little);
  all.forEach(({ entry }, i) => bytes.set(entry, start + 2 + 12 * i));
  density.forEach((perMetre, i) => {
    view.setUint32(values + 8 * i, Math.round(perMetre * 2.54), little);
    view.setUint32(values + 8 * i + 4, 100, little);
  });
  return bytes;
}

/** Blanks the directory of the thumbnail and its picture, and cuts the picture off where it is the end of the block. */
function withoutThumbnail(
  bytes: Uint8Array<ArrayBuffer>,
  view: DataView,
  little: boolean,
  directory: number,
): Uint8Array<ArrayBuffer> {
  const entries = entriesOf(view, little, directory);
  const valueOf = (wanted: number): number => {
    const at = entries.find(({ tag }) => tag === wanted)?.at;
    return at === undefined ? 0 : view.getUint32(at, little);
  };
  const [from, length] = [valueOf(TAGS.thumbnail), valueOf(TAGS.thumbnailLength)];
  bytes.fill(0, from, from + length);
  bytes.fill(0, directory, directory + 2 + 12 * entries.length + 4);
  return length > 0 && from + length >= bytes.length ? bytes.slice(0, from) : bytes;
}

function entriesOf(view: DataView, little: boolean, directory: number): Entry[] {
  return Array.from({ length: view.getUint16(directory, little) }, (_, i) => {
    const at = directory + 2 + 12 * i;
    const [tag, type] = [view.getUint16(at, little), view.getUint16(at + 2, little)];
    const size = (TYPE_BYTES[type] ?? 1) * view.getUint32(at + 4, little);
    return { tag, type, at: size <= 4 || SUBDIRECTORIES.includes(tag) ? at + 8 : view.getUint32(at + 8, little) };
  });
}
