/** The model that ships with the program; see `default/README.md` for what it can and cannot do. */
import type { Runtime } from "../engine/mod.ts";
import { blobByteSource, type ByteSource } from "./checkpoint/byte_source.ts";
import { CheckpointError, quoteName } from "./checkpoint/checkpoint_error.ts";
import { openSafetensors } from "./checkpoint/safetensors.ts";
import { type OpenedModel, openModel } from "./open_model.ts";
import type { UploadOptions } from "./weights.ts";

const LOCATION = new URL("./default/prior.safetensors", import.meta.url);

/** What messages and reports call the model. */
const NAME = "prior.safetensors";

/**
 * The bytes of the embedded model, fetched from beside this module: from disk in Deno, over HTTP in a browser.
 * @throws {CheckpointError} if they cannot be fetched
 */
export async function defaultModelSource(): Promise<ByteSource> {
  const fail = (reason: string, cause?: unknown): never => {
    throw new CheckpointError(
      `Cannot load the embedded model ${quoteName(NAME)}: ${reason}; it belongs beside the program`,
      { cause },
    );
  };
  let response: Response;
  try {
    response = await fetch(LOCATION);
  } catch (cause) {
    return fail(cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (!response.ok) return fail(`the server answered ${response.status}`);
  return blobByteSource(await response.blob(), NAME);
}

/**
 * Opens the embedded model: a guided-diffusion UNet for 64x64 RGB images, learned variance, linear schedule.
 * @param runtime where the weights go
 * @param options how weights are kept, and what to be told while loading
 * @throws {CheckpointError} if it cannot be fetched
 */
export async function openDefaultModel(runtime: Runtime, options: UploadOptions = {}): Promise<OpenedModel> {
  return await openModel(runtime, await openSafetensors(await defaultModelSource()), options);
}
