/** What samplers see of a network: eps(x_t, t), the image it is for, and the schedule it was trained with. */
import { type Coefficient, constant, type DeviceTensor, type Shape, type Tensor } from "../engine/mod.ts";
import { gatherRows, sliceChannels } from "../kernels/mod.ts";
import type { AttentionExchange } from "./attention_exchange.ts";
import type { Network } from "./network.ts";
import type { NoiseSchedule } from "./noise_schedule.ts";

/** A network that predicts the noise z in x_t = sqrt(alphaBar_t) x_0 + sqrt(1 - alphaBar_t) z. */
export interface NoiseModel {
  /** [H, W, C] */
  readonly imageShape: Shape;
  /** [T] alphaBar by training timestep. */
  readonly alphaBar: Float64Array;
  /**
   * Records the prediction of the noise; a learned variance is split off.
   * @param xt [N, H, W, C] noisy images
   * @param timestep training timestep 0 to T - 1, one for all items
   * @param exchange called with the queries and keys of each attention; models without attention never call it
   * @returns [N, H, W, C]
   */
  predictEps(xt: Tensor, timestep: Coefficient, exchange?: AttentionExchange): Tensor;
  /**
   * Records the prediction together with v [N, H, W, C], nominally in [-1, 1], which says where the log variance of the
   * step down lies between that of the posterior (-1) and log beta (1). There only if the network learns the variance.
   * @param xt as `predictEps`
   * @param timestep as `predictEps`
   */
  predictWithVariance?(xt: Tensor, timestep: Coefficient): { readonly eps: Tensor; readonly variance: Tensor };
}

/** Options of `noiseModel`. */
export interface NoiseModelOptions {
  /** Height of the images in pixels, a multiple of the network's downsampling; the training size by default. */
  readonly height?: number;
  /** Width of the images in pixels, likewise. */
  readonly width?: number;
  /** Class of all images, 0 to numClasses - 1; needed by class-conditional networks and no others. */
  readonly label?: number;
  /** [N, h, w, C] low-resolution images in [-1, 1]; needed by super-resolution networks and no others. */
  readonly lowRes?: DeviceTensor;
  /** Whether gradients compute what is inside the blocks again instead of keeping it; see `NetworkInputs`. */
  readonly checkpoint?: boolean;
}

/**
 * A network as a noise model of one image size and one class.
 * @param network the network with its weights
 * @param schedule the process it was trained with
 * @param options size and conditioning
 * @throws {RangeError} if the size is not a multiple of the downsampling, or the label is missing, not expected or out
 * of range
 * @throws {TypeError} if the number of output channels is neither that of the image nor its double, or the
 * low-resolution image is missing or not expected
 */
export function noiseModel(
  network: Network,
  schedule: NoiseSchedule,
  { height = network.config.imageSize, width = network.config.imageSize, label, lowRes, checkpoint = false }:
    NoiseModelOptions = {},
): NoiseModel {
  const { inChannels, outChannels, numClasses, superResolution = false } = network.config;
  if (outChannels !== inChannels && outChannels !== 2 * inChannels) {
    throw new TypeError(
      `Cannot make a noise model: the network has ${outChannels} output channels, ${inChannels} or ` +
        `${2 * inChannels} (noise, or noise and variance) are needed`,
    );
  }
  for (const extent of [height, width]) {
    if (!Number.isSafeInteger(extent) || extent <= 0 || extent % network.downsampling !== 0) {
      throw new RangeError(
        `Cannot make a noise model for images of ${height} x ${width} pixels: height and width must be multiples of ` +
          `${network.downsampling}`,
      );
    }
  }
  requireLabel(label, numClasses);
  if (superResolution !== (lowRes !== undefined)) {
    throw new TypeError(
      `Cannot make a noise model: the network ${
        superResolution ? "needs a low-resolution image, none was given" : "takes no low-resolution image"
      }`,
    );
  }
  const table = network.timestepTable(schedule.timesteps);
  const record = (xt: Tensor, timestep: Coefficient, exchange?: AttentionExchange): Tensor => {
    const batch = xt.shape[0]!;
    return network.forward(xt, {
      timestepRows: gatherRows(constant(table), Array<Coefficient>(batch).fill(timestep)),
      ...(label === undefined ? {} : { labels: Array<number>(batch).fill(label) }),
      ...(lowRes ? { lowRes: constant(lowRes) } : {}),
      exchange,
      checkpoint,
    });
  };
  const model = { imageShape: [height, width, inChannels], alphaBar: schedule.alphaBar };
  if (outChannels === inChannels) return { ...model, predictEps: record };
  return {
    ...model,
    predictEps: (xt, timestep, exchange) => sliceChannels(record(xt, timestep, exchange), 0, inChannels),
    predictWithVariance(xt, timestep): { readonly eps: Tensor; readonly variance: Tensor } {
      const out = record(xt, timestep);
      return { eps: sliceChannels(out, 0, inChannels), variance: sliceChannels(out, inChannels, outChannels) };
    },
  };
}

function requireLabel(label: number | undefined, numClasses: number | undefined): void {
  if (numClasses === undefined) {
    if (label === undefined) return;
    throw new RangeError(`Cannot make a noise model for class ${label}: the network is unconditional`);
  }
  if (label !== undefined && Number.isSafeInteger(label) && label >= 0 && label < numClasses) return;
  throw new RangeError(
    `Cannot make a noise model: the class is ${label ?? "not given"}, an integer from 0 to ${numClasses - 1} is needed`,
  );
}
