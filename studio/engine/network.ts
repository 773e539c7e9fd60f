/** The network of the page: the prior, or a checkpoint that somebody chose. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Runtime } from "../../engine/mod.ts";
import {
  blobByteSource,
  type ByteSource,
  defaultModelSource,
  describeCheckpoint,
  openCheckpoint,
  type OpenedModel,
  openModel,
  OpenQuestionsError,
} from "../../models/mod.ts";
import { UsageError } from "../../parameters/mod.ts";
import { pictureChannels } from "../../restoration/mod.ts";
import type { ModelFacts, OnProgress } from "../protocol.ts";

/** Where a network comes from. */
export type NetworkSource = File | "prior";

/** An open network. */
export interface OpenNetwork {
  /** Where it comes from. */
  readonly source: NetworkSource;
  /** Name of its file. */
  readonly name: string;
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
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
  const bytes = source === "prior" ? await defaultModelSource() : blobByteSource(source, source.name);
  const checkpoint = await openCheckpoint(bytes);
  const { description, notes, known, ...described } = questionsAnswered(() => describeCheckpoint(checkpoint));
  if (typeof description["in_channels"] === "number") pictureChannels(bytes.name, description["in_channels"]);
  const told = (done: number, total: number): void => {
    check();
    onProgress?.(Math.round(done), Math.round(total));
  };
  const hash = await hashOf(bytes, (done) => told(done / 2, bytes.size));
  const model = await openModel(runtime, described.checkpoint, {
    onProgress: (done, total) => told(bytes.size * (1 + done / total) / 2, bytes.size),
  });
  const names = known.map(({ name }) => name).join(", ");
  return {
    source,
    name: nameOf(bytes.name),
    sha256: hash,
    model,
    notes: [
      ...notes,
      ...(names === ""
        ? []
        : [`Its tensors are those of ${names}: schedule, heads and range of values are taken from there`]),
    ],
    seconds: (performance.now() - start) / 1000,
  };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
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

/** Bytes that are hashed at once. */
const HASHED_BYTES = 4 << 20;

/** The SHA-256 of all bytes, read part by part. */
async function hashOf(source: ByteSource, onProgress: (done: number) => void): Promise<string> {
  const hash = sha256.create();
  for (let at = 0; at < source.size; at += HASHED_BYTES) {
    const length = Math.min(HASHED_BYTES, source.size - at);
    hash.update(await source.read(at, length));
    onProgress(at + length);
  }
  return bytesToHex(hash.digest());
}

/** What the page is told of a network. */
export function modelFacts({ name, sha256, model, notes }: OpenNetwork): ModelFacts {
  const { parameterCount, config: { imageSize, numClasses } } = model;
  return { name, sha256, parameterCount, imageSize, hasClasses: numClasses !== undefined, notes };
}
