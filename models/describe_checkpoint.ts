/** Finding out what network a checkpoint holds that does not say it itself. */
import { elementCount } from "../engine/mod.ts";
import { choice, fits, integer, needed, type Parameters } from "../parameters/mod.ts";
import type { Checkpoint } from "./checkpoint/checkpoint.ts";
import { CheckpointError, quoteName } from "./checkpoint/checkpoint_error.ts";
import { FAMILIES } from "./families.ts";
import type { Description, NetworkPlan, OpenQuestion, TensorShapes } from "./family.ts";
import type { GuidedAnswers } from "./guided/detect.ts";
import { KNOWN_CHECKPOINTS, type KnownCheckpoint, knownCheckpoint } from "./known_checkpoints.ts";
import { isVariancePreserving, PREDICTION_TYPES, type PredictionType } from "./diffusion_process.ts";
import { planDescription, readConfig } from "./model_description.ts";
import { BETA_CURVES, type BetaCurve } from "./noise_schedule.ts";
import { besideNetwork, chooseNetwork, type ChosenNetwork } from "./recognition/choose_network.ts";
import { type Candidate, completed, differencesOf, withSize } from "./recognition/hypotheses.ts";
import { isHarmless, stepsBeside } from "./recognition/beside.ts";
import { placesOf, renamedCheckpoint } from "./recognition/parts.ts";

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
  /** Path of the network that is meant in the file, such as `state_dict.model_ema`, where there are several. */
  readonly stateDict?: string;
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
   * @param taken which tensors are the network
   */
  constructor(
    readonly lead: string,
    readonly questions: readonly OpenQuestion[],
    readonly description: Description,
    readonly planFor: ((imageSize: number) => NetworkPlan) | undefined,
    readonly taken: TakenTensors = { prefix: "", leftOut: [], notes: [] },
  ) {
    super(`${lead}: ${questions.map(({ what, choices }) => `${what} (${choices})`).join("; ")}`);
  }
}

/** Which tensors of a file are its network. */
export interface TakenTensors {
  /** What their names begin with in the file, "" if it is nothing. */
  readonly prefix: string;
  /** Names in the file of tensors that are no part of the network. */
  readonly leftOut: readonly string[];
  /** The same in sentences, with what else is to be known of the choice. */
  readonly notes: readonly string[];
}

/** A checkpoint that says what network it holds. */
export interface DescribedCheckpoint extends TakenTensors {
  /** The network's tensors by its own names, with `config` in the metadata. */
  readonly checkpoint: Checkpoint;
  /** What network it is. */
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
  const { as, stateDict, ...answers } = options;
  const own = file.metadata.get("config");
  if (own !== undefined) return selfDescribed(file, own, as === undefined ? answers : { as, ...answers });
  const chosen = chooseNetwork(file, stateDict);
  const { candidates, shapes: tensors } = chosen;
  const known = knownWith(file, chosen, as);
  const published = agreement(known.map(({ description }) => description));
  const likely = candidates.filter((candidate) => agrees(candidate, published));
  const fitting = likely.filter((candidate) => objection(candidate, answers) === undefined);
  const [candidate] = fitting;
  if (!candidate) throw contradiction(file, objection(likely[0] ?? candidates[0]!, answers, candidates)!);
  const process = candidate.family.process?.(candidate.description, file.name.split(/[\\/]/).at(-1)!);
  const steps = stepsBeside(chosen.leftOut.map((name) => file.tensors.get(name)!));
  const merged = withSize({
    ...candidate.description,
    ...process,
    ...(steps === undefined ? {} : { diffusion_steps: steps }),
    ...published,
    ...answered(file, candidate, answers, { published, tensors }),
  }, tensors);
  const questions = [...structureQuestions(fitting), ...openQuestions(candidate, merged, tensors)];
  if (questions.length > 0) throw openError(file, fitting, { description: merged, chosen, questions });
  return {
    checkpoint: withConfig(file, merged, chosen.part.stored),
    description: merged,
    known,
    ...takenOf(file, chosen),
  };
}

function takenOf({ wrapper = "" }: Checkpoint, { part: { prefix }, leftOut, notes }: ChosenNetwork): TakenTensors {
  return { prefix: wrapper + prefix, leftOut, notes };
}

function selfDescribed(
  file: Checkpoint,
  config: string,
  answers: Readonly<Record<string, unknown>>,
): DescribedCheckpoint {
  const [said] = Object.keys(answers);
  if (said !== undefined) throw contradiction(file, `its metadata say what network it holds, leave ${said} out`);
  return readConfig(file, () => {
    const description: Description = JSON.parse(config);
    const { plan: { parameters } } = planDescription(description);
    const whole = { checkpoint: file, description, known: [], prefix: "", leftOut: [], notes: [] };
    const [place, ...others] = placesOf(file.tensors, parameters, true);
    if (!place || others.length > 0) return whole;
    const taken = besideNetwork(file, place);
    // What is strange among the names of the network itself is left to loading, which refuses it.
    const isStrange = (name: string): boolean => !isHarmless(name, file.tensors.get(name)!);
    if (taken.prefix === "" && (taken.leftOut.length === 0 || taken.leftOut.some(isStrange))) return whole;
    return { ...whole, checkpoint: renamedCheckpoint(file, place.stored), ...taken };
  });
}

/** The known checkpoints that have just these tensors; the one that the user names must be among them. */
function knownWith(
  file: Checkpoint,
  { candidates, shapes }: ChosenNetwork,
  name: string | undefined,
): readonly KnownCheckpoint[] {
  if (name === undefined) {
    return KNOWN_CHECKPOINTS.filter((row) =>
      candidates.some(({ description }) => description.class === row.description.class) &&
      differencesFrom(row, shapes).length === 0
    );
  }
  const row = knownCheckpoint(name);
  if (!row) {
    const names = KNOWN_CHECKPOINTS.map((known) => known.name).join(", ");
    throw new RangeError(`Cannot find the known checkpoint ${quoteName(name)}: one of ${names} is needed`);
  }
  const found = differencesFrom(row, shapes);
  if (found.length === 0) return [row];
  throw new CheckpointError(
    `Cannot load ${quoteName(file.name)} as ${row.name}: ${found.length} tensors differ (first ${found[0]})`,
  );
}

function differencesFrom({ description }: KnownCheckpoint, shapes: TensorShapes): readonly string[] {
  const { parameters } = planDescription(description).plan;
  const strange = [...shapes.keys()].filter((name) => !parameters.has(name));
  return [...differencesOf(parameters, shapes), ...strange.map((name) => `${quoteName(name)} is unexpected`)];
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
  answers: Omit<DescriptionOptions, "as" | "stateDict">,
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
  file: Checkpoint,
  candidates: readonly Candidate[],
  { description, chosen, questions }: {
    readonly description: Description;
    readonly chosen: ChosenNetwork;
    readonly questions: readonly OpenQuestion[];
  },
): OpenQuestionsError {
  const tensors = chosen.shapes;
  const count = tensors.values().reduce((sum, shape) => sum + elementCount(shape), 0);
  const isCertain = new Set(candidates.map(({ plan }) => plan.downsampling)).size === 1;
  const planFor = (size: number): NetworkPlan => planDescription(completed(description, tensors, size)).plan;
  const isAgreed = ([key]: readonly [string, unknown]): boolean =>
    new Set(candidates.map((candidate) => JSON.stringify(candidate.description[key]))).size === 1;
  const certain = Object.fromEntries(Object.entries(description).filter(isAgreed));
  return new OpenQuestionsError(
    `Cannot tell what network ${quoteName(file.name)} holds: it is of ${description.architecture} with ` +
      `${count.toLocaleString("en")} parameters, but its tensors leave something open`,
    questions,
    certain,
    isCertain ? planFor : undefined,
    takenOf(file, chosen),
  );
}

function contradiction({ name }: Checkpoint, found: string): CheckpointError {
  return new CheckpointError(`Cannot load ${quoteName(name)}: ${found}`);
}

/**
 * The network of a file, with a configuration in its metadata.
 * @param stored name in the file by the network's own; by default all names are its own
 */
export function withConfig(
  file: Checkpoint,
  description: Description,
  stored: ReadonlyMap<string, string> = new Map(file.tensors.keys().map((name) => [name, name])),
): Checkpoint {
  return renamedCheckpoint(file, stored, new Map([...file.metadata, ["config", JSON.stringify(description)]]));
}
