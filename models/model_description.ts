// deno-lint-ignore-file camelcase -- keys of descriptions keep their published spelling
/** What a model file says of itself: the network, and the process that it was trained with. */
import { choice, data, flag, integer, number } from "../parameters/mod.ts";
import type { Checkpoint } from "./checkpoint/checkpoint.ts";
import { CheckpointError, quoteName } from "./checkpoint/checkpoint_error.ts";
import { FAMILIES } from "./families.ts";
import type { NetworkFamily, NetworkPlan } from "./family.ts";
import { keywordProblems } from "./keywords.ts";
import {
  type DiffusionProcess,
  isVariancePreserving,
  listedProcess,
  NOISE_INPUTS,
  noiseLevelProcess,
  PREDICTION_TYPES,
  type PredictionType,
} from "./diffusion_process.ts";
import {
  BETA_CURVES,
  type BetaCurve,
  type NoiseSchedule,
  noiseSchedule,
  scheduleFromBetas,
  zeroTerminalSnr,
} from "./noise_schedule.ts";

/** What a description means that does not name the process. */
export const DEFAULT_PROCESS = { "noise_schedule": "linear", "diffusion_steps": 1000, "value_range": [-1, 1] } as const;

const SIGMA = { min: 0 };

/** What may be said of every process. */
const PROCESS = {
  prediction_type: choice("epsilon", PREDICTION_TYPES, {}, "what the network predicts"),
  value_range: data({ needed: "a pair of ascending numbers", fits: isRange }, "range of the images in training"),
};

/** What may be said of a list of timesteps. */
const LISTED = {
  noise_schedule: choice(DEFAULT_PROCESS.noise_schedule, BETA_CURVES, {}, "noise schedule of the training"),
  diffusion_steps: integer(DEFAULT_PROCESS.diffusion_steps, {}, "diffusion steps of the training"),
  beta_start: number(undefined, { min: 0, max: 1 }, "first beta of the schedule"),
  beta_end: number(undefined, { min: 0, max: 1 }, "last beta of the schedule"),
  trained_betas: data(
    { needed: "a list of numbers above 0 and at most 1", fits: areBetas },
    "all betas of the schedule",
  ),
  rescale_betas_zero_snr: flag(false, {}, "whether the schedule is scaled to end at pure noise"),
};

/** What may be said of a network that is told the noise level itself. */
const LEVELLED = {
  sigma_min: number(undefined, SIGMA, "least noise level of the training"),
  sigma_max: number(undefined, SIGMA, "greatest noise level of the training"),
  sigma_data: number(undefined, SIGMA, "standard deviation of the images in training"),
  noise_input: choice("openai", NOISE_INPUTS, {}, "how the network is told the noise level"),
  time_scale: number(undefined, SIGMA, "what the time of a flow is multiplied by"),
};

/** A network before its weights are there, and the process that it was trained with. */
export interface ModelPlan {
  /** The family of the network. */
  readonly family: NetworkFamily;
  /** The network. */
  readonly plan: NetworkPlan;
  /** The process. */
  readonly process: DiffusionProcess;
  /** Least and greatest value of an image. */
  readonly valueRange: readonly [number, number];
}

/** An example of what is needed, for messages. */
const EXPECTED = '{"architecture": "guided-diffusion", "image_size": 64, "in_channels": 3, ...}';

/**
 * All that can be known of a model file before a tensor is read.
 * @param file the open file
 * @param predicts what the network must predict
 * @throws {CheckpointError} if the file does not say what it is, is of a family that predicts something else, or is for
 * images of another range than [-1, 1]
 */
export function describeModel(file: Checkpoint, predicts: NetworkFamily["predicts"]): ModelPlan {
  const text = file.metadata.get("config");
  if (text === undefined) {
    throw new CheckpointError(
      `Cannot load ${quoteName(file.name)}: its metadata have no "config" that says what network it is, ` +
        `${EXPECTED} is needed`,
    );
  }
  return readConfig(file, () => {
    const described = planDescription(JSON.parse(text), predicts);
    const [low, high] = described.valueRange;
    if (low === -1 && high === 1) return described;
    throw new TypeError(`"value_range" is [${low}, ${high}], only networks for images in [-1, 1] are supported`);
  });
}

/** What reads the `config` of a file; what it throws becomes a CheckpointError that names the file. */
export function readConfig<T>({ name }: Checkpoint, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CheckpointError(`Cannot load ${quoteName(name)}: "config" in its metadata does not fit (${reason})`, {
      cause,
    });
  }
}

/**
 * Reads a description.
 * @param raw see `Description`
 * @param predicts what the network must predict; default: anything
 * @throws {TypeError} if it is no object, its family is unknown, or keywords are unknown, missing or ill-typed
 * @throws {RangeError} if keywords do not fit together
 */
export function planDescription(raw: unknown, predicts?: NetworkFamily["predicts"]): ModelPlan {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw new TypeError(`it is no object, ${EXPECTED} is needed`);
  }
  const { architecture: name, learn_sigma, ...rest }: Record<string, unknown> = { ...DEFAULT_PROCESS, ...raw };
  const isOfProcess = ([key]: readonly [string, unknown]): boolean =>
    key in PROCESS || key in LISTED || key in LEVELLED;
  const said = Object.fromEntries(Object.entries(rest).filter(isOfProcess));
  const keywords = Object.fromEntries(Object.entries(rest).filter((entry) => !isOfProcess(entry)));
  const candidates = [...FAMILIES.values()].filter((family) => predicts === undefined || family.predicts === predicts);
  const family = candidates.find((candidate) => candidate.name === name);
  if (!family) {
    const needed = candidates.map((candidate) => `"${candidate.name}"`).join(" or ");
    throw new TypeError(`the architecture is ${JSON.stringify(name) ?? "not given"}, ${needed} is needed`);
  }
  const process = processOf(said);
  const plan = family.plan(keywords);
  const { inChannels, outChannels } = plan.config;
  const channels = inChannels * (learn_sigma === true ? 2 : 1);
  if (learn_sigma !== undefined && (typeof learn_sigma !== "boolean" || outChannels !== channels)) {
    throw new TypeError(
      `"learn_sigma" is ${JSON.stringify(learn_sigma)} while ${inChannels} channels go in and ` +
        `${outChannels} come out; true doubles the channels, false keeps them`,
    );
  }
  return { family, plan, process, valueRange: said.value_range as [number, number] };
}

/**
 * The process that a description names.
 * @throws {TypeError} if a value is ill-typed, or concerns another kind of process; {RangeError} if values do not fit
 */
function processOf(said: Readonly<Record<string, unknown>>): DiffusionProcess {
  const [problem] = keywordProblems(said, { ...PROCESS, ...LISTED, ...LEVELLED });
  if (problem !== undefined) throw new TypeError(problem);
  const type = (said.prediction_type ?? "epsilon") as PredictionType;
  const others = Object.keys(isVariancePreserving(type) ? LEVELLED : LISTED);
  const stray = others.find((key) => key in said && !(key in DEFAULT_PROCESS));
  if (stray !== undefined) {
    throw new TypeError(
      `"${stray}" is given, but a network with the "prediction_type" "${type}" has none; leave it out`,
    );
  }
  if (!isVariancePreserving(type)) {
    return noiseLevelProcess(type, {
      sigmaMin: said.sigma_min as number,
      sigmaMax: said.sigma_max as number,
      sigmaData: said.sigma_data as number,
      noiseInput: said.noise_input as "openai",
      timeScale: said.time_scale as number,
    });
  }
  const schedule = trainedSchedule(said);
  return listedProcess(said.rescale_betas_zero_snr === true ? zeroTerminalSnr(schedule) : schedule, type);
}

function trainedSchedule(said: Readonly<Record<string, unknown>>): NoiseSchedule {
  const { trained_betas: betas, beta_start: first, beta_end: last } = said;
  if (betas !== undefined) return scheduleFromBetas(Float64Array.from(betas as readonly number[]));
  if ((first === undefined) !== (last === undefined)) {
    const [found, missing] = first === undefined ? ["beta_end", "beta_start"] : ["beta_start", "beta_end"];
    throw new TypeError(`"${found}" is given and "${missing}" is missing, both or neither are needed`);
  }
  const range = first === undefined ? undefined : { first: first as number, last: last as number };
  return noiseSchedule(said.noise_schedule as BetaCurve, said.diffusion_steps as number, range);
}

function areBetas(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every((beta) => beta > 0 && beta <= 1);
}

function isRange(value: unknown): value is readonly [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every(Number.isFinite) && value[0] < value[1];
}
