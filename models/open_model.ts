/** From a model file that describes itself to a network on a runtime. */
import { type Runtime } from "../engine/mod.ts";
import type { Architecture, NetworkPlan } from "./architecture.ts";
import { ARCHITECTURES } from "./architectures.ts";
import { CheckpointError, quoteName } from "./checkpoint/checkpoint_error.ts";
import type { Checkpoint } from "./checkpoint/checkpoint.ts";
import type { NetworkConfig } from "./network.ts";
import { type NoiseModel, noiseModel, type NoiseModelOptions } from "./noise_model.ts";
import { isBetaCurve, type NoiseSchedule, noiseSchedule } from "./noise_schedule.ts";
import { loadWeights, type UploadOptions } from "./weights.ts";

/** A network on a runtime, for images of any size and class it can take. */
export interface OpenedModel {
  /** Name of the file. */
  readonly name: string;
  /** Family of the network, such as "guided-diffusion". */
  readonly architecture: string;
  readonly config: NetworkConfig;
  /** The process the network was trained with. */
  readonly schedule: NoiseSchedule;
  /** Number of trained numbers. */
  readonly parameterCount: number;
  /** Heights and widths of images must be multiples of it. */
  readonly downsampling: number;
  /**
   * The network for one image size and class.
   * @param options the training size by default
   * @throws {RangeError} as `noiseModel`
   * @throws {TypeError} as `noiseModel`
   */
  noiseModel(options?: NoiseModelOptions): NoiseModel;
  /** Gives the weights' memory back; stages that use the network cannot run any more. */
  free(): void;
}

/** What `__metadata__.config` of a model file says. */
interface ModelDescription {
  readonly architecture: string;
  readonly plan: NetworkPlan;
  readonly schedule: NoiseSchedule;
}

/** An example of what is needed, for messages. */
const EXPECTED = `{"architecture": "${ARCHITECTURES[0]!.name}", "image_size": 64, "in_channels": 3, ...}`;

/**
 * Opens a model file whose `__metadata__.config` is JSON with `architecture` ("guided-diffusion" or "ddpm"), the
 * constructor's keywords (see `guidedUnetConfig` and `ddpmUnetConfig`), and optionally `learn_sigma`, `noise_schedule`
 * ("linear" or "cosine", default linear) and `diffusion_steps` (default 1000).
 * @param runtime where the weights go
 * @param file the open file
 * @param options how weights are kept, and what to be told while loading
 * @throws {CheckpointError} if the file does not say what it is, is of another architecture, or its tensors do not fit
 * @throws {DeviceLimitError} if a parameter does not fit a buffer
 */
export async function openModel(
  runtime: Runtime,
  file: Checkpoint,
  options: UploadOptions = {},
): Promise<OpenedModel> {
  const { architecture, plan, schedule } = describeModel(file, "noise");
  const weights = await loadWeights(runtime, file, plan.parameters, options);
  const network = plan.build(weights);
  return {
    name: file.name,
    architecture,
    config: network.config,
    schedule,
    parameterCount: weights.parameterCount,
    downsampling: network.downsampling,
    noiseModel: (options?: NoiseModelOptions): NoiseModel => noiseModel(network, schedule, options),
    free: weights.free,
  };
}

/**
 * All that can be known before a tensor is read.
 * @param file the open file
 * @param predicts what the network must predict
 * @throws {CheckpointError} if the file does not say what it is, or is of an architecture that predicts something else
 */
export function describeModel(file: Checkpoint, predicts: Architecture["predicts"]): ModelDescription {
  const text = file.metadata.get("config");
  if (text === undefined) {
    throw new CheckpointError(
      `Cannot load ${quoteName(file.name)}: its metadata have no "config" that says what network it is, ` +
        `${EXPECTED} is needed`,
    );
  }
  try {
    return describe(JSON.parse(text), predicts);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CheckpointError(
      `Cannot load ${quoteName(file.name)}: "config" in its metadata does not fit (${reason})`,
      {
        cause,
      },
    );
  }
}

function describe(raw: unknown, predicts: Architecture["predicts"]): ModelDescription {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw new TypeError(`it is no object, ${EXPECTED} is needed`);
  }
  const {
    architecture: name,
    learn_sigma: learnSigma,
    noise_schedule: curve = "linear",
    diffusion_steps: diffusionSteps = 1000,
    ...keywords
  } = raw as Record<string, unknown>;
  const candidates = ARCHITECTURES.filter((architecture) => architecture.predicts === predicts);
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
  const plan = architecture.plan(keywords);
  const { inChannels, outChannels } = plan.config;
  const channels = inChannels * (learnSigma === true ? 2 : 1);
  if (learnSigma !== undefined && (typeof learnSigma !== "boolean" || outChannels !== channels)) {
    throw new TypeError(
      `"learn_sigma" is ${JSON.stringify(learnSigma)} while ${inChannels} channels go in and ` +
        `${outChannels} come out; true doubles the channels, false keeps them`,
    );
  }
  return { architecture: architecture.name, plan, schedule: noiseSchedule(curve, diffusionSteps) };
}
