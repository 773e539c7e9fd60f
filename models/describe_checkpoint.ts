/** Finding out what network a checkpoint holds that does not say it itself. */
import { elementCount, formatShape, sameShape } from "../engine/mod.ts";
import { choice, fits, integer, needed, type Parameters } from "../parameters/mod.ts";
import type { Checkpoint } from "./checkpoint/checkpoint.ts";
import { CheckpointError, quoteName } from "./checkpoint/checkpoint_error.ts";
import { FAMILIES } from "./families.ts";
import type { Description, NetworkFamily, NetworkPlan, OpenQuestion, TensorShapes } from "./family.ts";
import type { GuidedAnswers } from "./guided/detect.ts";
import { KNOWN_CHECKPOINTS, type KnownCheckpoint, knownCheckpoint } from "./known_checkpoints.ts";
import { isVariancePreserving, PREDICTION_TYPES, type PredictionType } from "./diffusion_process.ts";
import { planDescription, readConfig } from "./model_description.ts";
import { BETA_CURVES, type BetaCurve } from "./noise_schedule.ts";
import type { ParameterSet } from "./weights.ts";

/** What tensors of no family tell for certain. */
const SIZE_ANSWERS = { imageSize: integer(undefined, { min: 1, max: 65535 }, "Side of the training images") };

const PROCESS_ANSWERS = {
  predictionType: choice(undefined, PREDICTION_TYPES, {}, "What the network predicts, where it is not the noise"),
  schedule: choice(undefined, BETA_CURVES, {}, "Noise schedule of the training"),
  diffusionSteps: integer(undefined, { min: 1, max: 1_000_000 }, "Diffusion steps of the training, often 1000"),
  valueRange: choice(undefined, ["-1..1", "0..1"], {}, "Range of the images in training"),
};

/**
 * What names and shapes of tensors cannot say, as the user says it; `descriptionParameters` tells all that there is, with
 * the answers of the families.
 */
export interface DescriptionOptions extends GuidedAnswers {
  /** The known checkpoint that the file is, by name. */
  readonly as?: string;
  /** Side of the training images. */
  readonly imageSize?: number;
  /** What the network predicts; the noise where it is not said. */
  readonly predictionType?: PredictionType;
  /** Noise schedule of the training. */
  readonly schedule?: BetaCurve;
  /** Steps of the process that the network was trained with. */
  readonly diffusionSteps?: number;
  /** Range of the images: [-1, 1] or [0, 1]. */
  readonly valueRange?: "-1..1" | "0..1";
  /** What a family of one's own leaves open. */
  readonly [answer: string]: unknown;
}

/** All that can be said of networks whose tensors do not tell it, in the order of help texts. */
export function descriptionParameters(): Parameters {
  const families = [...FAMILIES.values()];
  const chosen = (choosing: boolean): Parameters =>
    Object.fromEntries(
      families.flatMap(({ answers, readings = {} }) =>
        Object.entries(answers).filter(([key]) => key in readings === choosing)
      ),
    );
  return { ...SIZE_ANSWERS, ...chosen(false), ...PROCESS_ANSWERS, ...chosen(true) };
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
 * @throws {CheckpointError} if the tensors belong to no known family, or `options` contradict them
 */
export function describeCheckpoint(file: Checkpoint, options: DescriptionOptions = {}): DescribedCheckpoint {
  const own = file.metadata.get("config");
  if (own !== undefined) return selfDescribed(file, own, options);
  const tensors: TensorShapes = new Map(Array.from(file.tensors, ([name, { shape }]) => [name, shape]));
  const candidates = candidatesOf(file, tensors);
  const known = knownWith(file, tensors, options.as);
  const published = agreement(known.map(({ description }) => description));
  const { as: _, ...answers } = options;
  const likely = candidates.filter((candidate) => agrees(candidate, published));
  const fitting = likely.filter((candidate) => objection(candidate, answers) === undefined);
  const [candidate] = fitting;
  if (!candidate) throw contradiction(file, objection(likely[0] ?? candidates[0]!, answers, candidates)!);
  const merged = withSize({
    ...candidate.description,
    ...published,
    ...answered(file, candidate, answers, { published, tensors }),
  }, tensors);
  const questions = [...structureQuestions(fitting), ...openQuestions(candidate, merged, tensors)];
  if (questions.length > 0) throw openError(file, fitting, { description: merged, tensors, questions });
  return { checkpoint: withConfig(file, merged), description: merged, known };
}

function selfDescribed(file: Checkpoint, config: string, options: DescriptionOptions): DescribedCheckpoint {
  const [said] = Object.keys(options);
  if (said !== undefined) throw contradiction(file, `its metadata say what network it holds, leave ${said} out`);
  const description = readConfig(file, () => {
    const description: Description = JSON.parse(config);
    planDescription(description);
    return description;
  });
  return { checkpoint: file, description, known: [] };
}

/** A network that tensors can belong to, as far as they tell. */
interface Candidate {
  readonly family: NetworkFamily;
  readonly description: Description;
  /** The network at some size. */
  readonly plan: NetworkPlan;
}

/** The networks whose parameters are exactly the tensors of the file. */
function candidatesOf(file: Checkpoint, tensors: TensorShapes): readonly Candidate[] {
  const fitting: Candidate[] = [];
  let nearest: { readonly family: string; readonly different: readonly string[] } | undefined;
  for (const family of FAMILIES.values()) {
    for (const found of family.detect(tensors)) {
      const description = { architecture: family.name, ...found };
      const tried = tryPlan(description, tensors);
      const different = typeof tried === "string" ? [tried] : differences(tried.parameters, tensors);
      if (typeof tried !== "string" && different.length === 0) fitting.push({ family, description, plan: tried });
      if (!nearest || different.length < nearest.different.length) nearest = { family: family.name, different };
    }
  }
  if (fitting.length > 0) return fitting;
  const [first] = tensors.keys();
  const found = nearest
    ? `it resembles a ${nearest.family} network, but ${nearest.different.length} tensors differ ` +
      `(first ${nearest.different[0]})`
    : `its ${tensors.size} tensors (first ${
      first === undefined ? "none" : quoteName(first)
    }) belong to no known network`;
  const loaded = Array.from(FAMILIES.values(), ({ about }) => about).join("; ");
  throw new CheckpointError(
    `Cannot tell what network ${quoteName(file.name)} holds: ${found}; what can be loaded: ${loaded}`,
  );
}

/** A network of some size, or why there is none. */
function tryPlan(description: Description, tensors: TensorShapes): NetworkPlan | string {
  try {
    return planDescription(completed(description, tensors, ANY_SIZE)).plan;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A size that many levels halve. */
const ANY_SIZE = 2 ** 20;

/** A description with a training size and all else that is open and on which neither parameters nor cost depend. */
function completed(description: Description, tensors: TensorShapes, imageSize: number): Description {
  return withSize({ image_size: imageSize, ...familyOf(description).standIns, ...description }, tensors);
}

function familyOf({ architecture }: Description): NetworkFamily {
  return FAMILIES.get(architecture as string)!;
}

/** A description with what follows from the training size, if it has one, and without what is undefined. */
function withSize(description: Description, tensors: TensorShapes): Description {
  const size = description.image_size;
  const following = typeof size === "number" ? familyOf(description).sized?.(size, tensors) : undefined;
  const all = { ...description, ...following };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** The known checkpoints that have just these tensors; the one that the user names must be among them. */
function knownWith(file: Checkpoint, tensors: TensorShapes, name: string | undefined): readonly KnownCheckpoint[] {
  if (name === undefined) {
    return KNOWN_CHECKPOINTS.filter(({ description }) => differences(parametersOf(description), tensors).length === 0);
  }
  const row = knownCheckpoint(name);
  if (!row) {
    const names = KNOWN_CHECKPOINTS.map((known) => known.name).join(", ");
    throw new RangeError(`Cannot find the known checkpoint ${quoteName(name)}: one of ${names} is needed`);
  }
  const found = differences(parametersOf(row.description), tensors);
  if (found.length === 0) return [row];
  throw new CheckpointError(
    `Cannot load ${quoteName(file.name)} as ${row.name}: ${found.length} tensors differ (first ${found[0]})`,
  );
}

function parametersOf(description: Description): ParameterSet {
  return planDescription(description).plan.parameters;
}

function differences(parameters: ParameterSet, tensors: TensorShapes): string[] {
  const found: string[] = [];
  for (const [name, { shape }] of parameters) {
    const there = tensors.get(name);
    if (!there) found.push(`${quoteName(name)} is missing`);
    else if (!sameShape(there, shape)) {
      found.push(`${quoteName(name)} is ${formatShape(there)} instead of ${formatShape(shape)}`);
    }
  }
  for (const name of tensors.keys()) if (!parameters.has(name)) found.push(`${quoteName(name)} is unexpected`);
  return found;
}

/** The keywords on which all descriptions agree. */
function agreement([first, ...others]: readonly Description[]): Description {
  const same = (key: string, value: unknown): boolean =>
    others.every((other) => JSON.stringify(other[key]) === JSON.stringify(value));
  return Object.fromEntries(Object.entries(first ?? {}).filter(([key, value]) => same(key, value)));
}

/** Whether a candidate has the structure that known checkpoints agree on. */
function agrees({ family: { readings = {} }, description }: Candidate, published: Description): boolean {
  return Object.values(readings).every((reading) => {
    const value = reading!(published);
    return value === undefined || value === reading!(description);
  });
}

/** What an answer has against a candidate; undefined if they fit. */
function objection(
  { family: { name, answers, readings = {} }, description, plan }: Candidate,
  given: Readonly<Record<string, unknown>>,
  candidates: readonly Candidate[] = [],
): string | undefined {
  const known: Parameters = { ...SIZE_ANSWERS, ...answers, ...PROCESS_ANSWERS };
  for (const [key, value] of Object.entries(given)) {
    const parameter = Object.hasOwn(known, key) ? known[key]! : undefined;
    if (!parameter) return `${key} is ${value}, of a ${name} network there is ${Object.keys(known).join(", ")} to say`;
    if (!fits(parameter, value)) return `${key} is ${JSON.stringify(value)}, ${needed(parameter)} is needed`;
    if (value === undefined) continue;
    if (readings[key] && readings[key](description) !== value) {
      const told = new Set(candidates.map((candidate) => candidate.family.readings?.[key]?.(candidate.description)));
      return `${key} is ${value}, its tensors are of ${[...told].join(" or ")}`;
    }
    if (key !== "imageSize") continue;
    if (description.image_size !== undefined && description.image_size !== value) {
      return `the image size is ${value}, its tensors are for ${description.image_size}`;
    }
    if (value as number % plan.downsampling !== 0) {
      return `the image size is ${value}, a multiple of ${plan.downsampling} is needed`;
    }
  }
  return undefined;
}

/** What the user's answers are as keywords. */
function answered(
  file: Checkpoint,
  { family, description }: Candidate,
  answers: Omit<DescriptionOptions, "as">,
  { published, tensors }: { readonly published: Description; readonly tensors: TensorShapes },
): Description {
  const { imageSize, predictionType, schedule, diffusionSteps, valueRange } = answers;
  let own: Description | undefined;
  try {
    own = family.describe?.(answers, { found: description, published, tensors });
  } catch (error) {
    throw error instanceof RangeError ? contradiction(file, error.message) : error;
  }
  return {
    ...(imageSize === undefined ? {} : { image_size: imageSize }),
    ...own,
    ...(predictionType === undefined ? {} : { prediction_type: predictionType }),
    ...(schedule === undefined ? {} : { noise_schedule: schedule }),
    ...(diffusionSteps === undefined ? {} : { diffusion_steps: diffusionSteps }),
    ...(valueRange === undefined ? {} : { value_range: valueRange === "-1..1" ? [-1, 1] : [0, 1] }),
  };
}

/** Which of the candidates it is. */
function* structureQuestions(candidates: readonly Candidate[]): Generator<OpenQuestion, void> {
  const { answers, readings = {} } = candidates[0]!.family;
  for (const [key, reading] of Object.entries(readings)) {
    const values = new Set(candidates.map(({ description }) => reading!(description)));
    if (values.size > 1) yield { options: [key], what: answers[key]!.help, choices: [...values].join(" or ") };
  }
}

function* openQuestions(
  { family, plan: { downsampling } }: Candidate,
  description: Description,
  tensors: TensorShapes,
): Generator<OpenQuestion, void> {
  const isOpen = (key: string): boolean => description[key] === undefined;
  if (isOpen("image_size")) {
    const choices = downsampling === 1 ? "a number of pixels" : `a multiple of ${downsampling}`;
    yield { options: ["imageSize"], what: "side of the training images", choices };
  }
  yield* family.questions?.(description, tensors) ?? [];
  const isListed = isVariancePreserving((description.prediction_type ?? "epsilon") as PredictionType);
  if (isListed && isOpen("noise_schedule")) {
    yield { options: ["schedule"], what: "noise schedule of the training", choices: BETA_CURVES.join(" or ") };
  }
  if (isListed && isOpen("diffusion_steps")) {
    yield { options: ["diffusionSteps"], what: "diffusion steps of the training", choices: "a number, often 1000" };
  }
  if (isOpen("value_range")) {
    yield { options: ["valueRange"], what: "range of the images", choices: "-1..1 or 0..1" };
  }
}

function openError(
  { name }: Checkpoint,
  candidates: readonly Candidate[],
  { description, tensors, questions }: {
    readonly description: Description;
    readonly tensors: TensorShapes;
    readonly questions: readonly OpenQuestion[];
  },
): OpenQuestionsError {
  const count = tensors.values().reduce((sum, shape) => sum + elementCount(shape), 0);
  const isCertain = new Set(candidates.map(({ plan }) => plan.downsampling)).size === 1;
  const planFor = (size: number): NetworkPlan => planDescription(completed(description, tensors, size)).plan;
  return new OpenQuestionsError(
    `Cannot tell what network ${quoteName(name)} holds: it is of ${description.architecture} with ` +
      `${count.toLocaleString("en")} parameters, but its tensors leave something open`,
    questions,
    description,
    isCertain ? planFor : undefined,
  );
}

function contradiction({ name }: Checkpoint, found: string): CheckpointError {
  return new CheckpointError(`Cannot load ${quoteName(name)}: ${found}`);
}

/** The checkpoint with a configuration in its metadata. */
export function withConfig(file: Checkpoint, description: Description): Checkpoint {
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
