/** Which files of a folder are a model of the diffusers library: a choice by their names alone. */
import { CheckpointError, quoteName } from "../checkpoint/checkpoint_error.ts";
import { publishedWeights } from "./weights_choice.ts";

/** The files of a model, by the paths that they were listed with. */
export interface ModelFiles {
  /** config.json of the network. */
  readonly config: string;
  /** Its weights, or the index of their parts. */
  readonly weights: string;
  /** scheduler_config.json; undefined where there is none. */
  readonly scheduler: string | undefined;
  /** What was chosen among several, in sentences. */
  readonly notes: readonly string[];
}

/** The folders, seen from the one that is named, whose files are listed: "" is that folder itself. */
export const LISTED_FOLDERS = ["", "unet/", "unet_ema/", "scheduler/", "../", "../unet/", "../scheduler/"] as const;

const CONFIG = "config.json";
const SCHEDULER = "scheduler_config.json";
const PIPELINE = "model_index.json";

/** The files that say what a model is. */
export const MODEL_TEXTS: readonly string[] = [CONFIG, SCHEDULER, PIPELINE];

/**
 * The files of a model.
 * @param path the folder, for messages
 * @param names files of `LISTED_FOLDERS`, with the folder before the name
 * @param start the file that is named, where it is not the folder: weights, the index of their parts, or one of
 *   `MODEL_TEXTS`
 * @returns undefined where no config.json tells of a network
 * @throws {CheckpointError} if there is one, but no weights, or several that are equally likely
 */
export function modelFiles(path: string, names: readonly string[], start?: string): ModelFiles | undefined {
  const there = new Set(names);
  const isWeights = start !== undefined && !MODEL_TEXTS.includes(start);
  const folder = isWeights
    ? ["", "../unet/"].find((folder) => there.has(folder + CONFIG))
    : networkFolder(there, start ?? "");
  if (folder === undefined) return undefined;
  const { weights, note } = isWeights ? { weights: start!, note: undefined } : weightsIn(path, names, folder);
  return {
    config: folder + CONFIG,
    weights,
    scheduler: start === SCHEDULER ? start : firstOf(there, schedulersOf(folder)),
    notes: [note, averageNote(there, folder)].filter((text) => text !== undefined),
  };
}

/**
 * The model_index.json that says what else belongs to a network.
 * @param names as for `modelFiles`
 * @returns undefined where there is none
 */
export function pipelineAmong(names: readonly string[]): string | undefined {
  // A folder that is no part of a pipeline may lie beside the files of one.
  return firstOf(new Set(names), names.includes(CONFIG) ? [PIPELINE, `../${PIPELINE}`] : [PIPELINE]);
}

function firstOf(there: ReadonlySet<string>, names: readonly string[]): string | undefined {
  return names.find((name) => there.has(name));
}

/** Where the network of a pipeline lies; the averages of a training before the weights that it goes on with. */
function networkFolder(there: ReadonlySet<string>, start: string): string | undefined {
  if (start === CONFIG) return "";
  const folders = start === SCHEDULER ? ["unet/", "../unet/", ""] : ["unet/", ""];
  const found = folders.find((folder) => there.has(folder + CONFIG));
  const isTraining = !there.has(PIPELINE) && there.has(`unet_ema/${CONFIG}`);
  return isTraining && found !== "" ? "unet_ema/" : found;
}

function averageNote(there: ReadonlySet<string>, folder: string): string | undefined {
  if (folder !== "unet_ema/" || !there.has(`unet/${CONFIG}`)) return undefined;
  return "Its weights are those of unet_ema, averages of the training; name the folder unet in it for the others";
}

/** Where the scheduler of a network may lie: with the parts of a pipeline, in the root with all else, or nowhere. */
function schedulersOf(folder: string): readonly string[] {
  if (folder === "") return [SCHEDULER, `scheduler/${SCHEDULER}`, `../scheduler/${SCHEDULER}`];
  const root = folder.replace(/\w+\/$/, "");
  return [`${root}scheduler/${SCHEDULER}`, `${root}${SCHEDULER}`, folder + SCHEDULER];
}

/** Endings of weights by any name. */
const ANY_WEIGHTS = /\.(safetensors|bin|pt|pth|ckpt)$/;

function weightsIn(
  path: string,
  names: readonly string[],
  folder: string,
): { readonly weights: string; readonly note?: string } {
  const own = names.filter((name) => name.startsWith(folder) && !name.slice(folder.length).includes("/"))
    .map((name) => name.slice(folder.length));
  const [best, ...rest] = publishedWeights(own);
  if (best) {
    const weights = folder + best.path;
    if (best.variant === undefined) return { weights };
    const variants = new Set([best, ...rest].map(({ variant }) => variant)).size;
    const note = variants > 1
      ? `Of ${variants} variants of its weights ${best.variant} is taken`
      : `Its weights are the variant ${best.variant}, there are no others`;
    return { weights, note };
  }
  const others = own.filter((name) => ANY_WEIGHTS.test(name));
  if (others.length === 1) return { weights: folder + others[0]! };
  const found = others.length === 0 ? "no weights are" : `only ${others.slice(0, 3).join(", ")} are`;
  throw new CheckpointError(
    `Cannot load ${
      quoteName(path)
    }: beside its ${folder}${CONFIG} ${found}, diffusion_pytorch_model.safetensors or .bin ` +
      `is needed${others.length === 0 ? "; download it, too" : "; name the file that is meant"}`,
  );
}
