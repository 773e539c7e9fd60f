/** From the file of a noise-aware classifier to its logits. */
import { type Coefficient, constant, type Runtime, type Tensor } from "../engine/mod.ts";
import { gatherRows } from "../kernels/mod.ts";
import type { Checkpoint } from "./checkpoint/checkpoint.ts";
import { CheckpointError, quoteName } from "./checkpoint/checkpoint_error.ts";
import { type OpenedNetwork, openNetwork } from "./open_model.ts";
import type { UploadOptions } from "./weights.ts";

/** A classifier of noisy images on a runtime. */
export interface OpenedClassifier extends OpenedNetwork {
  /** [T] alphaBar by training timestep: how noisy the images are that the classifier knows. */
  readonly alphaBar: Float64Array;
  /**
   * Records the logits: log p(class | x_t) up to a constant for each image.
   * @param xt [N, H, W, inChannels] noisy images; where the pool is attention, of the training size
   * @param timestep training timestep 0 to T - 1, one for all items
   * @returns [N, classes]
   * @throws {TypeError} if the images do not fit
   */
  logits(xt: Tensor, timestep: Coefficient): Tensor;
}

/**
 * Opens the file of a classifier, which says in `__metadata__.config` what it is; see `Description`.
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
  const { network, ...opened } = await openNetwork(runtime, file, "classes", options);
  const { schedule } = opened.process;
  if (!schedule) {
    throw new CheckpointError(
      `Cannot load ${quoteName(file.name)}: a classifier is told timesteps, but its prediction_type is ` +
        `${opened.process.predictionType}, which has no list of them`,
    );
  }
  const table = network.timestepTable(schedule.timesteps);
  return {
    ...opened,
    alphaBar: schedule.alphaBar,
    logits(xt: Tensor, timestep: Coefficient): Tensor {
      const rows = Array<Coefficient>(xt.shape[0]!).fill(timestep);
      return network.forward(xt, { timestepRows: gatherRows(constant(table), rows) });
    },
  };
}
