/** Arrays of NumPy (NEP 1: format 1 to 3): whole numbers, real numbers and truth values. */
import { DecodeError } from "./decode_error.ts";
import type { Image } from "./image.ts";

/** An array as stored. */
export interface StoredArray {
  /** Outermost first; empty for a single number. */
  readonly shape: readonly number[];
  /** Kind and bytes of a value as NumPy writes them: `b1`, `i1` to `i8`, `u1` to `u8`, `f2`, `f4`, `f8`. */
  readonly dtype: string;
  /** Values, the last axis fastest. */
  readonly data: Float64Array<ArrayBuffer>;
}

/** First bytes of a file. */
const MAGIC = Uint8Array.from("\x93NUMPY", (letter) => letter.charCodeAt(0));

/** Reads a value at an offset, in the order of bytes that the file states. */
const READERS: Readonly<Record<string, (view: DataView, at: number, little: boolean) => number>> = {
  b1: (view, at) => view.getUint8(at) === 0 ? 0 : 1,
  i1: (view, at) => view.getInt8(at),
  u1: (view, at) => view.getUint8(at),
  i2: (view, at, little) => view.getInt16(at, little),
  u2: (view, at, little) => view.getUint16(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  i8: (view, at, little) => Number(view.getBigInt64(at, little)),
  u8: (view, at, little) => Number(view.getBigUint64(at, little)),
  f2: (view, at, little) => view.getFloat16(at, little),
  f4: (view, at, little) => view.getFloat32(at, little),
  f8: (view, at, little) => view.getFloat64(at, little),
};

/**
 * Reads an array that NumPy saved; nothing in it is run.
 *
 * @param bytes The whole file.
 * @returns Shape and values, in C order whatever the file's; whole numbers beyond 2^53 are rounded.
 * @throws DecodeError If it is not such a file, is cut short, or holds other values (complex, text, objects, dates).
 */
export function decodeNpy(bytes: Uint8Array): StoredArray {
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw new DecodeError("it is no NumPy array (.npy); save it with numpy.save");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6] ?? 0;
  if (version < 1 || version > 3) {
    throw new DecodeError(`its format is ${version}, 1 to 3 are read; save it with numpy.save`);
  }
  const [lengthAt, start] = version === 1 ? [8, 10] : [8, 12];
  if (bytes.length < start) throw new DecodeError("the NumPy file is cut short in its header");
  const headerBytes = version === 1 ? view.getUint16(lengthAt, true) : view.getUint32(lengthAt, true);
  const header = new TextDecoder().decode(bytes.subarray(start, start + headerBytes));
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const sides = /'shape'\s*:\s*\(([^)]*)\)/.exec(header)?.[1];
  const shape = sides?.split(",").filter((side) => side.trim() !== "").map(Number);
  if (order === undefined || !shape?.every((side) => Number.isSafeInteger(side) && side >= 0)) {
    throw new DecodeError("the header of the NumPy file is damaged");
  }
  const [, endian, dtype = ""] = /^([<>|=])(\w\d+)$/.exec(descr ?? "") ?? [];
  const read = READERS[dtype];
  if (!read) {
    throw new DecodeError(
      `its values are of the type ${
        descr ?? "of several fields"
      }, numbers or truth values are needed; convert it with ` +
        "array.astype(numpy.float32)",
    );
  }
  const length = shape.reduce((product, side) => product * side, 1);
  const size = Number(dtype.slice(1));
  const begin = start + headerBytes;
  if (bytes.length < begin + length * size) {
    throw new DecodeError(
      `the NumPy file is cut short: ${formatSides(shape)} values of ${size} bytes do not fit its ${bytes.length} bytes`,
    );
  }
  const stored = Float64Array.from({ length }, (_, i) => read(view, begin + i * size, endian !== ">"));
  return { shape, dtype, data: order === "True" ? rowsFirst(stored, shape) : stored };
}

/** Values whose first axis is the fastest, in the order whose last axis is. */
function rowsFirst(data: Float64Array, shape: readonly number[]): Float64Array<ArrayBuffer> {
  const out = new Float64Array(data.length);
  const index = shape.map(() => 0);
  for (let from = 0; from < data.length; from++) {
    out[shape.reduce((at, side, axis) => at * side + index[axis]!, 0)] = data[from]!;
    for (let axis = 0; axis < shape.length && ++index[axis]! === shape[axis]; axis++) index[axis] = 0;
  }
  return out;
}

/** A plane or a picture of an array. */
export interface ArrayPlanes {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Values of a pixel. */
  readonly channels: 1 | 3;
  /** [H, W, C]. */
  readonly data: Float64Array<ArrayBuffer>;
  /** As of `StoredArray`. */
  readonly dtype: string;
}

/**
 * An array as a plane or a picture; axes of one are passed over where they are not rows and columns.
 *
 * @param array The array.
 * @returns [H, W], [H, W, 1] or [H, W, 3].
 * @throws DecodeError If it has another shape, or holds what is no number.
 */
export function arrayPlanes({ shape, dtype, data }: StoredArray): ArrayPlanes {
  const sides = shape.length === 4 && shape[0] === 1 || shape.length === 3 && shape[0] === 1 && shape[2] !== 3
    ? shape.slice(1)
    : shape;
  const [height = 0, width = 0, channels = 1] = sides;
  if (sides.length < 2 || sides.length > 3 || (channels !== 1 && channels !== 3) || width < 1 || height < 1) {
    throw new DecodeError(`its shape is ${formatSides(shape)}, [H, W], [H, W, 1] or [H, W, 3] is needed`);
  }
  const odd = data.findIndex((value) => !Number.isFinite(value));
  if (odd >= 0) throw new DecodeError(`value ${odd} is ${data[odd]}, numbers are needed`);
  return { width, height, channels, data, dtype };
}

/**
 * A plane of values as a picture of 16 bits, from its smallest to its largest value.
 *
 * @param planes The plane.
 * @returns The picture; all 0 if the plane has one value.
 */
export function planesAsImage({ width, height, channels, data }: ArrayPlanes): Image {
  const [low, high] = data.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  const scale = high > low ? 65535 / (high - low) : 0;
  const samples = Uint16Array.from(data, (value) => Math.round((value - low) * scale));
  return { width, height, channels, bitDepth: 16, samples };
}

function formatSides(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
