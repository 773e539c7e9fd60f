/** Opening the network that a path names: one file, a folder, or a file of a folder that belong together. */
import { createHash } from "node:crypto";
import {
  type ByteSource,
  type Checkpoint,
  CheckpointError,
  defaultModelSource,
  describeCheckpoint,
  type DescribedCheckpoint,
  describeWeights,
  type DescriptionOptions,
  hasUnetNames,
  LISTED_FOLDERS,
  MODEL_TEXTS,
  type ModelFiles,
  modelFiles,
  type NamedText,
  openCheckpoint,
  pipelineAmong,
  quoteName,
  requirePixels,
} from "../models/mod.ts";
import { modelPath } from "./downloads.ts";
import { checkpointPath, FileSource } from "./file_source.ts";
import { isFolder, join, readText } from "./output_files.ts";
import { sha256Of } from "./sha256.ts";

/** How a network is opened. */
export interface OpenModelFileOptions {
  /** The state dict that is meant, where a PyTorch file has several. */
  readonly stateDict?: string | undefined;
}

/** A network on disk; it is closed at the end of a `using` block. */
export interface ModelFile extends Disposable {
  /** Name of its file or folder, without what that lies in. */
  readonly name: string;
  /** Its tensors. */
  readonly checkpoint: Checkpoint;
  /** Bytes of its tensors and what is stored with them. */
  readonly size: number;
  /**
   * What identifies it: the SHA-256 of the file, or, where several files make up the network, of the text that has a line
   * with the SHA-256 of each.
   * @returns 64 hexadecimal digits, lower case
   */
  sha256(): Promise<string>;
  /**
   * Finds out what network it is: by the files beside its tensors, or by these alone.
   * @param options what neither tells
   * @returns the network, and what was chosen or assumed, in sentences
   * @throws {OpenQuestionsError} if something is left open
   * @throws {CheckpointError} as `describeWeights` and `describeCheckpoint`
   */
  describe(options?: DescriptionOptions): DescribedCheckpoint;
}

/**
 * Opens the network that a path names: a checkpoint of any format; or weights of diffusers with the config.json beside
 * them, by the name of the folder, of the weights or of one of the JSON files.
 * @param path also `hf:OWNER/NAME`, for the folder that was fetched of it; the embedded prior where it is left out
 * @throws {FileError} if a file cannot be read, or was not fetched
 * @throws {CheckpointError} if it is no checkpoint, or something of the model is missing beside it
 */
export async function openModelFile(path?: string, options: OpenModelFileOptions = {}): Promise<ModelFile> {
  if (path === undefined) return await openSource(await defaultModelSource(), options);
  return await openPath(await modelPath(path), options);
}

async function openPath(path: string, options: OpenModelFileOptions): Promise<ModelFile> {
  if (await isFolder(path)) {
    const folder = await snapshotIn(path) ?? path;
    const files = await filesOf(folder);
    const name = nameOf(path);
    return files
      ? await openFolder(folder, files, { ...options, name })
      : { ...await openFile(await checkpointPath(folder), options), name };
  }
  const [folder, name] = [folderOf(path), nameOf(path)];
  const described = MODEL_TEXTS.includes(name) ? await filesOf(folder, name) : undefined;
  if (described) return await openFolder(folder, described, options);
  const file = await openFile(path, options);
  if (file.checkpoint.metadata.has("config") || !hasUnetNames(file.checkpoint.tensors)) return file;
  file[Symbol.dispose]();
  const files = await filesOf(folder, name);
  if (files) return await openFolder(folder, files, options);
  throw new CheckpointError(
    `Cannot tell what network ${
      quoteName(path)
    } holds: its tensors are those of a UNet2DModel of diffusers, which do not ` +
      "tell norms, heads and padding; the config.json of the same model is needed beside it",
  );
}

/** A checkpoint alone. */
async function openFile(path: string, options: OpenModelFileOptions): Promise<ModelFile> {
  const source = await FileSource.open(path);
  try {
    const file = await openSource(source, options);
    const size = source.parts.reduce((sum, part) => sum + part.size, 0);
    return { ...file, size, [Symbol.dispose]: () => source.close() };
  } catch (error) {
    source.close();
    throw error;
  }
}

async function openSource(source: ByteSource, { stateDict }: OpenModelFileOptions): Promise<ModelFile> {
  const checkpoint = await openCheckpoint(source, stateDict === undefined ? {} : { stateDict });
  return {
    name: nameOf(source.name),
    checkpoint,
    size: source.size,
    sha256: () => sha256Of(source),
    describe: (options) => describeCheckpoint(checkpoint, options),
    [Symbol.dispose]: () => {},
  };
}

/** Weights with the files that describe them. */
async function openFolder(
  folder: string,
  files: ModelFiles,
  options: OpenModelFileOptions & { readonly name?: string },
): Promise<ModelFile> {
  const read = async (name: string | undefined): Promise<NamedText | undefined> =>
    name === undefined ? undefined : { name: joined(folder, name), text: await readText(joined(folder, name)) };
  const [config, scheduler] = await Promise.all([files.config, files.scheduler].map(read));
  const file = await openFile(joined(folder, files.weights), options);
  return {
    ...file,
    name: options.name ?? file.name,
    describe(described): ReturnType<ModelFile["describe"]> {
      const { checkpoint, notes } = describeWeights(file.checkpoint, { config: config!, scheduler }, described);
      const found = describeCheckpoint(checkpoint);
      return { ...found, notes: [...files.notes, ...notes, ...found.notes] };
    },
    async sha256(): Promise<string> {
      const texts = [config!, scheduler].filter((text) => text !== undefined);
      const lines = [await file.sha256(), ...texts.map(({ text }) => hashOf(text))];
      return hashOf(lines.map((line) => `${line}\n`).join(""));
    },
  };
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Where a path's last part begins. */
function lastPart(path: string): number {
  return Math.max(path.lastIndexOf("/"), Deno.build.os === "windows" ? path.lastIndexOf("\\") : -1) + 1;
}

function nameOf(path: string): string {
  const whole = path.replace(/(?<=.)\/+$/, "");
  return whole.slice(lastPart(whole));
}

function folderOf(path: string): string {
  return path.slice(0, lastPart(path)) || ".";
}

function joined(folder: string, name: string): string {
  return folder === "." ? name : join(folder, name);
}

/**
 * The files of the model in a folder; undefined if there is none.
 * @throws {CheckpointError} if it is part of a pipeline that cannot be run, or lacks a file
 */
async function filesOf(folder: string, start?: string): Promise<ModelFiles | undefined> {
  const names = await listed(folder);
  const pipeline = pipelineAmong(names);
  if (pipeline !== undefined) {
    const name = joined(folder, pipeline);
    requirePixels({ name, text: await readText(name) });
  }
  const files = modelFiles(folder, names, start);
  if (files || pipeline === undefined) return files;
  throw new CheckpointError(
    `Cannot load ${
      quoteName(folder)
    }: its model_index.json tells of a unet, whose config.json is needed in the folder ` +
      "unet; download it, too",
  );
}

/** The folder of the current files in the folder that the hub's programs keep for a model; undefined elsewhere. */
async function snapshotIn(path: string): Promise<string | undefined> {
  const commit = await Deno.readTextFile(joined(path, "refs/main")).catch(() => undefined);
  const folder = joined(path, `snapshots/${commit?.trim()}`);
  return commit !== undefined && await isFolder(folder) ? folder : undefined;
}

/** Files of a folder and of those around it that may belong to the same model. */
async function listed(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const part of LISTED_FOLDERS) {
    try {
      for await (const { name, isDirectory } of Deno.readDir(joined(folder, part) || ".")) {
        if (!isDirectory) names.push(part + name);
      }
    } catch {
      // It is not there, or nobody may look into it: then nothing in it belongs to the model.
    }
  }
  return names;
}
