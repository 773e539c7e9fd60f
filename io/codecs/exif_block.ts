/** EXIF blocks: a TIFF file without pixels (EXIF 2.32, 4.5). */

/** Places of tags that lead to further directories. */
const SUBDIRECTORIES = [0x8769, 0x8825, 0xa005];

const TAGS = { orientation: 0x0112, width: 0xa002, height: 0xa003, thumbnail: 0x0201, thumbnailLength: 0x0202 };

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
    if (view.getUint16(0) !== (little ? 0x4949 : 0x4d4d) || view.getUint16(2, little) !== 42) return undefined;
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
