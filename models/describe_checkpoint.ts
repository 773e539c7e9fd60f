// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
/** Finding out what network a checkpoint holds that does not say it itself. */
import { formatShape, sameShape } from "../engine/mod.ts";
import type { NetworkPlan } from "./architecture.ts";
import type { Checkpoint } from "./checkpoint/checkpoint.ts";
import { CheckpointError, quoteName } from "./checkpoint/checkpoint_error.ts";
import {
  attentionChannels,
  ddpmAttentionLevels,
  detectArchitecture,
  type TensorShapes,
} from "./detect_architecture.ts";
import { KNOWN_CHECKPOINTS, type KnownCheckpoint, knownCheckpoint } from "./known_checkpoints.ts";
import { type Description, planDescription } from "./model_description.ts";
import type { BetaCurve } from "./noise_schedule.ts";
import type { ParameterSet } from "./weights.ts";

/** What names and shapes of tensors cannot say, as the user says it. */
export interface DescriptionOptions {
  /** The known checkpoint that the file is, by name. */
  readonly as?: string;
  /** Whether a UNet is given a low-resolution image, where its channels can be read both ways. */
  readonly network?: "unet" | "super-resolution";
  /** Levels of a classifier, where its blocks can be counted in several ways. */
  readonly levels?: number;
  /** Side of the training images. */
  readonly imageSize?: number;
  /** Heads of each attention. */
  readonly heads?: number;
  /** Channels of each attention head. */
  readonly headChannels?: number;
  /** How channels of attentions are laid out: head, q|k|v (legacy) or q|k|v, head (new). */
  readonly attentionOrder?: "legacy" | "new";
  readonly schedule?: BetaCurve;
  /** Steps of the process that the network was trained with. */
  readonly diffusionSteps?: number;
  /** Range of the images: [-1, 1] or [0, 1]. */
  readonly valueRange?: "-1..1" | "0..1";
}

/** Something that must be said, with what may be said. */
export interface OpenQuestion {
  /** The option that answers it, or two of which one does. */
  readonly options: readonly (keyof DescriptionOptions)[];
  /** What it is about. */
  readonly what: string;
  /** The possible answers. */
  readonly choices: string;
}

/** A checkpoint does not say what network it holds, and names and shapes of its tensors leave something open. */
export class OpenQuestionsError extends CheckpointError {
  /**
   * Keeps what is open and what is not.
   * @param lead the message without the questions
   * @param questions what must be said
   * @param description what is certain
   * @param planFor a network of the same tensors for some training size, whatever the answers; undefined if its levels
   * are open
   */
  constructor(
    readonly lead: string,
    readonly questions: readonly OpenQuestion[],
    readonly description: Description,
    readonly planFor: ((imageSize: number) => NetworkPlan) | undefined,
  ) {
    super(`${lead}: ${questions.map(({ what, choices }) => `${what} (${choices})`).join("; ")}`);
  }
}

/** A checkpoint that says what network it holds. */
export interface DescribedCheckpoint {
  /** The checkpoint, with `config` in its metadata. */
  readonly checkpoint: Checkpoint;
  readonly description: Description;
  /** Known checkpoints with the same tensors; what names and shapes leave open was taken from them. */
  readonly known: readonly KnownCheckpoint[];
}

/**
 * Makes a checkpoint say what network it holds: by its own metadata; else by names and shapes of its tensors, and what
 * these leave open by `options`, or by the known checkpoints with just these tensors, as far as they agree. Nothing is
 * assumed beyond that.
 * @param file the open checkpoint
 * @param options what the user says; it outweighs what is known of published checkpoints
 * @throws {OpenQuestionsError} if something is left open
 * @throws {CheckpointError} if the tensors belong to no known architecture, or `options` contradict them
 */
export function describeCheckpoint(file: Checkpoint, options: DescriptionOptions = {}): DescribedCheckpoint {
  const own = file.metadata.get("config");
  if (own !== undefined) return selfDescribed(file, own, options);
  const shapes: TensorShapes = new Map(Array.from(file.tensors, ([name, { shape }]) => [name, shape]));
  const candidates = candidatesOf(file, shapes);
  const known = knownWith(file, shapes, options.as);
  const agreed = agreement(known.map(({ description }) => description));
  const fitting = candidates.filter((candidate) => agrees(candidate, agreed) && isChosen(candidate, options));
  const [candidate] = fitting;
  if (!candidate) throw contradiction(file, "network and levels", structures(candidates));
  const given = answers(file, candidate, shapes, options);
  const merged = withResolutions({ ...candidate, ...withoutOtherSize(agreed, given), ...given }, shapes);
  const questions = [...structureQuestions(fitting), ...openQuestions(merged, shapes)];
  if (questions.length > 0) throw openError(file, shapes, merged, questions);
  return { checkpoint: withConfig(file, merged), description: merged, known };
}

function selfDescribed(file: Checkpoint, config: string, options: DescriptionOptions): DescribedCheckpoint {
  const [said] = Object.keys(options);
  if (said !== undefined) {
    throw contradiction(file, "its metadata say what network it holds", `leave ${said} out`);
  }
  let description: Description;
  try {
    description = JSON.parse(config);
    planDescription(description);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CheckpointError(
      `Cannot load ${quoteName(file.name)}: "config" in its metadata does not fit (${reason})`,
      { cause },
    );
  }
  return { checkpoint: file, description, known: [] };
}

/** The networks whose parameters are exactly the tensors of the file. */
function candidatesOf(file: Checkpoint, shapes: TensorShapes): readonly Description[] {
  const tried = detectArchitecture(shapes).map((candidate) => ({ candidate, differences: compare(candidate, shapes) }));
  const fitting = tried.filter(({ differences }) => differences.length === 0).map(({ candidate }) => candidate);
  if (fitting.length > 0) return fitting;
  const nearest = tried.toSorted((a, b) => a.differences.length - b.differences.length)[0];
  const [first] = shapes.keys();
  const found = nearest
    ? `it resembles a ${nearest.candidate.architecture} network, but ${nearest.differences.length} tensors differ ` +
      `(first ${nearest.differences[0]})`
    : `its ${shapes.size} tensors (first ${
      first === undefined ? "none" : quoteName(first)
    }) belong to no known network`;
  throw new CheckpointError(
    `Cannot tell what network ${
      quoteName(file.name)
    } holds: ${found}; networks of guided-diffusion, its classifiers, ` +
      "and DDPM can be loaded",
  );
}

/** The known checkpoints that have just these tensors; the one that the user names must be among them. */
function knownWith(file: Checkpoint, shapes: TensorShapes, name: string | undefined): readonly KnownCheckpoint[] {
  if (name === undefined) {
    return KNOWN_CHECKPOINTS.filter(({ description }) => differences(parametersOf(description), shapes).length === 0);
  }
  const row = knownCheckpoint(name);
  if (!row) {
    const names = KNOWN_CHECKPOINTS.map((known) => known.name).join(", ");
    throw new RangeError(`Cannot find the known checkpoint ${quoteName(name)}: one of ${names} is needed`);
  }
  const found = differences(parametersOf(row.description), shapes);
  if (found.length === 0) return [row];
  throw new CheckpointError(
    `Cannot load ${quoteName(file.name)} as ${row.name}: ${found.length} tensors differ (first ${found[0]})`,
  );
}

/** A description with a training size and heads where they are open; parameters and cost do not depend on heads. */
function completed(description: Description, shapes: TensorShapes, imageSize: number): Description {
  const heads = description.pool === "attention" ? { num_head_channels: 1 } : {};
  return withResolutions({ image_size: imageSize, ...heads, ...description }, shapes);
}

/** In what the tensors differ from those of a candidate. */
function compare(candidate: Description, shapes: TensorShapes): readonly string[] {
  try {
    return differences(parametersOf(completed(candidate, shapes, ANY_SIZE)), shapes);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

/** A size that many levels halve. */
const ANY_SIZE = 2 ** 20;

function parametersOf(description: Description): ParameterSet {
  return planDescription(description).plan.parameters;
}

function differences(parameters: ParameterSet, shapes: TensorShapes): string[] {
  const found: string[] = [];
  for (const [name, { shape }] of parameters) {
    const there = shapes.get(name);
    if (!there) found.push(`${quoteName(name)} is missing`);
    else if (!sameShape(there, shape)) {
      found.push(`${quoteName(name)} is ${formatShape(there)} instead of ${formatShape(shape)}`);
    }
  }
  for (const name of shapes.keys()) if (!parameters.has(name)) found.push(`${quoteName(name)} is unexpected`);
  return found;
}

/** The keywords on which all descriptions agree. */
function agreement([first, ...others]: readonly Description[]): Description {
  const same = (key: string, value: unknown): boolean =>
    others.every((other) => JSON.stringify(other[key]) === JSON.stringify(value));
  return Object.fromEntries(Object.entries(first ?? {}).filter(([key, value]) => same(key, value)));
}

/** Whether a candidate has the structure that known checkpoints agree on; attention may be listed for absent levels. */
function agrees(candidate: Description, agreed: Description): boolean {
  return ["class", "channel_mult"].every((key) =>
    agreed[key] === undefined || JSON.stringify(agreed[key]) === JSON.stringify(candidate[key])
  );
}

function isChosen(candidate: Description, { network, levels }: DescriptionOptions): boolean {
  const wanted = network === undefined ? undefined : network === "unet" ? "UNetModel" : "SuperResModel";
  return (wanted === undefined || candidate.class === wanted) &&
    (levels === undefined || levelsOf(candidate) === levels);
}

function levelsOf({ channel_mult, ch_mult }: Description): number {
  return ((channel_mult ?? ch_mult) as readonly number[]).length;
}

function structures(candidates: readonly Description[]): string {
  return candidates.map((candidate) => `${candidate.class} of ${levelsOf(candidate)} levels`).join(" or ");
}

/** What the user's answers are as keywords. */
function answers(
  file: Checkpoint,
  candidate: Description,
  shapes: TensorShapes,
  { imageSize, heads, headChannels, attentionOrder, schedule, diffusionSteps, valueRange }: DescriptionOptions,
): Description {
  const size = 2 ** (levelsOf(candidate) - 1);
  if (imageSize !== undefined) {
    if (candidate.image_size !== undefined && candidate.image_size !== imageSize) {
      throw contradiction(file, `the image size is ${imageSize}`, `its tensors are for ${candidate.image_size}`);
    }
    if (imageSize % size !== 0) {
      throw contradiction(file, `the image size is ${imageSize}`, `a multiple of ${size} is needed`);
    }
  }
  if (candidate.architecture === "ddpm" && (heads ?? headChannels ?? attentionOrder) !== undefined) {
    throw contradiction(file, "heads or their order are given", "attentions of a DDPM network have one head");
  }
  if (heads !== undefined && headChannels !== undefined) {
    throw contradiction(file, "heads and channels of a head are given", "one of the two is needed");
  }
  const odd = attentionChannels(shapes).find((channels) => channels % (heads ?? headChannels ?? 1) !== 0);
  if (odd !== undefined) {
    const found = heads === undefined ? `heads of ${headChannels} channels are` : `${heads} heads are`;
    throw contradiction(file, `${found} wanted`, `an attention has ${odd} channels`);
  }
  if (heads !== undefined && candidate.pool === "attention") {
    throw contradiction(file, `${heads} heads are wanted`, "an attention pool needs the channels of a head");
  }
  return {
    ...(imageSize === undefined ? {} : { image_size: imageSize }),
    ...(heads === undefined ? {} : { num_heads: heads, num_head_channels: -1 }),
    ...(headChannels === undefined ? {} : { num_head_channels: headChannels }),
    ...(attentionOrder === undefined ? {} : { use_new_attention_order: attentionOrder === "new" }),
    ...(schedule === undefined ? {} : { noise_schedule: schedule }),
    ...(diffusionSteps === undefined ? {} : { diffusion_steps: diffusionSteps }),
    ...(valueRange === undefined ? {} : { value_range: valueRange === "-1..1" ? [-1, 1] : [0, 1] }),
  };
}

/** What is published, without the size of small images where the user says another size of the large ones. */
function withoutOtherSize(agreed: Description, { image_size: size }: Description): Description {
  const { small_size: small, ...others } = agreed;
  return small === undefined || (size !== undefined && size !== agreed.image_size) ? others : agreed;
}

/** A DDPM network's attention is described by image sizes, so they follow from the training size. */
function withResolutions(description: Description, shapes: TensorShapes): Description {
  const { architecture, image_size: size } = description;
  if (architecture !== "ddpm" || typeof size !== "number") return description;
  return {
    ...description,
    attn_resolutions: ddpmAttentionLevels(shapes).map((level) => Math.floor(size / 2 ** level)),
  };
}

function* structureQuestions(candidates: readonly Description[]): Generator<OpenQuestion, void> {
  if (new Set(candidates.map((candidate) => candidate.class)).size > 1) {
    yield {
      options: ["network"],
      what: "whether it is given a low-resolution image",
      choices: "unet or super-resolution",
    };
  }
  const levels = new Set(candidates.map(levelsOf));
  if (levels.size > 1) yield { options: ["levels"], what: "number of levels", choices: [...levels].join(" or ") };
}

function* openQuestions(description: Description, shapes: TensorShapes): Generator<OpenQuestion, void> {
  const isOpen = (key: string): boolean => description[key] === undefined;
  if (isOpen("image_size")) {
    const factor = 2 ** (levelsOf(description) - 1);
    const choices = factor === 1 ? "a number of pixels" : `a multiple of ${factor}`;
    yield { options: ["imageSize"], what: "side of the training images", choices };
  }
  if (description.architecture !== "ddpm") yield* headQuestions(description, attentionChannels(shapes));
  if (isOpen("noise_schedule")) {
    yield { options: ["schedule"], what: "noise schedule of the training", choices: "linear or cosine" };
  }
  if (isOpen("diffusion_steps")) {
    yield { options: ["diffusionSteps"], what: "diffusion steps of the training", choices: "a number, often 1000" };
  }
  if (isOpen("value_range")) {
    yield { options: ["valueRange"], what: "range of the images", choices: "-1..1 or 0..1" };
  }
}

function* headQuestions(
  { num_heads: heads, num_head_channels: width, use_new_attention_order: order, pool }: Description,
  channels: readonly number[],
): Generator<OpenQuestion, void> {
  const known = heads !== undefined || width !== undefined;
  if (!known) {
    const smallest = channels[0] ?? 1;
    const divisors = Array.from({ length: smallest }, (_, k) => k + 1).filter((k) =>
      channels.every((c) => c % k === 0)
    );
    const choices = `a divisor of ${channels.join(" and ")}, often ${
      divisors.includes(64) ? 64 : divisors.at(-1)
    } channels`;
    const options = pool === "attention" ? ["headChannels"] as const : ["headChannels", "heads"] as const;
    yield { options, what: "channels of an attention head, or number of heads", choices };
  }
  // With a single head both orders are the same.
  const single = known && (typeof width === "number" && width > 0 ? channels.every((c) => c === width) : heads === 1);
  if (order === undefined && !single) {
    yield { options: ["attentionOrder"], what: "order of attention channels", choices: "legacy or new" };
  }
}

function openError(
  { name }: Checkpoint,
  shapes: TensorShapes,
  description: Description,
  questions: readonly OpenQuestion[],
): OpenQuestionsError {
  const count = shapes.values().reduce((sum, shape) => sum + shape.reduce((product, extent) => product * extent, 1), 0);
  const isCertain = !questions.some(({ options }) => options.includes("levels"));
  const planFor = (size: number): NetworkPlan => planDescription(completed(description, shapes, size)).plan;
  return new OpenQuestionsError(
    `Cannot tell what network ${quoteName(name)} holds: it is of ${description.architecture} with ` +
      `${count.toLocaleString("en")} parameters, but its tensors leave something open`,
    questions,
    description,
    isCertain ? planFor : undefined,
  );
}

function contradiction({ name }: Checkpoint, found: string, needed: string): CheckpointError {
  return new CheckpointError(`Cannot load ${quoteName(name)}: ${found}, ${needed}`);
}

/** The checkpoint with a configuration in its metadata. */
function withConfig(file: Checkpoint, description: Description): Checkpoint {
  return {
    name: file.name,
    format: file.format,
    stateDict: file.stateDict,
    tensors: file.tensors,
    metadata: new Map([...file.metadata, ["config", JSON.stringify(description)]]),
    readPieces: (name) => file.readPieces(name),
    readBytes: (name, into) => file.readBytes(name, into),
    readFloat32: (name, into) => file.readFloat32(name, into),
  };
}
