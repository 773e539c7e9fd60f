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
export interface Network<C extends NetworkConfig = NetworkConfig> {
  /** What it says about itself. */
  readonly config: C;
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
 * Checks what a network is given.
 * @param name the family, for messages
 * @param sides factor that heights and widths must be multiples of; 1 where no level is joined to another one
 * @throws {TypeError} if a shape does not fit, or conditioning is missing or not expected
 */
export function requireInputs(
  name: string,
  { inChannels, modelChannels, numClasses, superResolution = false }: NetworkConfig,
  sides: number,
  x: Tensor,
  { timestepRows, labels, lowRes }: NetworkInputs,
): void {
  const fail = (found: string): never => {
    throw new TypeError(`Cannot build a ${name} network: ${found}`);
  };
  const [batch, height, width, channels] = x.shape;
  if (x.shape.length !== 4 || channels !== inChannels) {
    fail(`x is ${formatShape(x.shape)}, [N, H, W, ${inChannels}] is needed`);
  }
  if (height! % sides !== 0 || width! % sides !== 0 || height! * width! === 0) {
    const needed = sides === 1
      ? "height and width must not be 0"
      : `height and width must be multiples of ${sides}: an odd side that is halved and doubled again no longer fits ` +
        "the skip connection that is joined to it, in PyTorch neither";
    fail(`x is ${formatShape(x.shape)}, ${needed}`);
  }
  const rows: Shape = [batch!, modelChannels];
  if (!sameShape(timestepRows.shape, rows)) {
    fail(`the timestep rows are ${formatShape(timestepRows.shape)}, ${formatShape(rows)} is needed`);
  }
  if (numClasses === undefined ? labels !== undefined : labels?.length !== batch) {
    const needed = numClasses === undefined ? "none, as the network is unconditional" : `${batch}, one per item`;
    fail(`${labels?.length ?? 0} class labels were given, needed are ${needed}`);
  }
  if (superResolution !== (lowRes !== undefined)) {
    fail(superResolution ? "it needs a low-resolution image, none was given" : "it takes no low-resolution image");
  }
  if (lowRes && (lowRes.shape.length !== 4 || lowRes.shape[0] !== batch || lowRes.shape[3] !== channels)) {
    fail(`the low-resolution image is ${formatShape(lowRes.shape)}, [${batch}, h, w, ${channels}] is needed`);
  }
}
