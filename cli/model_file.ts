/** Opening the network of a command: the embedded one or a file, with its SHA-256. */
import type { Runtime } from "../engine/mod.ts";
import { type ModelFile, openModelFile } from "../io/mod.ts";
import {
  describeOrigin,
  type Description,
  descriptionOptions,
  descriptionSpecs,
  explainOpen,
  type OpenedModel,
  openModel,
  OpenQuestionsError,
} from "../models/mod.ts";
import type { Arguments } from "./arguments.ts";
import type { OptionSpec } from "../parameters/mod.ts";
import { pictureChannels } from "../restoration/mod.ts";
import { precisionOf } from "./runtime.ts";

/** The options that choose the network. */
export function modelOptions(): Readonly<Record<string, OptionSpec>> {
  return {
    model: {
      kind: "text",
      value: "FILE",
      help: "Network: safetensors, a PyTorch .pt or .ckpt, or a diffusers folder (default: embedded)",
    },
    ...descriptionSpecs(),
  };
}

/** An open network and the file it came from. */
export interface LoadedModel {
  readonly model: OpenedModel;
  /** File name, without its folder. */
  readonly name: string;
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
  /** Where its configuration comes from, if the file does not hold it, and what was chosen or assumed. */
  readonly origin: string | undefined;
}

/**
 * Opens the model that a command line names: a checkpoint of any format, or the embedded model.
 * @param onProgress called with the bytes uploaded so far and in all; it may throw to stop
 * @throws {UsageError} if the file does not tell what network it is
 * @throws {FileError | CheckpointError} if it cannot be read or does not fit
 */
export async function loadModel(
  runtime: Runtime,
  args: Arguments,
  onProgress: (done: number, total: number) => void,
): Promise<LoadedModel> {
  return await withModelFile(args, async ({ checkpoint, name, sha256, ...described }) => {
    const model = await openModel(runtime, checkpoint, { precision: precisionOf(args), onProgress });
    return { model, name, sha256, origin: describeOrigin(described) };
  });
}

/** The network of a command line, described but not opened, for as long as `use` runs. */
export async function withModelFile<T>(
  args: Arguments,
  use: (file: ReturnType<ModelFile["describe"]> & Pick<LoadedModel, "name" | "sha256">) => Promise<T>,
): Promise<T> {
  using file = await openModelFile(args.text("model"), { stateDict: args.text("state-dict") });
  const { name } = file;
  const described = openDescribed(file, args, ({ in_channels: channels }) => {
    if (typeof channels === "number") pictureChannels(name, channels);
  });
  return await use({ ...described, name, sha256: await file.sha256() });
}

/**
 * Finds out what network a file holds.
 * @param file the open file
 * @param args the command line, with `descriptionSpecs`
 * @param check is shown the network before what is left open is asked for
 * @throws {UsageError} if something is left open, with the options that answer it
 * @throws {CheckpointError} if the file violates its format or belongs to no known architecture
 */
export function openDescribed(
  file: ModelFile,
  args: Arguments,
  check: (description: Description) => void = () => {},
): ReturnType<ModelFile["describe"]> {
  try {
    const described = file.describe(descriptionOptions(args.values));
    check(described.description);
    return described;
  } catch (error) {
    if (error instanceof OpenQuestionsError) check(error.description);
    throw explainOpen(error);
  }
}
