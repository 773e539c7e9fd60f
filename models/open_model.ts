/** From a model file that describes itself to a network on a runtime. */
import { type Runtime } from "../engine/mod.ts";
import type { Checkpoint } from "./checkpoint/checkpoint.ts";
import { describeModel } from "./model_description.ts";
import type { NetworkConfig } from "./network.ts";
import { type NoiseModel, noiseModel, type NoiseModelOptions } from "./noise_model.ts";
import type { NoiseSchedule } from "./noise_schedule.ts";
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

/**
 * Opens a model file that says in `__metadata__.config` what it is, as JSON; see `Description`, `guidedUnetConfig` and
 * `ddpmUnetConfig`. The architecture must be "guided-diffusion" or "ddpm".
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
    architecture: architecture.name,
    config: network.config,
    schedule,
    parameterCount: weights.parameterCount,
    downsampling: network.downsampling,
    noiseModel: (options?: NoiseModelOptions): NoiseModel => noiseModel(network, schedule, options),
    free: weights.free,
  };
}
