/** Reference files for tests: recorded ones, copies in which something was changed, and the rows about them. */
import { type OpenFile, type Row, verifyFile } from "../../conformance/mod.ts";
import { ReferenceRuntime, type Runtime } from "../../engine/mod.ts";
import { FileSource } from "../../io/mod.ts";
import { bytesByteSource, openSafetensors, safetensorsBytes, type TensorToWrite } from "../../models/mod.ts";

/** Path of a file of tests/golden by its name without `.safetensors`. */
export function goldenPath(name: string): string {
  return decodeURIComponent(new URL(`../golden/${name}.safetensors`, import.meta.url).pathname);
}

/** Path of a file of tests/models/networks by its name without `.safetensors`. */
export function recordedPath(name: string): string {
  return decodeURIComponent(new URL(`../models/networks/${name}.safetensors`, import.meta.url).pathname);
}

/** Names of all files of tests/golden, without `.safetensors`. */
export async function goldenNames(): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(new URL("../golden/", import.meta.url))) {
    if (name.endsWith(".safetensors")) names.push(name.replace(".safetensors", ""));
  }
  return names.sort();
}

/** Names of the tensors of a file. */
export async function tensorNames(path: string): Promise<readonly string[]> {
  return [...(await openSafetensors(bytesByteSource(await Deno.readFile(path), path))).tensors.keys()];
}

/** What is to be different in a copy. */
export interface Changes {
  /** The tensors to keep; default: all. */
  readonly keep?: RegExp;
  /** The tensors whose largest element is to be doubled, or whose first is to be one larger where integers are. */
  readonly alter?: readonly string[];
  /** Index of the element to be doubled, by tensor. */
  readonly alterAt?: Readonly<Record<string, number>>;
  /** The tensors whose first element is to be no number. */
  readonly spoil?: readonly string[];
  /** Names for tensors to be stored under. */
  readonly rename?: Readonly<Record<string, string>>;
  /** Metadata to be set, or with undefined to be left out. */
  readonly metadata?: Readonly<Record<string, string | undefined>>;
}

/** Writes a changed copy of a file. @returns its path */
export async function writeCopy(source: string, target: string, changes: Changes): Promise<string> {
  const { keep = /./, alter = [], alterAt = {}, spoil = [], rename = {} } = changes;
  const file = await openSafetensors(bytesByteSource(await Deno.readFile(source), source));
  const tensors: TensorToWrite[] = [];
  for (const { name, dtype, shape } of file.tensors.values()) {
    if (!keep.test(name)) continue;
    const bytes = await file.readBytes(name);
    if (alter.includes(name)) alterOne(bytes, dtype);
    const index = alterAt[name];
    if (index !== undefined) numbersOf(bytes, dtype)[index]! *= 2;
    if (spoil.includes(name)) numbersOf(bytes, dtype)[0] = NaN;
    tensors.push({ name: rename[name] ?? name, dtype, shape, data: () => [bytes] } as TensorToWrite);
  }
  const metadata = new Map(file.metadata);
  for (const [key, value] of Object.entries(changes.metadata ?? {})) {
    if (value === undefined) metadata.delete(key);
    else metadata.set(key, value);
  }
  await Deno.writeFile(target, await safetensorsBytes({ tensors, metadata }));
  return target;
}

function alterOne(bytes: Uint8Array, dtype: string): void {
  const values = numbersOf(bytes, dtype);
  if (values instanceof Int32Array) {
    values[0]! += 1;
    return;
  }
  const sizes = Array.from(values, Math.abs);
  values[sizes.indexOf(Math.max(...sizes))]! *= 2;
}

function numbersOf({ buffer }: Uint8Array, dtype: string): Float32Array | Float64Array | Int32Array {
  if (dtype === "I32") return new Int32Array(buffer);
  return dtype === "F64" ? new Float64Array(buffer) : new Float32Array(buffer);
}

/** Opens a file of the disk. */
export async function openFile(path: string): Promise<OpenFile> {
  return await FileSource.open(path);
}

/** The rows about a file, on the CPU if no runtime is given. */
export async function rowsOf(path: string, runtime: Runtime = new ReferenceRuntime()): Promise<readonly Row[]> {
  return await Array.fromAsync(verifyFile(runtime, path, "f32", openFile));
}

/** The rows about a changed copy of a recorded file of tests/golden. */
export async function rowsOfCopy(name: string, changes: Changes, runtime?: Runtime): Promise<readonly Row[]> {
  const folder = await Deno.makeTempDir();
  try {
    return await rowsOf(await writeCopy(goldenPath(name), `${folder}/copy.safetensors`, changes), runtime);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Quantities of the rows with one status. */
export function having(status: Row["status"], rows: readonly Row[]): readonly string[] {
  return rows.filter((row) => row.status === status).map(({ quantity }) => quantity);
}
