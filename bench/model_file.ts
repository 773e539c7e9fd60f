/** A network from a model file, and how long it takes to read the file alone. */
import type { Runtime } from "../engine/mod.ts";
import { FileSource } from "../io/mod.ts";
import { type ByteSource, openModel, openSafetensors, type UploadOptions } from "../models/mod.ts";
import type { LoadedNetwork } from "./networks.ts";

/** What it takes to load a file and to read it. */
export interface LoadingTimes {
  readonly fileBytes: number;
  /** From the open file to weights on the device, all work on them done. */
  readonly loadMilliseconds: number;
  /** Reading all of the file into memory that was not used before, as a program must that wants to have it. */
  readonly readMilliseconds: number;
  /** Reading the file piece by piece, each dropped when the next is there. */
  readonly skimMilliseconds: number;
}

/**
 * Loads the network of a file.
 * @param runtime where the weights go
 * @param path a safetensors file with its configuration
 * @param options how weights are kept
 * @throws {FileError | CheckpointError} if it cannot be read or does not fit
 */
export async function loadModelFile(
  runtime: Runtime,
  path: string,
  options: UploadOptions,
): Promise<LoadedNetwork> {
  using source = await FileSource.open(path);
  const start = performance.now();
  const model = await openModel(runtime, await openSafetensors(source), options);
  await runtime.settle();
  return { ...model, loadMilliseconds: performance.now() - start };
}

/** Bytes read at a time. */
const PIECE_BYTES = 4 * 2 ** 20;

/** Bytes of one array that a whole file is read into. */
const PART_BYTES = 64 * 2 ** 20;

/**
 * Times reading a file, whose pages the system may have in memory, as they are after it was loaded.
 * @param path the file
 */
export async function readingTimes(path: string): Promise<Omit<LoadingTimes, "loadMilliseconds">> {
  using source = await FileSource.open(path);
  const skimMilliseconds = await timed(() => eachPart(source, PIECE_BYTES, () => {}));
  const parts: Uint8Array[] = [];
  const readMilliseconds = await timed(() => eachPart(source, PART_BYTES, (part) => parts.push(part)));
  return { fileBytes: source.size, readMilliseconds, skimMilliseconds };
}

async function eachPart(source: ByteSource, bytes: number, take: (part: Uint8Array) => void): Promise<void> {
  for (let at = 0; at < source.size; at += bytes) take(await source.read(at, Math.min(bytes, source.size - at)));
}

async function timed(body: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await body();
  return performance.now() - start;
}
