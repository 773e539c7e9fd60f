/** A converted checkpoint against the one that it was made from: every value, bit by bit. */
import { formatShape, sameShape } from "../engine/mod.ts";
import {
  type Checkpoint,
  CONVERTED_DTYPES,
  type ConvertedDtype,
  convertedPieces,
  counterpart,
  openCheckpoint,
} from "../models/mod.ts";
import type { FileOpener } from "./reference_file.ts";
import { type Finding, refusal, type Row } from "./row.ts";

/** The bits of an element in the name of its type; BOOL names none and has 8. */
const BITS = /\d+/;

/**
 * Compares the tensors of two checkpoints of any format. A converted tensor of another type must hold the original's
 * values rounded to that type as PyTorch's `to` does. One row for each tensor of either file, in the original's order
 * first; what lies around the network in the original, and its prefix, are left out; a file that cannot be read is one
 * failed row. Both files are read piece by piece.
 * @param converted path of the file to verify
 * @param original path of the file that it was made from
 * @param stateDict which part of the original is meant, where it has several
 * @param openFile opens both
 */
export async function* verifyAgainst(
  converted: string,
  original: string,
  stateDict: string | undefined,
  openFile: FileOpener,
): AsyncGenerator<Row, void> {
  try {
    using originalSource = await openFile(original);
    using convertedSource = await openFile(converted);
    const after = await openCheckpoint(convertedSource);
    const before = counterpart(
      await openCheckpoint(originalSource, stateDict === undefined ? {} : { stateDict }),
      [...after.tensors.keys()],
      stateDict,
    );
    for (const name of before.tensors.keys()) yield { file: converted, ...await compareTensor(name, before, after) };
    for (const name of after.tensors.keys()) {
      if (before.tensors.has(name)) continue;
      yield { file: converted, ...failure(name, "the original has no such tensor") };
    }
  } catch (error) {
    yield { file: converted, ...refusal("file", error) };
  }
}

function failure(quantity: string, reason: string): Finding {
  return { quantity, status: "FAILED", limit: 0, reason };
}

async function compareTensor(name: string, before: Checkpoint, after: Checkpoint): Promise<Finding> {
  const original = before.tensors.get(name)!;
  const converted = after.tensors.get(name);
  if (!converted) return failure(name, "the converted file has no such tensor");
  if (!sameShape(converted.shape, original.shape)) {
    const reason = `it is ${formatShape(converted.shape)}, the original is ${formatShape(original.shape)}`;
    return failure(name, reason);
  }
  const { dtype } = converted;
  const isRounded = dtype !== original.dtype;
  if (isRounded && !isConverted(dtype)) return failure(name, `it is of ${dtype}, the original is of ${original.dtype}`);
  try {
    const expected = isRounded ? convertedPieces(before, name, dtype as ConvertedDtype) : before.readPieces(name);
    const width = Math.ceil(Number(BITS.exec(dtype)?.[0] ?? 8) / 8);
    const { count, different, first } = await compareBytes(after.readPieces(name), expected, width);
    if (different === 0) return { quantity: name, status: "ok", error: 0, limit: 0 };
    return failure(name, `${different} of ${count} elements differ, the first is number ${first}`);
  } catch (error) {
    return refusal(name, error);
  }
}

function isConverted(dtype: string): dtype is ConvertedDtype {
  return CONVERTED_DTYPES.some((known) => known === dtype);
}

/** How many elements differ between two streams of bytes, and which is the first, counted from 0. */
async function compareBytes(
  actual: AsyncGenerator<Uint8Array, void>,
  expected: AsyncGenerator<Uint8Array, void>,
  width: number,
): Promise<{ readonly count: number; readonly different: number; readonly first: number }> {
  let [a, b] = [new Uint8Array(0), new Uint8Array(0)];
  let [at, different, first, last] = [0, 0, -1, -1];
  try {
    for (;;) {
      if (a.length === 0) a = await nextPiece(actual);
      if (b.length === 0) b = await nextPiece(expected);
      const length = Math.min(a.length, b.length);
      // Both end together, as shape and type are the same.
      if (length === 0) return { count: at / width, different, first };
      for (let i = 0; i < length; i++) {
        if (a[i] === b[i]) continue;
        const element = Math.floor((at + i) / width);
        if (element === last) continue;
        last = element;
        different++;
        if (first < 0) first = element;
      }
      at += length;
      [a, b] = [a.subarray(length), b.subarray(length)];
    }
  } finally {
    await Promise.all([actual.return(), expected.return()]);
  }
}

/** The next piece that holds something; empty at the end. */
async function nextPiece(pieces: AsyncGenerator<Uint8Array, void>): Promise<Uint8Array<ArrayBuffer>> {
  for (;;) {
    const { done, value } = await pieces.next();
    if (done) return new Uint8Array(0);
    if (value.length > 0) return value as Uint8Array<ArrayBuffer>;
  }
}
