import { CheckpointError, quoteName } from "./checkpoint_error.ts";
import type { Checkpoint, CheckpointFormat, CheckpointTensor } from "./checkpoint.ts";
import { type F8Dtype, f8ToF32, isF8 } from "./f8.ts";
import { bf16ToF32, f16ToF32 } from "./half.ts";
import { tensorBytes } from "./safetensors_dtype.ts";

/**
 * What the file formats share: conversion of stored bytes to numbers. Memory holds the result and one piece. Typed arrays
 * are little-endian wherever WebGPU runs.
 */
export abstract class CheckpointFile<Entry extends CheckpointTensor> implements Checkpoint {
  abstract readonly format: CheckpointFormat;
  abstract readonly stateDict: string;
  abstract readonly metadata: ReadonlyMap<string, string>;
  /** What messages call the file. */
  readonly name: string;
  /** The tensors by name, in the order of their data. */
  readonly tensors: ReadonlyMap<string, Entry>;

  /**
   * Keeps what every format has.
   * @param name what messages call the file
   * @param tensors its tensors by name, sizes checked
   */
  constructor(name: string, tensors: ReadonlyMap<string, Entry>) {
    this.name = name;
    this.tensors = tensors;
  }

  /**
   * The little-endian bytes of a tensor in order, in pieces of at most 4 MiB that hold whole elements.
   * @param entry one of `tensors`
   */
  protected abstract piecesOf(entry: Entry): AsyncGenerator<Uint8Array, void>;

  /**
   * Fills an array with the same bytes.
   * @param entry one of `tensors`
   * @param into exactly as many bytes as the tensor has
   */
  protected abstract fill(entry: Entry, into: Uint8Array): Promise<void>;

  async *readPieces(name: string): AsyncGenerator<Uint8Array, void> {
    yield* this.piecesOf(this.#entry(name));
  }

  async readBytes(name: string, into?: Uint8Array): Promise<Uint8Array> {
    const entry = this.#entry(name);
    const length = tensorBytes(entry.dtype, entry.shape) as number;
    const bytes = beginning(into, length) ?? new Uint8Array(length);
    await this.fill(entry, bytes);
    return bytes;
  }

  async readFloat32(name: string, into?: Float32Array): Promise<Float32Array> {
    const entry = this.#entry(name);
    this.#requireType(entry, FLOAT_DTYPES);
    const count = elementCount(entry);
    const values = beginning(into, count) ?? new Float32Array(count);
    if (entry.dtype === "F32") {
      await this.fill(entry, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      return values;
    }
    let at = 0;
    for await (const piece of this.piecesOf(entry)) {
      const part = values.subarray(at, at + piece.length / BYTES_PER_FLOAT[entry.dtype as FloatDtype]);
      if (entry.dtype === "F16") f16ToF32(viewAs(Uint16Array, piece), part);
      else if (entry.dtype === "BF16") bf16ToF32(viewAs(Uint16Array, piece), part);
      else part.set(floatView(entry.dtype, piece));
      at += part.length;
    }
    return values;
  }

  /**
   * A tensor of real numbers as f64; exact for every type of real numbers.
   * @param name tensor name
   * @returns a new array of as many elements as the shape has
   * @throws {CheckpointError} as readPieces, and if the tensor holds another type
   */
  async readFloat64(name: string): Promise<Float64Array> {
    const entry = this.#entry(name);
    this.#requireType(entry, FLOAT_DTYPES);
    const values = new Float64Array(elementCount(entry));
    let at = 0;
    for await (const piece of this.piecesOf(entry)) {
      const view = floatView(entry.dtype, piece);
      values.set(view, at);
      at += view.length;
    }
    return values;
  }

  /**
   * A tensor of integers (I32, I64, U8) as numbers.
   * @param name tensor name
   * @returns as many integers as the shape has elements
   * @throws {CheckpointError} as readPieces, if the tensor holds another type, or an I64 beyond +-(2^53 - 1)
   */
  async readIntegers(name: string): Promise<number[]> {
    const entry = this.#entry(name);
    this.#requireType(entry, INTEGER_DTYPES);
    const values: number[] = [];
    for await (const piece of this.piecesOf(entry)) {
      for (const stored of integerView(entry.dtype, piece)) {
        const value = Number(stored);
        if (!Number.isSafeInteger(value)) {
          throw new CheckpointError(
            `Cannot read tensor ${quoteName(name)} of ${
              quoteName(this.name)
            }: element ${values.length} is ${stored}, ` +
              "an integer from -(2^53 - 1) to 2^53 - 1 is needed",
          );
        }
        values.push(value);
      }
    }
    return values;
  }

  #entry(name: string): Entry {
    const entry = this.tensors.get(name);
    if (entry !== undefined) return entry;
    const [first] = this.tensors.keys();
    const held = first === undefined ? "none at all" : `${this.tensors.size} (first ${quoteName(first)})`;
    throw new CheckpointError(
      `Cannot read tensor ${quoteName(name)} of ${
        quoteName(this.name)
      }: there is none of that name, the file has ${held}`,
    );
  }

  #requireType({ name, dtype }: CheckpointTensor, needed: readonly string[]): void {
    if (needed.includes(dtype)) return;
    const readable = FLOAT_DTYPES.includes(dtype) || INTEGER_DTYPES.includes(dtype);
    throw new CheckpointError(
      `Cannot read tensor ${quoteName(name)} of ${quoteName(this.name)}: its type ${dtype} is ` +
        `${readable ? "another kind of number" : "not supported"}, one of ${needed.join(", ")} is needed`,
    );
  }
}

const F8_BYTES = { F8_E4M3: 1, F8_E5M2: 1, F8_E4M3FNUZ: 1, F8_E5M2FNUZ: 1 } as const satisfies Record<F8Dtype, number>;
/** Bytes of an element by type of real numbers. */
export const BYTES_PER_FLOAT = { F32: 4, F16: 2, BF16: 2, F64: 8, ...F8_BYTES } as const;
/** A type of real numbers. */
export type FloatDtype = keyof typeof BYTES_PER_FLOAT;
/** Types of real numbers. */
export const FLOAT_DTYPES: readonly string[] = Object.keys(BYTES_PER_FLOAT);
const INTEGER_DTYPES: readonly string[] = ["I32", "I64", "U8"];

function elementCount({ shape }: CheckpointTensor): number {
  return shape.reduce((count, dimension) => count * dimension, 1);
}

/** The first elements of an array, if one is given. */
function beginning<T extends Uint8Array | Float32Array>(into: T | undefined, length: number): T | undefined {
  if (into !== undefined && into.length < length) {
    throw new RangeError(
      `Cannot read a tensor: the array given for it has ${into.length} elements, ${length} are needed`,
    );
  }
  return into?.subarray(0, length) as T | undefined;
}

/** The real numbers of a piece: f32, or f64 where they are stored so; types of 8 and 16 bits are widened exactly. */
export function floatView(dtype: CheckpointTensor["dtype"], piece: Uint8Array): Float32Array | Float64Array {
  if (dtype === "F16") return f16ToF32(viewAs(Uint16Array, piece));
  if (dtype === "BF16") return bf16ToF32(viewAs(Uint16Array, piece));
  if (isF8(dtype)) return f8ToF32(dtype, piece);
  return dtype === "F64" ? viewAs(Float64Array, piece) : viewAs(Float32Array, piece);
}

function integerView(dtype: CheckpointTensor["dtype"], piece: Uint8Array): Int32Array | BigInt64Array | Uint8Array {
  if (dtype === "I32") return viewAs(Int32Array, piece);
  return dtype === "I64" ? viewAs(BigInt64Array, piece) : piece;
}

/** The piece as another array type; a copy where the piece begins at an address that this type cannot have. */
function viewAs<T>(
  type: { new (buffer: ArrayBufferLike, offset: number, length: number): T; readonly BYTES_PER_ELEMENT: number },
  piece: Uint8Array,
): T {
  const aligned = piece.byteOffset % type.BYTES_PER_ELEMENT === 0 ? piece : piece.slice();
  return new type(aligned.buffer, aligned.byteOffset, aligned.length / type.BYTES_PER_ELEMENT);
}
