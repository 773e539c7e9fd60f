/** What the JSON files of a diffusers model say of the network in its weights. */
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { CheckpointError, quoteName } from "../checkpoint/checkpoint_error.ts";
import { type DescriptionOptions, OpenQuestionsError, withConfig } from "../describe_checkpoint.ts";
import type { Description } from "../family.ts";
import { planDescription } from "../model_description.ts";
import { DIFFUSERS, DIFFUSERS_KEYWORDS, sideOf, UNET_CLASS, UNSEEN_KEYWORDS } from "./config.ts";
import { attentionNaming } from "./layout.ts";
import { type ReadScheduler, readScheduler, WITHOUT_SCHEDULER } from "./scheduler.ts";

/** A file that was read. */
export interface NamedText {
  /** What messages call it. */
  readonly name: string;
  /** What it holds. */
  readonly text: string;
}

/** The JSON files of a model. */
export interface ModelTexts {
  /** config.json of the network. */
  readonly config: NamedText;
  /** scheduler_config.json, where there is one. */
  readonly scheduler?: NamedText | undefined;
}

/** Weights that say what network they are. */
export interface DescribedWeights {
  /** The weights, with `config` in their metadata. */
  readonly checkpoint: Checkpoint;
  /** What was assumed, in sentences. */
  readonly notes: readonly string[];
}

/** What a user may say of what no file says, by the keys of descriptions. */
const ANSWERS: Readonly<Record<string, string>> = {
  imageSize: "image_size",
  predictionType: "prediction_type",
  schedule: "noise_schedule",
  diffusionSteps: "diffusion_steps",
  valueRange: "value_range",
};

/** What a pipeline has beside a network that denoises codes of an autoencoder. */
const AUTOENCODERS = ["vae", "vqvae", "vqmodel", "movq"];

/** Names that networks of the library have which are given a text. */
const CONDITIONED = /(^|\.)(transformer_blocks|attn2|add_embedding|encoder_hid_proj)\./;

/**
 * Whether tensors have the names of a UNet2DModel, whatever stands before them; those of networks that are given a text
 * as well have more.
 * @param tensors names of a checkpoint
 */
export function hasUnetNames(tensors: Checkpoint["tensors"]): boolean {
  const names = [...tensors.keys()];
  return ["time_embedding.linear_1.weight", "conv_norm_out.weight"].every((end) =>
    names.some((name) => name === end || name.endsWith(`.${end}`))
  ) && !names.some((name) => CONDITIONED.test(name));
}

/**
 * Makes weights say what the files beside them say.
 * @param file the open weights
 * @param texts the files beside them
 * @param options what the user says of what no file says: the training size, or the process where there is no scheduler
 * @throws {CheckpointError} if a file is none of a UNet2DModel that can be run, or the user contradicts it
 * @throws {OpenQuestionsError} if the training size is not said
 */
export function describeWeights(
  file: Checkpoint,
  { config, scheduler }: ModelTexts,
  options: DescriptionOptions = {},
): DescribedWeights {
  const own = networkOf(config, file);
  const unsaid = Object.fromEntries(
    UNSEEN_KEYWORDS.filter((key) => own[key] === undefined).map((key) => [key, DIFFUSERS_KEYWORDS[key].default]),
  );
  const network = { ...own, ...unsaid };
  const { process, notes } = scheduler ? schedulerOf(scheduler) : WITHOUT_SCHEDULER;
  const said = { architecture: DIFFUSERS, ...network, ...process };
  const answers = answersOf(file, said, options, scheduler !== undefined);
  const description = { ...said, ...answers };
  if (!("image_size" in description)) throw openSize(file, description, config);
  inFile(config.name, () => planDescription(description));
  const isAssumed = scheduler !== undefined || !("noise_schedule" in answers && "prediction_type" in answers);
  return {
    checkpoint: withConfig(file, description),
    notes: [...defaultsNote(config, unsaid), ...isAssumed ? notes : []],
  };
}

function defaultsNote({ name }: NamedText, unsaid: Description): readonly string[] {
  const values = Object.entries(unsaid).map(([key, value]) => `${key} ${value}`);
  return values.length === 0
    ? []
    : [`Defaults of the library are taken for what ${name} does not say: ${values.join(", ")}`];
}

/**
 * Makes sure that a pipeline has a network that is given pictures.
 * @param index its model_index.json
 * @throws {CheckpointError} if it denoises codes of an autoencoder, or with another network than a UNet2DModel
 */
export function requirePixels({ name, text }: NamedText): void {
  const index = parsed(name, text);
  const autoencoder = AUTOENCODERS.find((key) => index[key] !== undefined);
  const [, network] = Array.isArray(index.unet) ? index.unet as unknown[] : [];
  const pipeline = quoteName(String(index._class_name ?? "a pipeline"));
  const needed = `a pipeline such as DDPMPipeline, whose network (${UNET_CLASS}) denoises pictures, is needed`;
  if (autoencoder !== undefined) {
    throw new CheckpointError(
      `Cannot load ${
        quoteName(name)
      }: it is ${pipeline}, a latent diffusion model, whose network denoises the codes of ` +
        `an autoencoder (${quoteName(autoencoder)}) and no pictures; ${needed}`,
    );
  }
  if (network === UNET_CLASS) return;
  const found = network === undefined ? "has no unet" : `has a ${String(network)} for unet`;
  throw new CheckpointError(`Cannot load ${quoteName(name)}: it is ${pipeline} and ${found}; ${needed}`);
}

/** Keywords of the network; what its tensors tell is taken from them. */
function networkOf({ name, text }: NamedText, { tensors }: Checkpoint): Description {
  const config = parsed(name, text);
  const found = config._class_name ?? (Array.isArray(config.architectures) ? config.architectures[0] : undefined);
  if (found === undefined ? !("block_out_channels" in config) : found !== UNET_CLASS) {
    const what = found === undefined ? "no configuration of a network" : `that of ${quoteName(String(found))}`;
    throw new CheckpointError(`Cannot load ${quoteName(name)}: it is ${what}, one of ${UNET_CLASS} is needed`);
  }
  const { sample_size, mid_block_type, ...keywords } = Object.fromEntries(
    Object.entries(config).filter(([key]) => !key.startsWith("_")),
  );
  const names = [...tensors.keys()];
  // Programs of different times mean different things by null.
  const hasMiddle = names.some((own) => /(^|\.)mid_block\./.test(own));
  return {
    ...keywords,
    ...(mid_block_type === undefined || (mid_block_type === null && hasMiddle) ? {} : { mid_block_type }),
    ...attentionNaming(names),
    ...(sample_size === undefined || sample_size === null
      ? {}
      : { image_size: inFile(name, () => sideOf(sample_size as number)) }),
  };
}

function schedulerOf({ name, text }: NamedText): ReadScheduler {
  return inFile(name, () => readScheduler(parsed(name, text)));
}

/** What the user says, by the keys of descriptions; nothing that a file says already. */
function answersOf(
  file: Checkpoint,
  said: Description,
  options: DescriptionOptions,
  hasScheduler: boolean,
): Description {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined).map(([option, value]) => {
      const key = Object.hasOwn(ANSWERS, option) ? ANSWERS[option]! : undefined;
      const isOfProcess = key !== undefined && key !== "image_size" && key !== "value_range";
      if (key === undefined || key in said || (isOfProcess && hasScheduler)) {
        throw new CheckpointError(
          `Cannot load ${
            quoteName(file.name)
          }: ${option} is given, which the configuration beside it says; leave it out`,
        );
      }
      return [key, key === "value_range" ? (value === "0..1" ? [0, 1] : [-1, 1]) : value];
    }),
  );
}

function openSize(file: Checkpoint, description: Description, { name }: NamedText): OpenQuestionsError {
  const planFor = (size: number): ReturnType<typeof planDescription>["plan"] =>
    planDescription({ ...description, image_size: size }).plan;
  const { downsampling } = inFile(name, () => planFor(2 ** 20));
  return new OpenQuestionsError(
    `Cannot tell what network ${quoteName(file.name)} holds: its configuration leaves something open`,
    [{ options: ["imageSize"], what: "side of the training images", choices: `a multiple of ${downsampling}` }],
    description,
    planFor,
  );
}

function parsed(name: string, text: string): Description {
  const value: unknown = inFile(name, () => JSON.parse(text));
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Description;
  throw new CheckpointError(`Cannot load ${quoteName(name)}: it holds no JSON object, a configuration is needed`);
}

/** What is read of a file; what it throws becomes a CheckpointError that names the file. */
function inFile<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CheckpointError(`Cannot load ${quoteName(name)}: ${reason}`, { cause });
  }
}
