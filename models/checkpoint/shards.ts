/** Checkpoints that are cut into several files. */
import { type ByteSource, type FilesBeside, readExactly } from "./byte_source.ts";
import type { Checkpoint, CheckpointFormat, CheckpointTensor } from "./checkpoint.ts";
import { CheckpointError, quoteName } from "./checkpoint_error.ts";
import { describeJson } from "./foreign_format.ts";
import { MAX_TENSORS } from "./safetensors_dtype.ts";
import { allShards, isIndexName, MAX_SHARDS, parseShardName } from "./shard_names.ts";

/** Opens one file, without those beside it. */
export type OpenShard = (source: ByteSource) => Promise<Checkpoint>;

/** Bytes of an index. */
const MAX_INDEX_BYTES = 32 * 1024 * 1024;

/** Indices in a folder that are read to find that of a shard. */
const MOST_INDICES = 16;

/** Names that a message lists. */
const SHOWN = 4;

/**
 * Opens a JSON file: the index of a checkpoint in several files.
 * @param source the file
 * @param openShard how each is opened
 * @throws {CheckpointError} if it is another JSON file, saying which, or a file or a tensor is missing
 */
export async function openIndex(
  source: ByteSource,
  openShard: OpenShard,
): Promise<Checkpoint> {
  const json = await readJson(source);
  const index = weightMap(json, source.name);
  if (index === undefined) throw refusal(source.name, describeJson(json));
  const files = [...new Set(index.values())];
  if (source.beside === undefined) {
    throw refusal(source.name, `it is the index of ${files.length} files, which are needed beside it (${some(files)})`);
  }
  const checkpoint = await openFiles(source.name, files, source.beside, openShard);
  const missing = index.keys().filter((name) => !checkpoint.tensors.has(name)).take(SHOWN + 1).toArray();
  if (missing.length === 0) return checkpoint;
  throw refusal(source.name, `its files have no tensor ${some(missing)}, though it lists them; download them again`);
}

/**
 * Opens a file together with those that it was cut apart from, where its name says that there are any.
 * @param source one of them
 * @param beside where the others are
 * @param openShard how each is opened
 * @returns undefined if it is whole
 * @throws {CheckpointError} if another is missing
 */
export async function openWithOtherShards(
  source: ByteSource,
  beside: FilesBeside,
  openShard: OpenShard,
): Promise<Checkpoint | undefined> {
  const own = source.name.split(/[\\/]/).at(-1)!;
  const shard = parseShardName(own);
  if (shard === undefined) return undefined;
  for (const name of (await beside.names()).filter(isIndexName).slice(0, MOST_INDICES)) {
    const index = await beside.open(name);
    const files = weightMap(await readJson(index), index.name)?.values();
    if (files?.some((file) => file === own)) return await openIndex(index, openShard);
  }
  if (shard.count > MAX_SHARDS) throw refusal(source.name, `it is one of ${shard.count} files, at most ${MAX_SHARDS}`);
  return await openFiles(source.name, allShards(shard), beside, openShard);
}

/** All tensors of some files. */
async function openFiles(
  name: string,
  files: readonly string[],
  beside: FilesBeside,
  openShard: OpenShard,
): Promise<Checkpoint> {
  const there = new Set(await beside.names());
  const missing = files.filter((file) => !there.has(file));
  if (missing.length > 0) {
    throw refusal(
      name,
      `it belongs to a checkpoint in ${files.length} files, of which ${missing.length} ` +
        `${missing.length === 1 ? "is" : "are"} missing beside it: ${some(missing)}; download them, too`,
    );
  }
  const parts: Checkpoint[] = [];
  for (const file of files) parts.push(await openShard(await beside.open(file)));
  return new ShardedCheckpoint(name, parts);
}

/** Which file holds which tensor; undefined if the JSON is no index. */
function weightMap(json: unknown, fileName: string): ReadonlyMap<string, string> | undefined {
  const map = typeof json === "object" && json !== null && "weight_map" in json ? json.weight_map : undefined;
  if (typeof map !== "object" || map === null || Array.isArray(map)) return undefined;
  const entries = Object.entries(map);
  const files = new Set(entries.map(([, file]) => file));
  if (entries.length > MAX_TENSORS || files.size > MAX_SHARDS || files.size === 0) {
    throw refusal(
      fileName,
      `its index has ${entries.length} tensors in ${files.size} files, 1 to ${MAX_TENSORS} in at most ${MAX_SHARDS} are ` +
        "allowed",
    );
  }
  for (const file of files) {
    if (typeof file === "string" && /^[^\\/:\0]+$/.test(file) && file !== "." && file !== "..") continue;
    const found = typeof file === "string" ? quoteName(file) : "a value that is no text";
    throw refusal(fileName, `its index names ${found} as a file, a plain name without folders is needed`);
  }
  return new Map(entries as [string, string][]);
}

async function readJson(source: ByteSource): Promise<unknown> {
  if (source.size > MAX_INDEX_BYTES) {
    throw refusal(source.name, `it is a JSON file of ${source.size} bytes, an index has at most ${MAX_INDEX_BYTES}`);
  }
  const bytes = await readExactly(source, 0, source.size, "the JSON text");
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw refusal(source.name, "it begins like a JSON file, but is malformed or cut off, and holds no weights");
  }
}

function some(names: readonly string[]): string {
  return `${names.slice(0, SHOWN).map(quoteName).join(", ")}${names.length > SHOWN ? ", ..." : ""}`;
}

function refusal(fileName: string, found: string): CheckpointError {
  return new CheckpointError(`Cannot load ${quoteName(fileName)}: ${found}`);
}

/** Several files as one checkpoint. */
class ShardedCheckpoint implements Checkpoint {
  readonly format: CheckpointFormat;
  readonly stateDict = "";
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  readonly leftOut: ReadonlyMap<string, string>;
  readonly #parts = new Map<string, Checkpoint>();

  constructor(readonly name: string, parts: readonly Checkpoint[]) {
    for (const part of parts) {
      for (const tensor of part.tensors.keys()) {
        const other = this.#parts.get(tensor);
        if (other !== undefined) {
          throw refusal(
            name,
            `tensor ${quoteName(tensor)} is in ${quoteName(other.name)} and in ${quoteName(part.name)}, ` +
              "once is needed",
          );
        }
        this.#parts.set(tensor, part);
      }
    }
    if (this.#parts.size > MAX_TENSORS) {
      throw refusal(name, `its files have ${this.#parts.size} tensors, at most ${MAX_TENSORS} are allowed`);
    }
    this.format = parts[0]!.format;
    this.metadata = new Map(parts.flatMap(({ metadata }) => [...metadata]));
    this.tensors = new Map(parts.flatMap(({ tensors }) => [...tensors]));
    this.leftOut = new Map(parts.flatMap(({ leftOut }) => [...leftOut ?? []]));
  }

  async *readPieces(name: string): AsyncGenerator<Uint8Array, void> {
    yield* this.#partOf(name).readPieces(name);
  }

  async readBytes(name: string, into?: Uint8Array): Promise<Uint8Array> {
    return await this.#partOf(name).readBytes(name, into);
  }

  async readFloat32(name: string, into?: Float32Array): Promise<Float32Array> {
    return await this.#partOf(name).readFloat32(name, into);
  }

  #partOf(name: string): Checkpoint {
    const part = this.#parts.get(name);
    if (part !== undefined) return part;
    throw new CheckpointError(
      `Cannot read tensor ${quoteName(name)} of ${quoteName(this.name)}: there is none of that name, the files have ` +
        this.#parts.size,
    );
  }
}
