/** What samplers see of a network: eps(x_t, t), the image it is for, and the list of levels that t counts. */
import {
  type Coefficient,
  constant,
  type DeviceTensor,
  type HostTensor,
  hostTensor,
  type Shape,
  type Tensor,
} from "../engine/mod.ts";
import { add, gatherRows, reshape, scaleSamples, sliceChannels } from "../kernels/mod.ts";
import type { AttentionExchange } from "./attention_exchange.ts";
import { type DiffusionProcess, levelsOf, listedProcess, type OutputWeights } from "./diffusion_process.ts";
import type { Network } from "./network.ts";
import type { NoiseSchedule } from "./noise_schedule.ts";

/** What a network says of a state. */
export interface NoisePrediction {
  /** The noise z [N, H, W, C]. */
  readonly eps: Tensor;
  /** The image x_0 [N, H, W, C]. */
  readonly x0: Tensor;
}

/**
 * A network that predicts the noise z in x_t = sqrt(alphaBar_t) x_0 + sqrt(1 - alphaBar_t) z. Timesteps are places in a
 * list of levels that belongs to the sampler; the network is told what it was trained to be told at that level.
 */
export interface NoiseModel {
  /** [H, W, C] */
  readonly imageShape: Shape;
  /** [T] alphaBar by timestep. */
  readonly alphaBar: Float64Array;
  /** What the network was trained with, where it is a network. */
  readonly process?: DiffusionProcess;
  /**
   * Records the prediction of the noise; a learned variance is split off.
   * @param xt [N, H, W, C] noisy images
   * @param timestep place in the list, 0 to T - 1, one for all items
   * @param exchange called with the queries and keys of each attention; models without attention never call it
   * @returns [N, H, W, C]
   */
  predictEps(xt: Tensor, timestep: Coefficient, exchange?: AttentionExchange): Tensor;
  /**
   * Records the noise together with the image, where the network says more of the image than the noise does: x_0 from eps
   * loses a factor of sigma in precision, and all where no image is left. Absent where noise is what it predicts.
   * @param xt as `predictEps`
   * @param timestep as `predictEps`
   * @param exchange as `predictEps`
   */
  predict?(xt: Tensor, timestep: Coefficient, exchange?: AttentionExchange): NoisePrediction;
  /**
   * Records the prediction together with v [N, H, W, C], nominally in [-1, 1], which says where the log variance of the
   * step down lies between that of the posterior (-1) and log beta (1). There only if the network learns the variance.
   * @param xt as `predictEps`
   * @param timestep as `predictEps`
   */
  predictWithVariance?(xt: Tensor, timestep: Coefficient): { readonly eps: Tensor; readonly variance: Tensor };
  /**
   * The same network over another list of levels, in any order.
   * @param alphaBar [T], each at least 0 and below 1
   */
  withLevels?(alphaBar: Float64Array): NoiseModel;
}

/** Tensors [N, H, W, C] that a network gives, by name. */
export type Predicted<K extends string = string> = Readonly<Record<K, Tensor>>;

/** One evaluation of a network. */
export interface Evaluation<K extends string> {
  /** What is to be evaluated [N, H, W, C]. */
  readonly xt: Tensor;
  /** Place in the list of levels. */
  readonly timestep: Coefficient;
  /** What is wanted of it. */
  readonly names: readonly K[];
  /** Called by the attentions, where something passes by them; `predict` knows of it. */
  readonly exchange?: AttentionExchange | undefined;
  /** The network itself. */
  predict(xt: Tensor): Predicted<K>;
}

/**
 * The noise model whose every evaluation goes another way, such as in windows.
 * @param model what is evaluated
 * @param imageShape [H, W, C] of the images that are shown to the new model
 * @param evaluate the way
 */
export function evaluatedBy(
  model: NoiseModel,
  imageShape: Shape,
  evaluate: <K extends string>(evaluation: Evaluation<K>) => Predicted<K>,
): NoiseModel {
  const { predict, predictWithVariance, withLevels } = model;
  return {
    ...model,
    imageShape,
    predictEps: (xt, timestep, exchange) =>
      evaluate({
        ...{ xt, timestep, exchange, names: ["eps"] },
        predict: (x) => ({ eps: model.predictEps(x, timestep, exchange) }),
      }).eps,
    ...(predict && {
      predict: (xt, timestep, exchange) =>
        evaluate<keyof NoisePrediction>({
          ...{ xt, timestep, exchange, names: ["eps", "x0"] },
          predict: (x) => ({ ...predict(x, timestep, exchange) }),
        }),
    }),
    ...(predictWithVariance && {
      predictWithVariance: (xt, timestep) =>
        evaluate<"eps" | "variance">({
          ...{ xt, timestep, names: ["eps", "variance"] },
          predict: (x) => ({ ...predictWithVariance(x, timestep) }),
        }),
    }),
    ...(withLevels && { withLevels: (levels) => evaluatedBy(withLevels(levels), imageShape, evaluate) }),
  };
}

/** What is made of each name. */
export function predictionOf<K extends string>(names: readonly K[], make: (name: K) => Tensor): Predicted<K> {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<K, Tensor>;
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
  /**
   * The list of levels: `published`, by default, the one that published timesteps count (see `PUBLISHED_LEVELS`), so that
   * they mean the same noise level for every network; `training`, the network's own, where it has one; or any other one.
   */
  readonly levels?: "published" | "training" | Float64Array;
}

/**
 * A network as a noise model of one image size and one class.
 * @param network the network with its weights
 * @param trained what it was trained with; a schedule stands for the prediction of noise on it
 * @param options size and conditioning
 * @throws {RangeError} if the size is not a multiple of the downsampling, or the label is missing, not expected or out
 * of range
 * @throws {TypeError} if the number of output channels is neither that of the image nor its double, or the
 * low-resolution image is missing or not expected
 */
export function noiseModel(
  network: Network,
  trained: DiffusionProcess | NoiseSchedule,
  options: NoiseModelOptions = {},
): NoiseModel {
  const { height = network.config.imageSize, width = network.config.imageSize, label, lowRes } = options;
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
  const process = "at" in trained ? trained : listedProcess(trained);
  const { levels = "published" } = options;
  const alphaBar = typeof levels === "string" ? levelsOf(process, levels) : levels;
  return overLevels(network, process, { ...options, height, width }, alphaBar);
}

type OutputWeight = Exclude<keyof OutputWeights, "noise">;

function overLevels(
  network: Network,
  process: DiffusionProcess,
  options: NoiseModelOptions & { readonly height: number; readonly width: number },
  alphaBar: Float64Array,
): NoiseModel {
  const { height, width, label, lowRes, checkpoint = false } = options;
  const { inChannels, outChannels } = network.config;
  const weights = Array.from(alphaBar, process.at);
  const timesteps = network.timestepTable(weights.map(({ noise }) => noise));
  const forward = (input: Tensor, rows: readonly Coefficient[], exchange?: AttentionExchange): Tensor =>
    network.forward(input, {
      timestepRows: gatherRows(constant(timesteps), rows),
      ...(label === undefined ? {} : { labels: Array<number>(rows.length).fill(label) }),
      ...(lowRes ? { lowRes: constant(lowRes) } : {}),
      exchange,
      checkpoint,
    });
  const imageOf = (output: Tensor): Tensor =>
    outChannels === inChannels ? output : sliceChannels(output, 0, inChannels);
  const shared = {
    imageShape: [height, width, inChannels],
    alphaBar,
    process,
    withLevels: (levels: Float64Array) => overLevels(network, process, options, levels),
  };
  const rowsFor = (xt: Tensor, timestep: Coefficient): readonly Coefficient[] =>
    Array<Coefficient>(xt.shape[0]!).fill(timestep);
  if (process.predictionType === "epsilon") {
    return {
      ...shared,
      predictEps: (xt, timestep, exchange) => imageOf(forward(xt, rowsFor(xt, timestep), exchange)),
      ...(outChannels !== inChannels && {
        predictWithVariance(xt, timestep): { readonly eps: Tensor; readonly variance: Tensor } {
          const out = forward(xt, rowsFor(xt, timestep));
          return { eps: imageOf(out), variance: sliceChannels(out, inChannels, outChannels) };
        },
      }),
    };
  }
  const tables = new Map<OutputWeight, HostTensor>();
  /** x times the weight of that name at every item's level. */
  const weighed = (x: Tensor, rows: readonly Coefficient[], name: OutputWeight): Tensor => {
    if (weights.every((level) => level[name] === 1)) return x;
    const table = tables.get(name) ??
      hostTensor(Float32Array.from(weights, (level) => level[name]), [alphaBar.length, 1]);
    tables.set(name, table);
    return scaleSamples(x, reshape(gatherRows(constant(table), rows), [rows.length]));
  };
  const sum = (xt: Tensor, out: Tensor, rows: readonly Coefficient[], of: "eps" | "x0"): Tensor =>
    add(weighed(xt, rows, `${of}FromXt`), weighed(out, rows, `${of}FromOutput`));
  const output = (xt: Tensor, rows: readonly Coefficient[], exchange?: AttentionExchange): Tensor =>
    imageOf(forward(weighed(xt, rows, "input"), rows, exchange));
  return {
    ...shared,
    predictEps(xt, timestep, exchange): Tensor {
      const rows = rowsFor(xt, timestep);
      return sum(xt, output(xt, rows, exchange), rows, "eps");
    },
    predict(xt, timestep, exchange): NoisePrediction {
      const rows = rowsFor(xt, timestep);
      const out = output(xt, rows, exchange);
      return { eps: sum(xt, out, rows, "eps"), x0: sum(xt, out, rows, "x0") };
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
