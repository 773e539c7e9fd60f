/** Which files of a repository make a network that predicts noise, in the folder layout of diffusers. */
import { publishedWeights, type WeightsChoice } from "../diffusers/weights_choice.ts";

/** The small files that say what a pipeline is, by their paths. */
export interface PipelineLayout {
  /** What the pipeline consists of; undefined in the folder of a single network. */
  readonly index: string | undefined;
  /** What the network is. */
  readonly network: string;
  /** What process it was trained with; undefined where nothing says it. */
  readonly scheduler: string | undefined;
  /** Where the weights are: `unet/`, or empty for the root. */
  readonly folder: string;
}

const INDEX = "model_index.json";
const NETWORK = "config.json";
const SCHEDULER = "scheduler_config.json";
const STEM = "diffusion_pytorch_model";

/** Kinds of blocks that a network may have, where its configuration names them. */
const BLOCKS = [
  ...["DownBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D"],
  ...["UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D"],
];

/**
 * Finds out what lies where: a component in a folder of its own, or else in the root.
 * @param paths all paths of the repository
 * @throws {TypeError} if no network lies there
 */
export function pipelineLayout(paths: ReadonlySet<string>): PipelineLayout {
  const first = (...candidates: readonly string[]): string | undefined => candidates.find((path) => paths.has(path));
  const network = first(`unet/${NETWORK}`, NETWORK);
  if (network === undefined) throw new TypeError(nothingThere(paths));
  return {
    index: first(INDEX),
    network,
    scheduler: first(`scheduler/${SCHEDULER}`, SCHEDULER),
    folder: network.slice(0, -NETWORK.length),
  };
}

/** Says what a repository lacks, and which of its files may be fetched by themselves. */
function nothingThere(paths: ReadonlySet<string>): string {
  const single = [...paths].filter((path) => /\.(?:safetensors|ckpt|pth?|bin)$/.test(path));
  const shown = single.slice(0, 4).join(", ") + (single.length > 4 ? ` and ${single.length - 4} more` : "");
  return `it has neither unet/${NETWORK} nor ${NETWORK}, the folder of a diffusers UNet2DModel is needed` +
    (single.length === 0 ? "" : `; a file (${shown}) is fetched by its address, which its page tells`);
}

/**
 * Makes sure, from the small files, that a pipeline is one network of pixels without a condition but the class.
 * @param index `model_index.json`, undefined where there is none
 * @param network `config.json` of the network
 * @throws {TypeError} saying what it is instead
 */
export function requirePixelNetwork(index: unknown, network: unknown): void {
  const components = Object.keys(index === undefined ? {} : objectOf(index, INDEX));
  const latent = components.find((name) => ["vae", "vqvae", "movq"].includes(name));
  if (latent !== undefined) {
    throw new TypeError(`it is a latent pipeline (it has a "${latent}"), a network of pixels is needed`);
  }
  const condition = components.find((name) => /^(?:text_encoder|tokenizer|image_encoder|prior|transformer)/.test(name));
  if (condition !== undefined) {
    throw new TypeError(`it is a conditional pipeline (it has a "${condition}"), a UNet2DModel alone is needed`);
  }
  const { _class_name, down_block_types, up_block_types, time_embedding_type } = objectOf(network, NETWORK);
  if (_class_name !== "UNet2DModel") {
    const found = _class_name === undefined ? "says no class" : `is of a ${JSON.stringify(_class_name)}`;
    throw new TypeError(`its ${NETWORK} ${found}, a UNet2DModel is needed`);
  }
  const blocks = [down_block_types, up_block_types].flatMap((types) => Array.isArray(types) ? types : []);
  const block = blocks.find((type) => !BLOCKS.includes(type));
  if (block !== undefined) {
    throw new TypeError(`its network has blocks of the kind ${JSON.stringify(block)}, one of ${BLOCKS} is needed`);
  }
  if (time_embedding_type !== undefined && time_embedding_type !== "positional") {
    throw new TypeError(`its timesteps are embedded as ${JSON.stringify(time_embedding_type)}, "positional" is needed`);
  }
}

/**
 * The best of the weights in a folder.
 * @param names all names in the network's folder
 * @throws {TypeError} if there are none
 */
export function chooseWeights(names: readonly string[]): WeightsChoice {
  const [best] = publishedWeights(names);
  if (best !== undefined) return best;
  throw new TypeError(
    `its network has no weights, ${STEM}.safetensors or ${STEM}.bin, whole or with an index of its parts, is needed`,
  );
}

/**
 * The files that an index of weights names.
 * @param index `{metadata, weight_map: {TENSOR: FILE}}`
 * @param names all names in the network's folder
 * @returns each once, sorted
 * @throws {TypeError} if it is no index, or names a file that is not beside it
 */
export function filesOfIndex(index: unknown, names: ReadonlySet<string>): readonly string[] {
  const { weight_map } = objectOf(index, "the index of the weights");
  const files = [...new Set<unknown>(Object.values(objectOf(weight_map, "the weight_map of the weights' index")))];
  const foreign = files.find((file) => typeof file !== "string" || !names.has(file));
  if (files.length > 0 && foreign === undefined) return (files as string[]).sort();
  throw new TypeError(
    foreign === undefined
      ? "the index of its weights names no files"
      : `the index of its weights names ${JSON.stringify(foreign)}, which is not beside it`,
  );
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new TypeError(`${what} holds ${JSON.stringify(value)?.slice(0, 40) ?? "nothing"}, an object is needed`);
}
