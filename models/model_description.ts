/** What a model file says of itself: the network, and the process that it was trained with. */
import type { Architecture, NetworkPlan } from "./architecture.ts";
import { ARCHITECTURES } from "./architectures.ts";
import type { Checkpoint } from "./checkpoint/checkpoint.ts";
import { CheckpointError, quoteName } from "./checkpoint/checkpoint_error.ts";
import { isBetaCurve, type NoiseSchedule, noiseSchedule } from "./noise_schedule.ts";

/**
 * The object in `__metadata__.config` of a model file: `architecture` (the name of one in `ARCHITECTURES`), the keywords
 * of the published constructor, and optionally `learn_sigma`, `noise_schedule` ("linear" or "cosine", default linear),
 * `diffusion_steps` (default 1000) and `value_range` (of the images, default [-1, 1]).
 */
export type Description = Readonly<Record<string, unknown>>;

/** What a description means that does not name the process. */
export const DEFAULT_PROCESS = { "noise_schedule": "linear", "diffusion_steps": 1000, "value_range": [-1, 1] } as const;

/** A network before its weights are there, and the process that it was trained with. */
export interface ModelPlan {
  readonly architecture: Architecture;
  readonly plan: NetworkPlan;
  readonly schedule: NoiseSchedule;
  /** Least and greatest value of an image. */
  readonly valueRange: readonly [number, number];
}

/** An example of what is needed, for messages. */
const EXPECTED = `{"architecture": "${ARCHITECTURES[0]!.name}", "image_size": 64, "in_channels": 3, ...}`;

/**
 * All that can be known of a model file before a tensor is read.
 * @param file the open file
 * @param predicts what the network must predict
 * @throws {CheckpointError} if the file does not say what it is, is of an architecture that predicts something else, or
 * is for images of another range than [-1, 1]
 */
export function describeModel(file: Checkpoint, predicts: Architecture["predicts"]): ModelPlan {
  const text = file.metadata.get("config");
  if (text === undefined) {
    throw new CheckpointError(
      `Cannot load ${quoteName(file.name)}: its metadata have no "config" that says what network it is, ` +
        `${EXPECTED} is needed`,
    );
  }
  try {
    const described = planDescription(JSON.parse(text), predicts);
    const [low, high] = described.valueRange;
    if (low === -1 && high === 1) return described;
    throw new TypeError(`"value_range" is [${low}, ${high}], only networks for images in [-1, 1] are supported`);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CheckpointError(
      `Cannot load ${quoteName(file.name)}: "config" in its metadata does not fit (${reason})`,
      { cause },
    );
  }
}

/**
 * Reads a description.
 * @param raw see `Description`
 * @param predicts what the network must predict; default: anything
 * @throws {TypeError} if it is no object, its architecture is unknown, or keywords are unknown, missing or ill-typed
 * @throws {RangeError} if keywords do not fit together
 */
export function planDescription(raw: unknown, predicts?: Architecture["predicts"]): ModelPlan {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw new TypeError(`it is no object, ${EXPECTED} is needed`);
  }
  const {
    architecture: name,
    learn_sigma: learnSigma,
    noise_schedule: curve,
    diffusion_steps: diffusionSteps,
    value_range: valueRange,
    ...keywords
  }: Record<string, unknown> = { ...DEFAULT_PROCESS, ...raw };
  const candidates = ARCHITECTURES.filter((candidate) => predicts === undefined || candidate.predicts === predicts);
  const architecture = candidates.find((candidate) => candidate.name === name);
  if (!architecture) {
    const needed = candidates.map((candidate) => `"${candidate.name}"`).join(" or ");
    throw new TypeError(`the architecture is ${JSON.stringify(name) ?? "not given"}, ${needed} is needed`);
  }
  if (!isBetaCurve(curve)) {
    throw new TypeError(`"noise_schedule" is ${JSON.stringify(curve)}, "linear" or "cosine" is needed`);
  }
  if (typeof diffusionSteps !== "number") {
    throw new TypeError(`"diffusion_steps" is ${JSON.stringify(diffusionSteps)}, a positive integer is needed`);
  }
  if (!isRange(valueRange)) {
    throw new TypeError(`"value_range" is ${JSON.stringify(valueRange)}, two ascending numbers are needed`);
  }
  const plan = architecture.plan(keywords);
  const { inChannels, outChannels } = plan.config;
  const channels = inChannels * (learnSigma === true ? 2 : 1);
  if (learnSigma !== undefined && (typeof learnSigma !== "boolean" || outChannels !== channels)) {
    throw new TypeError(
      `"learn_sigma" is ${JSON.stringify(learnSigma)} while ${inChannels} channels go in and ` +
        `${outChannels} come out; true doubles the channels, false keeps them`,
    );
  }
  return { architecture, plan, schedule: noiseSchedule(curve, diffusionSteps), valueRange };
}

function isRange(value: unknown): value is readonly [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every(Number.isFinite) && value[0] < value[1];
}
