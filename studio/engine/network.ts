/** The network of the page: the prior, or a checkpoint that somebody chose. */
import type { Runtime } from "../../engine/mod.ts";
import { type OpenedModel, openModel, OpenQuestionsError, originNotes } from "../../models/mod.ts";
import { UsageError } from "../../parameters/mod.ts";
import { pictureChannels } from "../../restoration/mod.ts";
import type { ModelFacts, ModelFolder, OnProgress } from "../protocol.ts";
import { openFiles } from "./network_files.ts";

/** Where a network comes from. */
export type NetworkSource = File | ModelFolder | "prior";

/** An open network. */
export interface OpenNetwork {
  /** Where it comes from. */
  readonly source: NetworkSource;
  /** Name of its file or folder. */
  readonly name: string;
  /** SHA-256 of the file, or what stands for it of a folder, hexadecimal. */
  readonly sha256: string;
  /** Files of a folder from which it was read; undefined of a single file. */
  readonly paths: readonly string[] | undefined;
  /** The network. */
  readonly model: OpenedModel;
  /** What was chosen or assumed, as sentences. */
  readonly notes: readonly string[];
  /** Seconds that opening took. */
  readonly seconds: number;
}

/** What is told while a network is opened, and whether it goes on. */
export interface Opening {
  /** Told the bytes done and in all; reading for the hash and for the weights are one half each. */
  readonly onProgress?: OnProgress | undefined;
  /** Throws to stop. */
  check(): void;
}

/**
 * Opens a network.
 * @param runtime where the weights go
 * @throws {UsageError} if the file does not tell what network it is, or the network is not one for pictures
 * @throws {CheckpointError} if it is no checkpoint
 */
export async function openNetwork(
  runtime: Runtime,
  source: NetworkSource,
  { onProgress, check }: Opening,
): Promise<OpenNetwork> {
  const start = performance.now();
  const files = await openFiles(source);
  const { size } = files;
  const { description, notes, known, ...described } = questionsAnswered(() => files.describe());
  if (typeof description["in_channels"] === "number") pictureChannels(files.name, description["in_channels"]);
  const told = (done: number, total: number): void => {
    check();
    onProgress?.(Math.round(done), Math.round(total));
  };
  const sha256 = await files.sha256((done) => told(done / 2, size));
  const model = await openModel(runtime, described.checkpoint, {
    onProgress: (done, total) => told(size * (1 + done / total) / 2, size),
  });
  return {
    source,
    name: files.name,
    sha256,
    paths: files.paths,
    model,
    notes: originNotes({ known, notes }),
    seconds: (performance.now() - start) / 1000,
  };
}

/** What is left open can be answered where the file is converted. */
function questionsAnswered<T>(describe: () => T): T {
  try {
    return describe();
  } catch (error) {
    if (!(error instanceof OpenQuestionsError)) throw error;
    throw new UsageError(
      `${error.message}; say it where the file is converted, once for all: deno task convert FILE OUT.safetensors`,
      { cause: error },
    );
  }
}

/** What the page is told of a network. */
export function modelFacts({ name, sha256, paths, model, notes }: OpenNetwork): ModelFacts {
  const { parameterCount, config: { imageSize, numClasses } } = model;
  const facts = { name, sha256, parameterCount, imageSize, hasClasses: numClasses !== undefined, notes };
  return paths ? { ...facts, paths } : facts;
}
