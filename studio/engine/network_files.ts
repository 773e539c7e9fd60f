/** The files of a network as a browser has them: one, or a folder in the layout of diffusers, read in place. */
import {
  blobByteSource,
  type ByteSource,
  CheckpointError,
  checkpointsAmong,
  defaultModelSource,
  describeCheckpoint,
  type DescribedCheckpoint,
  describeWeights,
  LISTED_FOLDERS,
  modelFiles,
  type NamedText,
  openCheckpoint,
  pipelineAmong,
  quoteName,
  requirePixels,
} from "../../models/mod.ts";
import { sha256Of, sha256OfText } from "../models/hash.ts";
import type { ModelFolder } from "../protocol.ts";

/** The files of a network. */
export interface NetworkFiles {
  /** Name of the file or folder. */
  readonly name: string;
  /** Bytes of all that holds tensors. */
  readonly size: number;
  /** Paths of those in a folder; undefined of a single file. */
  readonly paths: readonly string[] | undefined;
  /**
   * What identifies the network, as the commands reckon it: the SHA-256 of the file, or, where several files make up the
   * network, of the text that has a line with the SHA-256 of each.
   * @param onProgress told the bytes that are done; may throw to stop
   */
  sha256(onProgress: (done: number) => void): Promise<string>;
  /**
   * Finds out what network it is.
   * @throws {OpenQuestionsError} if something is left open
   * @throws {CheckpointError} if the files do not fit together
   */
  describe(): DescribedCheckpoint;
}

/**
 * Opens the files of a network; no tensor is read.
 * @throws {CheckpointError} if they hold none, or lack a part
 */
export async function openFiles(source: File | ModelFolder | "prior"): Promise<NetworkFiles> {
  if (source === "prior") return await openAlone(await defaultModelSource());
  if (source instanceof File) return await openAlone(blobByteSource(source, source.name));
  return await openFolder(source);
}

async function openAlone(source: ByteSource): Promise<NetworkFiles> {
  const checkpoint = await openCheckpoint(source);
  return {
    name: source.name.slice(source.name.lastIndexOf("/") + 1),
    size: source.size,
    paths: undefined,
    sha256: (onProgress) => sha256Of(source, onProgress),
    describe: () => describeCheckpoint(checkpoint),
  };
}

/** What lies in a folder, and in those below it that a model may have. */
class OpenedFolder {
  readonly #files: ReadonlyMap<string, File>;
  /** What was opened, by paths. */
  readonly opened: Map<string, ByteSource> = new Map();

  constructor({ files }: ModelFolder) {
    const isListed = (path: string): boolean =>
      (LISTED_FOLDERS as readonly string[]).includes(path.slice(0, path.lastIndexOf("/") + 1));
    this.#files = new Map(files.filter(({ path }) => isListed(path)).map(({ path, file }) => [path, file]));
  }

  get names(): readonly string[] {
    return [...this.#files.keys()];
  }

  async text(path: string): Promise<NamedText> {
    return { name: path, text: await this.#files.get(path)!.text() };
  }

  /** A file with those beside it. */
  source(path: string): ByteSource {
    const known = this.opened.get(path);
    if (known) return known;
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    const beside = this.names.filter((name) => name.startsWith(folder)).map((name) => name.slice(folder.length));
    const source = {
      ...blobByteSource(this.#files.get(path)!, path),
      beside: {
        names: () => Promise.resolve(beside.filter((name) => !name.includes("/"))),
        open: (name: string) => Promise.resolve(this.source(folder + name)),
      },
    };
    this.opened.set(path, source);
    return source;
  }
}

async function openFolder(given: ModelFolder): Promise<NetworkFiles> {
  const { name } = given;
  const folder = new OpenedFolder(given);
  const { weights, texts, notes } = await chooseFiles(name, folder);
  const checkpoint = await openCheckpoint(folder.source(weights));
  const parts = [...folder.opened.values()];
  const [config, scheduler] = texts;
  return {
    name,
    size: parts.reduce((sum, { size }) => sum + size, 0),
    paths: [...texts.map((text) => text.name), ...folder.opened.keys()],
    async sha256(onProgress): Promise<string> {
      const hashes: string[] = [];
      let before = 0;
      for (const part of parts) {
        hashes.push(await sha256Of(part, (done) => onProgress(before + done)));
        before += part.size;
      }
      const tensors = hashes.length === 1 ? hashes[0]! : sha256OfLines(hashes.sort());
      return texts.length === 0 ? tensors : sha256OfLines([tensors, ...texts.map(({ text }) => sha256OfText(text))]);
    },
    describe(): DescribedCheckpoint {
      if (!config) return describeCheckpoint(checkpoint);
      const described = describeWeights(checkpoint, { config, scheduler });
      const found = describeCheckpoint(described.checkpoint);
      return { ...found, notes: [...notes, ...described.notes, ...found.notes] };
    },
  };
}

/** The weights of a folder, and the files that describe them where there are any. */
async function chooseFiles(
  name: string,
  folder: OpenedFolder,
): Promise<{ readonly weights: string; readonly texts: readonly NamedText[]; readonly notes: readonly string[] }> {
  const { names } = folder;
  const pipeline = pipelineAmong(names);
  if (pipeline !== undefined) requirePixels(await folder.text(pipeline));
  const files = modelFiles(name, names);
  if (files) {
    const texts = [files.config, files.scheduler].filter((path) => path !== undefined);
    return { ...files, texts: await Promise.all(texts.map((path) => folder.text(path))) };
  }
  const found = pipeline === undefined ? checkpointsAmong(names.filter((path) => !path.includes("/"))) : [];
  if (found.length === 1) return { weights: found[0]!, texts: [], notes: [] };
  throw new CheckpointError(
    `Cannot load ${quoteName(name)}: ${
      pipeline !== undefined
        ? "its model_index.json tells of a unet, whose config.json is needed in the folder unet; bring it, too"
        : found.length === 0
        ? "the folder has no config.json of a network and no file of weights; bring a folder with them"
        : `the folder has several files of weights (${found.slice(0, 3).join(", ")}); bring the one that is meant`
    }`,
  );
}

function sha256OfLines(lines: readonly string[]): string {
  return sha256OfText(lines.map((line) => `${line}\n`).join(""));
}
