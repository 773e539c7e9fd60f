/** Opening the network of a command: the embedded one or a file, with its SHA-256. */
import type { Runtime } from "../engine/mod.ts";
import { FileSource, sha256Of } from "../io/mod.ts";
import {
  defaultModelSource,
  describeCheckpoint,
  type DescribedCheckpoint,
  openCheckpoint,
  type OpenedModel,
  openModel,
} from "../models/mod.ts";
import type { Arguments } from "./arguments.ts";
import type { OptionSpec } from "../parameters/mod.ts";
import { describeOrigin, descriptionOptions, descriptionSpecs, explainOpen } from "./description_options.ts";
import { precisionOf } from "./runtime.ts";

/** The options that choose the network. */
export function modelOptions(): Readonly<Record<string, OptionSpec>> {
  return {
    model: { kind: "text", value: "FILE", help: "Network: safetensors, or a PyTorch .pt or .ckpt (default: embedded)" },
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
  /** Where its configuration comes from, if the file does not hold it. */
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
  return await withModelFile(args, async ({ checkpoint, known, ...file }) => {
    const model = await openModel(runtime, checkpoint, { precision: precisionOf(args), onProgress });
    return { model, ...file, origin: describeOrigin(known) };
  });
}

/** The network of a command line, described but not opened, for as long as `use` runs. */
export async function withModelFile<T>(
  args: Arguments,
  use: (file: DescribedCheckpoint & Pick<LoadedModel, "name" | "sha256">) => Promise<T>,
): Promise<T> {
  const path = args.text("model");
  using file = path === undefined ? undefined : await FileSource.open(path);
  const source = file ?? await defaultModelSource();
  const described = await openDescribed(source, args);
  const name = source.name.split(/[\\/]/).at(-1) as string;
  return await use({ ...described, name, sha256: await sha256Of(source) });
}

/**
 * Opens a checkpoint of any format and finds out what network it holds.
 * @param source the file
 * @param args the command line, with `descriptionSpecs`
 * @throws {UsageError} if something is left open, with the options that answer it
 * @throws {CheckpointError} if the file violates its format or belongs to no known architecture
 */
export async function openDescribed(
  source: Parameters<typeof openCheckpoint>[0],
  args: Arguments,
): Promise<DescribedCheckpoint> {
  const stateDict = args.text("state-dict");
  const file = await openCheckpoint(source, stateDict === undefined ? {} : { stateDict });
  try {
    return describeCheckpoint(file, descriptionOptions(args));
  } catch (error) {
    throw explainOpen(error);
  }
}
