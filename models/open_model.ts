/** From a model file that describes itself to a network on a runtime. */
import type { Runtime } from "../engine/mod.ts";
import type { Checkpoint } from "./checkpoint/checkpoint.ts";
import type { NetworkFamily } from "./family.ts";
import type { DiffusionProcess } from "./diffusion_process.ts";
import { describeModel } from "./model_description.ts";
import type { Network, NetworkConfig } from "./network.ts";
import { type NoiseModel, noiseModel, type NoiseModelOptions } from "./noise_model.ts";
import { loadWeights, type UploadOptions } from "./weights.ts";

/** A network of any family on a runtime. */
export interface OpenedNetwork {
  /** Name of the file. */
  readonly name: string;
  /** Family of the network, such as "guided-diffusion". */
  readonly architecture: string;
  /** What the network says about itself. */
  readonly config: NetworkConfig;
  /** What the network was trained with. */
  readonly process: DiffusionProcess;
  /** Number of trained scalars. */
  readonly parameterCount: number;
  /** Heights and widths of images must be multiples of it. */
  readonly downsampling: number;
  /** Gives the weights' memory back; stages that use the network cannot run any more. */
  free(): void;
}

/** A network that predicts noise on a runtime, for images of any size and class it can take. */
export interface OpenedModel extends OpenedNetwork {
  /**
   * The network for one image size and class.
   * @param options the training size by default
   * @throws {RangeError} as `noiseModel`
   * @throws {TypeError} as `noiseModel`
   */
  noiseModel(options?: NoiseModelOptions): NoiseModel;
}

/**
 * Opens a network that predicts noise from a file that says in `__metadata__.config` what it is, as JSON; see
 * `Description`.
 * @param runtime where the weights go
 * @param file the open file
 * @param options how weights are kept, and what to be told while loading
 * @throws {CheckpointError} if the file does not say what it is, is of another family, or its tensors do not fit
 * @throws {DeviceLimitError} if a parameter does not fit a buffer
 */
export async function openModel(
  runtime: Runtime,
  file: Checkpoint,
  options: UploadOptions = {},
): Promise<OpenedModel> {
  const { network, ...opened } = await openNetwork(runtime, file, "noise", options);
  return { ...opened, noiseModel: (options) => noiseModel(network, opened.process, options) };
}

/** Opens a network that predicts noise or classes; throws as `openModel`. */
export async function openNetwork(
  runtime: Runtime,
  file: Checkpoint,
  predicts: NetworkFamily["predicts"],
  options: UploadOptions,
): Promise<OpenedNetwork & { readonly network: Network }> {
  const { family, plan, process } = describeModel(file, predicts);
  const weights = await loadWeights(runtime, file, plan.parameters, options);
  const network = plan.build(weights);
  return {
    name: file.name,
    architecture: family.name,
    config: network.config,
    process,
    parameterCount: weights.parameterCount,
    downsampling: network.downsampling,
    free: weights.free,
    network,
  };
}
