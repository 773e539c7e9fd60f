/** The list of models beside the page, and the checkpoints that its host offers. */
import {
  bytesByteSource,
  type ByteSource,
  type Checkpoint,
  describeCheckpoint,
  openCheckpoint,
  OpenQuestionsError,
} from "../../models/mod.ts";
import { sha256Of } from "./hash.ts";
import { type ListedModel, LISTING } from "./listing.ts";
import { publishedModels } from "./published.ts";

/** What is said of a checkpoint that nobody published under its hash. */
const UNKNOWN = { about: "Offered by the host of this page", licence: "not stated; ask the host of this page" };

/** The prior, as it lies beside the page. */
const PRIOR = "default/prior.safetensors";

/**
 * Writes the list of models, and puts the offered ones beside it by their hashes.
 * @param folder of the page, with the prior
 * @param models paths of checkpoints
 * @param place puts the file of a path where the second says
 * @throws {Error} if a file cannot be read, or the page could not open it
 */
export async function writeListing(
  folder: string,
  models: readonly string[],
  place: (from: string, to: string) => Promise<void>,
): Promise<void> {
  await Deno.mkdir(`${folder}/${LISTING.slice(0, LISTING.lastIndexOf("/"))}`, { recursive: true });
  const published = publishedModels();
  const offered: ListedModel[] = [];
  for (const path of models) {
    const model = await described(path);
    const known = published.find(({ sha256 }) => sha256 === model.sha256);
    const ending = /\.\w+$/.exec(path)?.[0].toLowerCase() ?? "";
    const address = `${model.sha256!.slice(0, 16)}${ending}`;
    await place(path, `${folder}/models/${address}`);
    offered.push({ ...model, ...known, address });
  }
  const hashes = new Set(offered.map(({ sha256 }) => sha256));
  const others = published.filter(({ sha256 }) => sha256 === undefined || !hashes.has(sha256));
  await Deno.writeTextFile(`${folder}/${LISTING}`, JSON.stringify([await embedded(folder), ...offered, ...others]));
}

async function embedded(folder: string): Promise<ListedModel> {
  const bytes = await Deno.readFile(`${folder}/${PRIOR}`);
  const source = bytesByteSource(bytes, "prior.safetensors");
  return {
    name: source.name,
    about: "Comes with the page: pictures of 64x64, trained on generated ones, for trying everything",
    bytes: source.size,
    parameters: parametersOf(await openCheckpoint(source)),
    sha256: await sha256Of(source),
    licence: "MIT, as the program",
    form: "safetensors",
    isEmbedded: true,
  };
}

function parametersOf({ tensors }: Checkpoint): number {
  return tensors.values().reduce((sum, { shape }) => sum + shape.reduce((count, side) => count * side, 1), 0);
}

/** What a checkpoint says of itself; one that leaves something open could not be opened by the page. */
async function described(path: string): Promise<ListedModel> {
  const name = path.split(/[\\/]/).at(-1)!;
  try {
    using file = await Deno.open(path);
    const { size, isFile } = await file.stat();
    if (!isFile) throw new Error("it is a folder or device, a file is needed");
    const source = sourceOf(file, name, size);
    const { checkpoint } = describeCheckpoint(await openCheckpoint(source));
    return {
      name,
      ...UNKNOWN,
      bytes: size,
      parameters: parametersOf(checkpoint),
      sha256: await sha256Of(source),
      form: checkpoint.format === "safetensors" ? "safetensors" : "PyTorch",
    };
  } catch (cause) {
    const reason = cause instanceof Deno.errors.NotFound
      ? "there is no such file"
      : cause instanceof Error
      ? cause.message
      : String(cause);
    const advice = cause instanceof OpenQuestionsError
      ? "; say it where the file is converted, once for all: deno task convert FILE OUT.safetensors"
      : "";
    throw new Error(`Cannot offer "${path}": ${reason}${advice}`, { cause });
  }
}

/** An open file; reads come one after the other. */
function sourceOf(file: Deno.FsFile, name: string, size: number): ByteSource {
  return {
    name,
    size,
    async read(offset, length): Promise<Uint8Array> {
      const bytes = new Uint8Array(Math.min(length, size - offset));
      await file.seek(offset, Deno.SeekMode.Start);
      let filled = 0;
      while (filled < bytes.length) {
        const count = await file.read(bytes.subarray(filled));
        if (count === null) break;
        filled += count;
      }
      return bytes.subarray(0, filled);
    },
  };
}
