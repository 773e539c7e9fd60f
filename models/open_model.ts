/** From a model file that describes itself to a network on a runtime. */
import { type Runtime } from "../engine/mod.ts";
import type { Checkpoint } from "./checkpoint/checkpoint.ts";
import { CheckpointError, quoteName } from "./checkpoint/checkpoint_error.ts";
import { guidedUnet } from "./guided_unet.ts";
import { type GuidedUnetConfig, guidedUnetConfig } from "./guided_unet_config.ts";
import { guidedUnetParameters } from "./guided_unet_layout.ts";
import { guidedNoiseModel, type NoiseModel, type NoiseModelOptions } from "./noise_model.ts";
import { type BetaCurve, isBetaCurve, type NoiseSchedule, noiseSchedule } from "./noise_schedule.ts";
import { type LoadOptions, loadWeights } from "./weights.ts";

/** A network on a runtime, for images of any size and class it can take. */
export interface OpenedModel {
  /** Name of the file. */
  readonly name: string;
  readonly config: GuidedUnetConfig;
  /** The process the network was trained with. */
  readonly schedule: NoiseSchedule;
  /** Number of trained numbers. */
  readonly parameterCount: number;
  /** Heights and widths of images must be multiples of it. */
  readonly downsampling: number;
  /**
   * The network for one image size and class.
   * @param options the training size by default
   * @throws {RangeError} as `guidedNoiseModel`
   * @throws {TypeError} as `guidedNoiseModel`
   */
  noiseModel(options?: NoiseModelOptions): NoiseModel;
  /** Gives the weights' memory back; stages that use the network cannot run any more. */
  free(): void;
}

/** What `__metadata__.config` of a model file says. */
interface ModelDescription {
  readonly network: GuidedUnetConfig;
  readonly curve: BetaCurve;
  readonly diffusionSteps: number;
}

const ARCHITECTURE = "guided-diffusion";

/** An example of what is needed, for messages. */
const EXPECTED = `{"architecture": "${ARCHITECTURE}", "image_size": 64, "in_channels": 3, ...}`;

/**
 * Opens a model file whose `__metadata__.config` is JSON with `architecture` ("guided-diffusion"), the constructor's
 * keywords (see `guidedUnetConfig`), and optionally `learn_sigma`, `noise_schedule` ("linear" or "cosine", default
 * linear) and `diffusion_steps` (default 1000).
 * @param runtime where the weights go
 * @param file the open file
 * @param options what to be told while loading
 * @throws {CheckpointError} if the file does not say what it is, is of another architecture, or its tensors do not fit
 * @throws {DeviceLimitError} if a parameter does not fit a buffer
 */
export async function openModel(
  runtime: Runtime,
  file: Checkpoint,
  options: Pick<LoadOptions, "onProgress"> = {},
): Promise<OpenedModel> {
  const { network, schedule, parameters } = planModel(file);
  const weights = await loadWeights(runtime, file, parameters, options);
  const unet = guidedUnet(network, weights);
  return {
    name: file.name,
    config: network,
    schedule,
    parameterCount: weights.parameterCount,
    downsampling: unet.downsampling,
    noiseModel: (options?: NoiseModelOptions): NoiseModel => guidedNoiseModel(unet, schedule, options),
    free: weights.free,
  };
}

/** All that can be known before a tensor is read, with the file named in whatever is wrong. */
function planModel(file: Checkpoint): {
  readonly network: GuidedUnetConfig;
  readonly schedule: NoiseSchedule;
  readonly parameters: ReturnType<typeof guidedUnetParameters>;
} {
  const text = file.metadata.get("config");
  if (text === undefined) {
    throw new CheckpointError(
      `Cannot load ${quoteName(file.name)}: its metadata have no "config" that says what network it is, ` +
        `${EXPECTED} is needed`,
    );
  }
  try {
    const { network, curve, diffusionSteps } = describe(JSON.parse(text));
    return {
      network,
      schedule: noiseSchedule(curve, diffusionSteps),
      parameters: guidedUnetParameters(network),
    };
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

function describe(raw: unknown): ModelDescription {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw new TypeError(`it is no object, ${EXPECTED} is needed`);
  }
  const {
    architecture,
    learn_sigma: learnSigma,
    noise_schedule: curve = "linear",
    diffusion_steps: diffusionSteps = 1000,
    ...keywords
  } = raw as Record<string, unknown>;
  if (architecture !== ARCHITECTURE) {
    throw new TypeError(
      `the architecture is ${JSON.stringify(architecture) ?? "not given"}, "${ARCHITECTURE}" is needed`,
    );
  }
  if (!isBetaCurve(curve)) {
    throw new TypeError(`"noise_schedule" is ${JSON.stringify(curve)}, "linear" or "cosine" is needed`);
  }
  if (typeof diffusionSteps !== "number") {
    throw new TypeError(`"diffusion_steps" is ${JSON.stringify(diffusionSteps)}, a positive integer is needed`);
  }
  const network = guidedUnetConfig(keywords);
  const channels = network.inChannels * (learnSigma === true ? 2 : 1);
  if (learnSigma !== undefined && (typeof learnSigma !== "boolean" || network.outChannels !== channels)) {
    throw new TypeError(
      `"learn_sigma" is ${JSON.stringify(learnSigma)} while ${network.inChannels} channels go in and ` +
        `${network.outChannels} come out; true doubles the channels, false keeps them`,
    );
  }
  return { network, curve, diffusionSteps };
}
