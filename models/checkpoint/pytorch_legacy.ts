/** The container of PyTorch before 1.6: five pickles one after another, then the storages. */
import { type ByteSource, readExactly } from "./byte_source.ts";
import { CheckpointError, quoteName } from "./checkpoint_error.ts";
import { PickleEndError, unpickle } from "./pickle/pickle.ts";
import { describePickleValue, PickleDict, PickleList, type PickleValue } from "./pickle/pickle_values.ts";
import { type OpenCheckpointOptions, PytorchFile } from "./pytorch_file.ts";
import { PytorchContext } from "./pickle/pytorch_globals.ts";
import { storageBytes } from "./pickle/pytorch_types.ts";
import { findStateDict } from "./state_dict.ts";

/** What the first pickle is. */
const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;

/** How the first pickle begins in the oldest protocols, which write numbers as text. */
export const LEGACY_TEXT: Uint8Array = new TextEncoder().encode(`L${MAGIC_NUMBER}L\n`);

/** What the second pickle is. */
const PROTOCOL_VERSION = 1001;

/** Bytes of the file that are read for the pickles at first; more if they do not suffice. */
const FIRST_BYTES = 256 * 1024;

/** What the pickles say. */
interface Head {
  readonly value: PickleValue;
  readonly context: PytorchContext;
  /** Keys of the storages in the order of the file. */
  readonly keys: readonly string[];
  /** Where the storages begin. */
  readonly end: number;
}

/**
 * Opens a PyTorch file in the older container: reads the pickles and the length of every storage, no tensor. Storages are
 * little-endian on every machine.
 * @param source the file
 * @param options which state dict is meant
 * @returns the open file
 * @throws {CheckpointError} if the file is malformed, if the state dict depends on what is not known here, or leaves open
 * which state dict is meant
 */
export async function openPytorchLegacy(source: ByteSource, options: OpenCheckpointOptions = {}): Promise<PytorchFile> {
  const head = await readHead(source);
  const positions = await findStorages(source, head);
  const dict = findStateDict(head.value, source.name, options.stateDict);
  return new PytorchFile({ source, format: "pytorch-legacy", positions, bigEndian: false }, dict);
}

/** Pickles do not say how long they are, so the beginning that is read is doubled until they end in it; each has its limit. */
async function readHead(source: ByteSource): Promise<Head> {
  for (let length = FIRST_BYTES;; length *= 2) {
    const bytes = await readExactly(source, 0, Math.min(length, source.size), "the pickles");
    try {
      return parseHead(bytes, source.name);
    } catch (error) {
      if (!(error instanceof PickleEndError) || length >= source.size) throw error;
    }
  }
}

function parseHead(bytes: Uint8Array, fileName: string): Head {
  const context = new PytorchContext();
  let end = 0;
  const next = (part: string): PickleValue => {
    const unpickled = unpickle(bytes, end, { fileName, part }, context);
    end = unpickled.end;
    return unpickled.value;
  };
  const refuse = (part: string, value: PickleValue, needed: string): CheckpointError =>
    new CheckpointError(`Cannot load ${quoteName(fileName)}: ${part} is ${describePickleValue(value)}, ${needed}`);
  const magic = next("the magic number");
  if (magic !== MAGIC_NUMBER) {
    throw refuse(
      "its first pickle",
      magic,
      `the number ${MAGIC_NUMBER} is needed; it is a pickle, but no PyTorch file; load it where it was written and save its state_dict() with torch.save`,
    );
  }
  const version = next("the version");
  if (version !== PROTOCOL_VERSION) throw refuse("its version", version, `${PROTOCOL_VERSION} is needed`);
  const system = next("the system information");
  if (!(system instanceof PickleDict)) throw refuse("its system information", system, "a dict is needed");
  const value = next("the object");
  const keys = next("the list of storages");
  if (!(keys instanceof PickleList)) throw refuse("its list of storages", keys, "a list of keys is needed");
  return { value, context, keys: keys.items.map((key) => checkedKey(key, refuse)), end };
}

function checkedKey(
  key: PickleValue,
  refuse: (part: string, value: PickleValue, needed: string) => CheckpointError,
): string {
  if (typeof key === "string") return key;
  throw refuse("a key in its list of storages", key, "a string is needed");
}

/** First byte of every storage; all must be in the file, with as many elements as the object says. */
async function findStorages(source: ByteSource, { context, keys, end }: Head): Promise<ReadonlyMap<string, number>> {
  const refuse = (found: string): CheckpointError =>
    new CheckpointError(`Cannot load ${quoteName(source.name)}: ${found}`);
  const positions = new Map<string, number>();
  let at = end;
  for (const key of keys) {
    const storage = context.storages.get(key);
    const named = `storage ${quoteName(key)}`;
    if (storage === undefined) throw refuse(`${named} is in the list of storages, but no tensor has it`);
    if (positions.has(key)) throw refuse(`${named} is in the list of storages twice, once is needed`);
    if (at + 8 > source.size) throw refuse(`${named} begins at byte ${at}, the file ends at byte ${source.size}`);
    const bytes = await readExactly(source, at, 8, `the length of ${named}`);
    const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0, true);
    if (length !== BigInt(storage.length)) {
      throw refuse(`${named} has ${length} elements at byte ${at}, ${storage.length} are needed as the object says`);
    }
    positions.set(key, at + 8);
    const needed = storageBytes(storage);
    if (needed === undefined) {
      throw refuse(
        `${named} is a ${quoteName(storage.type)}, whose size is not known; save the state_dict() of the network alone`,
      );
    }
    at += 8 + needed;
    if (at > source.size) {
      throw refuse(`${named} of ${needed} bytes ends at byte ${at}, the file at byte ${source.size}; it is cut off`);
    }
  }
  for (const key of context.storages.keys()) {
    if (!positions.has(key)) throw refuse(`storage ${quoteName(key)} is not in the list of storages, it is needed`);
  }
  if (at !== source.size) throw refuse(`${source.size - at} bytes follow the last storage, none are needed`);
  return positions;
}
