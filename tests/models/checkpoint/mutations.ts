import { openCheckpoint } from "../../../models/checkpoint/open_checkpoint.ts";
import { bytesByteSource, type ByteSource } from "../../../models/checkpoint/byte_source.ts";
import { CheckpointError } from "../../../models/checkpoint/checkpoint_error.ts";
import { randomIntegers } from "../../support/random.ts";

/** What became of changed files. */
export interface Outcome {
  read: number;
  refused: number;
  /** Most bytes that all tensors of a file had, and the most that a source was asked for at once. */
  tensorBytes: number;
  readBytes: number;
}

/** Files that mean something together: the first is opened, the others lie beside it. */
export type FileSet = ReadonlyMap<string, Uint8Array>;

/** A set of files as a source. */
function sourceOf(files: FileSet, name: string, outcome: Outcome): ByteSource {
  const inner = bytesByteSource(files.get(name)!, name);
  const read = (offset: number, length: number): Promise<Uint8Array> => {
    if (offset < 0 || length < 0 || offset + length > inner.size) throw new Error(`${length} bytes at ${offset}`);
    outcome.readBytes = Math.max(outcome.readBytes, length);
    return inner.read(offset, length);
  };
  const beside = {
    names: () => Promise.resolve([...files.keys()]),
    open: (other: string) => Promise.resolve(sourceOf(files, other, outcome)),
  };
  return { name, size: inner.size, read, ...(files.size > 1 ? { beside } : {}) };
}

/** Opens the first file and reads everything that can be read, each state dict of several in turn. */
async function readWhole(files: FileSet, outcome: Outcome): Promise<void> {
  const [name] = files.keys();
  const file = await openCheckpoint(sourceOf(files, name!, outcome));
  let sum = 0;
  for (const { name } of file.tensors.values()) sum += (await file.readBytes(name)).length;
  outcome.tensorBytes = Math.max(outcome.tensorBytes, sum);
}

/** Changes a few bytes, copies some, cuts or repeats a part. */
function mutated(bytes: Uint8Array, random: (below: number) => number): Uint8Array {
  const changed = bytes.slice();
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const at = random(changed.length);
    if (random(4) === 0) changed.copyWithin(at, random(changed.length), random(changed.length));
    else changed[at] = random(3) === 0 ? [0, 0xff, 0x7f, 0x80][random(4)]! : random(256);
  }
  return random(16) === 0 ? changed.subarray(0, random(changed.length)) : changed;
}

/**
 * Reads files with bytes changed at random; only a `CheckpointError` may come of it.
 * @param files a genuine set
 * @param rounds how many times
 * @param seed of the changes
 */
export async function readMutated(files: FileSet, rounds: number, seed: number): Promise<Outcome> {
  const random = randomIntegers(seed);
  const names = [...files.keys()];
  const outcome: Outcome = { read: 0, refused: 0, tensorBytes: 0, readBytes: 0 };
  for (let round = 0; round < rounds; round++) {
    const name = names[random(names.length)]!;
    const changed = new Map([...files, [name, mutated(files.get(name)!, random)]]);
    try {
      await readWhole(changed, outcome);
      outcome.read++;
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw new Error(`round ${round} of seed ${seed}`, { cause: error });
      outcome.refused++;
    }
  }
  return outcome;
}
