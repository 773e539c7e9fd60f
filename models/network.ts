/** What all networks have in common, whatever their architecture. */
import { type Coefficient, formatShape, type HostTensor, sameShape, type Shape, type Tensor } from "../engine/mod.ts";
import type { AttentionExchange } from "./attention_exchange.ts";

/** What a network says about itself. */
export interface NetworkConfig {
  /** Side of the training images. */
  readonly imageSize: number;
  /** Channels of the image, without those of a low-resolution image that is appended. */
  readonly inChannels: number;
  /** Channels of the result: the image's, twice as many where the variance is learned, or a classifier's classes. */
  readonly outChannels: number;
  /** Width of the network, and of the sinusoids that it is given. */
  readonly modelChannels: number;
  /** Number of classes; undefined for an unconditional network. */
  readonly numClasses?: number | undefined;
  /** Whether the network is given a low-resolution image. */
  readonly superResolution?: boolean;
  /** Side of the low-resolution images that it was trained with, where that is known. */
  readonly smallSize?: number;
}

/** What a network is given besides the noisy image. */
export interface NetworkInputs {
  /** [N, modelChannels] sinusoid of each item's timestep; see `Network.timestepTable`. */
  readonly timestepRows: Tensor;
  /** [N] class of each item; needed by class-conditional networks and no others. */
  readonly labels?: readonly Coefficient[];
  /** [N, h, w, inChannels] low-resolution image in [-1, 1]; needed by super-resolution networks and no others. */
  readonly lowRes?: Tensor;
  /**
   * Whether a reverse pass computes what is inside the blocks again instead of keeping it: only what passes between them
   * is kept, for about one more forward pass. It changes no bit of the result.
   */
  readonly checkpoint?: boolean;
  /** Called with the result of each module as it is recorded, by module name; `emb` is the embedding of the timestep. */
  readonly observe?: (module: string, tensor: Tensor) => void;
  /** Called with the queries and keys of each attention, by module name; returns those that it uses. */
  readonly exchange?: AttentionExchange | undefined;
}

/** A network together with its weights, ready to be recorded. */
export interface Network {
  readonly config: NetworkConfig;
  /** Heights and widths must be multiples of it, except for classifiers, whose sides may be odd. */
  readonly downsampling: number;
  /**
   * The sinusoids that stand for timesteps.
   * @param timesteps whole or fractional
   * @returns [timesteps.length, modelChannels]
   */
  timestepTable(timesteps: ArrayLike<number>): HostTensor;
  /**
   * Records the network.
   * @param x [N, H, W, inChannels] noisy image
   * @param inputs timesteps and conditioning
   * @returns [N, H, W, outChannels]: predicted noise, then the interpolation of the log variance where it is learned; or
   * [N, outChannels]: logits of the classes
   * @throws {TypeError} if a shape does not fit, or conditioning is missing or not expected
   */
  forward(x: Tensor, inputs: NetworkInputs): Tensor;
}

/**
 * What a network needs of the sides of an image, for messages.
 * @param downsampling factor by which its smallest level is smaller; 1 where no level is joined to another one
 */
export function neededSides(downsampling: number): string {
  if (downsampling === 1) return "height and width must not be 0";
  return `height and width must be multiples of ${downsampling}: an odd side that is halved and doubled again no longer ` +
    "fits the skip connection that is joined to it, in PyTorch neither";
}

/**
 * Checks what a network without labels and low-resolution image is given.
 * @param what the network, for messages
 * @throws {TypeError} if the image's channels or size or the timestep rows do not fit, or conditioning is given
 */
export function requirePlainInputs(
  what: string,
  { config, downsampling }: Pick<Network, "config" | "downsampling">,
  x: Tensor,
  { timestepRows, labels, lowRes }: NetworkInputs,
): void {
  const fail = (found: string): never => {
    throw new TypeError(`Cannot build ${what}: ${found}`);
  };
  const [batch, height, width, channels] = x.shape;
  if (x.shape.length !== 4 || channels !== config.inChannels) {
    fail(`x is ${formatShape(x.shape)}, [N, H, W, ${config.inChannels}] is needed`);
  }
  if (height! % downsampling !== 0 || width! % downsampling !== 0 || height! * width! === 0) {
    fail(`x is ${formatShape(x.shape)}, ${neededSides(downsampling)}`);
  }
  const rows: Shape = [batch!, config.modelChannels];
  if (!sameShape(timestepRows.shape, rows)) {
    fail(`the timestep rows are ${formatShape(timestepRows.shape)}, ${formatShape(rows)} is needed`);
  }
  if (labels) fail("class labels were given, it takes none");
  if (lowRes) fail("a low-resolution image was given, it takes none");
}
