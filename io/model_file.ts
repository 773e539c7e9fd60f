/** Opening networks from wherever their files are. */
import type { Runtime } from "../engine/mod.ts";
import {
  blobByteSource,
  type ByteSource,
  CheckpointError,
  describeCheckpoint,
  type DescriptionOptions,
  openCheckpoint,
  openDefaultModel,
  type OpenedModel,
  openModel as openDescribed,
  type UploadOptions,
} from "../models/mod.ts";
import { openModelFile } from "./open_model_file.ts";

/** What a file does not say of its network, and how its weights are kept. */
export type OpenModelOptions = UploadOptions & { readonly description?: DescriptionOptions };

/**
 * Opens a network: a checkpoint of any format that is known, a folder of a diffusers model, or the embedded prior.
 * @param runtime where the weights go
 * @param source a path, an address, or the bytes; the embedded prior where it is left out
 * @throws {FileError} if the file cannot be read
 * @throws {CheckpointError} if it is no checkpoint, does not tell what network it holds, or cannot be fetched
 * @throws {DeviceLimitError} if a parameter does not fit a buffer
 */
export async function openModel(
  runtime: Runtime,
  source?: string | URL | Blob,
  { description = {}, ...options }: OpenModelOptions = {},
): Promise<OpenedModel> {
  if (source === undefined) return await openDefaultModel(runtime, options);
  const open = async (bytes: ByteSource): Promise<OpenedModel> =>
    await openDescribed(runtime, describeCheckpoint(await openCheckpoint(bytes), description).checkpoint, options);
  if (source instanceof Blob) {
    return await open(blobByteSource(source, "name" in source ? String(source.name) : "blob"));
  }
  if (source instanceof URL && source.protocol !== "file:") return await open(await fetched(source));
  using file = await openModelFile(source instanceof URL ? decodeURIComponent(source.pathname) : source);
  return await openDescribed(runtime, file.describe(description).checkpoint, options);
}

async function fetched(address: URL): Promise<ByteSource> {
  const response = await fetch(address);
  if (!response.ok) throw new CheckpointError(`Cannot load "${address}": the server answered ${response.status}`);
  return blobByteSource(await response.blob(), address.pathname.split("/").at(-1) || address.href);
}
