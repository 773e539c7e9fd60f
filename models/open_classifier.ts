/** From the file of a noise-aware classifier to its logits. */
import { type Coefficient, constant, type Runtime, type Tensor } from "../engine/mod.ts";
import { gatherRows } from "../kernels/mod.ts";
import type { Checkpoint } from "./checkpoint/checkpoint.ts";
import { describeModel } from "./model_description.ts";
import type { NetworkConfig } from "./network.ts";
import { loadWeights, type UploadOptions } from "./weights.ts";

/** A classifier of noisy images on a runtime. */
export interface OpenedClassifier {
  /** Name of the file. */
  readonly name: string;
  readonly config: NetworkConfig;
  /** [T] alphaBar by training timestep: how noisy the images are that the classifier knows. */
  readonly alphaBar: Float64Array;
  /** Number of trained numbers. */
  readonly parameterCount: number;
  /** Heights and widths of images must be multiples of it. */
  readonly downsampling: number;
  /**
   * Records the logits: log p(class | x_t) up to a number for each image.
   * @param xt [N, H, W, inChannels] noisy images; where the pool is attention, of the training size
   * @param timestep training timestep 0 to T - 1, one for all items
   * @returns [N, classes]
   * @throws {TypeError} if the images do not fit
   */
  logits(xt: Tensor, timestep: Coefficient): Tensor;
  /** Gives the weights' memory back; stages that use the network cannot run any more. */
  free(): void;
}

/**
 * Opens the file of a classifier, whose `__metadata__.config` is JSON with `architecture` ("guided-diffusion-classifier"),
 * the constructor's keywords (see `guidedClassifierConfig`), and optionally `noise_schedule` and `diffusion_steps`.
 * @param runtime where the weights go
 * @param file the open file
 * @param options how weights are kept, and what to be told while loading
 * @throws {CheckpointError} if the file does not say what it is, is no classifier, or its tensors do not fit
 * @throws {DeviceLimitError} if a parameter does not fit a buffer
 */
export async function openClassifier(
  runtime: Runtime,
  file: Checkpoint,
  options: UploadOptions = {},
): Promise<OpenedClassifier> {
  const { plan, schedule } = describeModel(file, "classes");
  const weights = await loadWeights(runtime, file, plan.parameters, options);
  const network = plan.build(weights);
  const table = network.timestepTable(schedule.timesteps);
  return {
    name: file.name,
    config: network.config,
    alphaBar: schedule.alphaBar,
    parameterCount: weights.parameterCount,
    downsampling: network.downsampling,
    logits(xt: Tensor, timestep: Coefficient): Tensor {
      const rows = Array<Coefficient>(xt.shape[0]!).fill(timestep);
      return network.forward(xt, { timestepRows: gatherRows(constant(table), rows) });
    },
    free: weights.free,
  };
}
