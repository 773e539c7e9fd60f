/** Large files as PyTorch writes them, of values of 8 bits, written part by part. */
import type { ParameterSet } from "../../models/mod.ts";
import {
  call,
  dict,
  EMPTY_DICT,
  global,
  int,
  persistent,
  pickle,
  text,
  tuple,
} from "../models/checkpoint/handmade_pickle.ts";

/** Bytes of small finite numbers in float8_e4m3fn. */
const VALUES = Uint8Array.from({ length: 1 << 20 }, (_, i) => (i * i * 7919 + i * 31) % 251 & 0xb7);

/**
 * Writes a state dict: a zip archive of a pickle and a stored file for each tensor.
 * @param parameters names and shapes
 * @returns bytes of the file
 */
export async function writePytorch(path: string, parameters: ParameterSet): Promise<number> {
  const tensors = Array.from(parameters, ([name, { shape }], i) => ({
    name,
    shape,
    key: String(i),
    count: shape.reduce((product, side) => product * side, 1),
  }));
  const object = dict(Object.fromEntries(tensors.map(({ name, shape, key, count }) => {
    const id = tuple(text("storage"), global("torch.storage", "UntypedStorage"), text(key), text("cpu"), int(count));
    const strides = shape.map((_, i) => shape.slice(i + 1).reduce((product, side) => product * side, 1));
    const sizes = [shape, strides].map((values) => tuple(...values.map(int)));
    const view = [persistent(id), int(0), ...sizes, [0x89], EMPTY_DICT, global("torch", "float8_e4m3fn")];
    return [name, call("torch._utils", "_rebuild_tensor_v3", ...view)];
  })));
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const writer = new Archive(file);
  const data = pickle(object);
  await writer.add("archive/data.pkl", data.length, [data]);
  for (const { key, count } of tensors) await writer.add(`archive/data/${key}`, count, valuesOf(count));
  await writer.add("archive/version", 2, [Uint8Array.of(0x33, 0x0a)]);
  return await writer.end();
}

function* valuesOf(count: number): Generator<Uint8Array, void> {
  for (let at = 0; at < count; at += VALUES.length) yield VALUES.subarray(0, count - at);
}

/** An archive of stored files. */
class Archive {
  readonly #directory: Uint8Array[] = [];
  readonly #file: Deno.FsFile;
  #at = 0;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** Adds a file. */
  async add(name: string, size: number, parts: Iterable<Uint8Array>): Promise<void> {
    const path = new TextEncoder().encode(name);
    // Version, flags, method, time and date; then the checksum, which readers of checkpoints do not compare.
    const common = [...u16(0), ...u16(0x800), ...u16(0), ...u32(0), ...u32(0), ...u32(size), ...u32(size)];
    this.#directory.push(Uint8Array.from([
      ...[...u32(0x02014b50), ...u16(0), ...common, ...u16(path.length), ...u16(0), ...u16(0), ...u16(0), ...u16(0)],
      ...[...u32(0), ...u32(this.#at), ...path],
    ]));
    await this.#write(Uint8Array.from([...u32(0x04034b50), ...common, ...u16(path.length), ...u16(0), ...path]));
    for (const part of parts) await this.#write(part);
  }

  /** Writes the directory. */
  async end(): Promise<number> {
    const begin = this.#at;
    for (const entry of this.#directory) await this.#write(entry);
    const count = u16(this.#directory.length);
    const end = [...u32(0x06054b50), ...u32(0), ...count, ...count, ...u32(this.#at - begin), ...u32(begin), ...u16(0)];
    await this.#write(Uint8Array.from(end));
    return this.#at;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) done += await this.#file.write(bytes.subarray(done));
    this.#at += bytes.length;
  }
}

function u16(value: number): readonly number[] {
  return [value & 0xff, (value >>> 8) & 0xff];
}

function u32(value: number): readonly number[] {
  return [...u16(value), ...u16(value >>> 16)];
}
