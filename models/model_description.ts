// deno-lint-ignore-file camelcase -- keys of descriptions keep their published spelling
/** What a model file says of itself: the network, and the process that it was trained with. */
import { choice, data, integer } from "../parameters/mod.ts";
import type { Checkpoint } from "./checkpoint/checkpoint.ts";
import { CheckpointError, quoteName } from "./checkpoint/checkpoint_error.ts";
import { FAMILIES } from "./families.ts";
import type { NetworkFamily, NetworkPlan } from "./family.ts";
import { keywordProblems } from "./keywords.ts";
import { BETA_CURVES, type NoiseSchedule, noiseSchedule } from "./noise_schedule.ts";

/** What a description means that does not name the process. */
export const DEFAULT_PROCESS = { "noise_schedule": "linear", "diffusion_steps": 1000, "value_range": [-1, 1] } as const;

const PROCESS = {
  noise_schedule: choice(DEFAULT_PROCESS.noise_schedule, BETA_CURVES, {}, "noise schedule of the training"),
  diffusion_steps: integer(DEFAULT_PROCESS.diffusion_steps, {}, "diffusion steps of the training"),
  value_range: data({ needed: "a pair of ascending numbers", fits: isRange }, "range of the images in training"),
};

/** A network before its weights are there, and the process that it was trained with. */
export interface ModelPlan {
  /** The family of the network. */
  readonly family: NetworkFamily;
  /** The network. */
  readonly plan: NetworkPlan;
  /** The process. */
  readonly schedule: NoiseSchedule;
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
  const { architecture: name, learn_sigma, noise_schedule, diffusion_steps, value_range, ...keywords }: Record<
    string,
    unknown
  > = { ...DEFAULT_PROCESS, ...raw };
  const candidates = [...FAMILIES.values()].filter((family) => predicts === undefined || family.predicts === predicts);
  const family = candidates.find((candidate) => candidate.name === name);
  if (!family) {
    const needed = candidates.map((candidate) => `"${candidate.name}"`).join(" or ");
    throw new TypeError(`the architecture is ${JSON.stringify(name) ?? "not given"}, ${needed} is needed`);
  }
  const [problem] = keywordProblems({ noise_schedule, diffusion_steps, value_range }, PROCESS);
  if (problem !== undefined) throw new TypeError(problem);
  const plan = family.plan(keywords);
  const { inChannels, outChannels } = plan.config;
  const channels = inChannels * (learn_sigma === true ? 2 : 1);
  if (learn_sigma !== undefined && (typeof learn_sigma !== "boolean" || outChannels !== channels)) {
    throw new TypeError(
      `"learn_sigma" is ${JSON.stringify(learn_sigma)} while ${inChannels} channels go in and ` +
        `${outChannels} come out; true doubles the channels, false keeps them`,
    );
  }
  const schedule = noiseSchedule(noise_schedule as typeof BETA_CURVES[number], diffusion_steps as number);
  return { family, plan, schedule, valueRange: value_range as [number, number] };
}

function isRange(value: unknown): value is readonly [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every(Number.isFinite) && value[0] < value[1];
}
