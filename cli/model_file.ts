/** Opening the network of a command: the embedded one or a file, with its SHA-256. */
import { createHash } from "node:crypto";
import type { Runtime } from "../engine/mod.ts";
import { FileSource } from "../io/mod.ts";
import {
  type ByteSource,
  defaultModelSource,
  type OpenedModel,
  openModel,
  openSafetensors,
  type UploadOptions,
} from "../models/mod.ts";

/** An open network and the file it came from. */
export interface LoadedModel {
  readonly model: OpenedModel;
  /** File name, without its folder. */
  readonly name: string;
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
}

/** Bytes hashed at a time. */
const HASH_PIECE = 4 * 2 ** 20;

/**
 * Opens a model file, or the embedded model.
 * @param path a safetensors file, or undefined for the embedded model
 * @param options how weights are kept; `onProgress` may throw to stop
 * @throws {FileError | CheckpointError} if it cannot be read or does not fit
 */
export async function loadModel(
  runtime: Runtime,
  path: string | undefined,
  options: UploadOptions,
): Promise<LoadedModel> {
  const file = path === undefined ? undefined : await FileSource.open(path);
  try {
    const source = file ?? await defaultModelSource();
    const model = await openModel(runtime, await openSafetensors(source), options);
    const name = source.name.split(/[\\/]/).at(-1) as string;
    return { model, name, sha256: await hashOf(source) };
  } finally {
    file?.close();
  }
}

async function hashOf(source: ByteSource): Promise<string> {
  const hash = createHash("sha256");
  for (let at = 0; at < source.size; at += HASH_PIECE) {
    hash.update(await source.read(at, Math.min(HASH_PIECE, source.size - at)));
  }
  return hash.digest("hex");
}
