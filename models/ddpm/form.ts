/** What tells the networks apart that are built as the DDPM network is: names of parts, norms and resampling. */
import type { Padding } from "../../kernels/mod.ts";
import type { Norm } from "../layers.ts";
import type { ResidualNames } from "../unet_blocks.ts";

/** What the parts of an attention are called; queries, keys and values come from layers of their own. */
export interface AttentionNames {
  readonly norm: string;
  readonly queries: string;
  readonly keys: string;
  readonly values: string;
  /** The layer that mixes what the heads give. */
  readonly out: string;
  /** Whether the checkpoint holds weights [C, C], or 1x1 convolutions [C, C, 1, 1]. */
  readonly matrices: boolean;
}

/** How all layers of a network are called and built. */
export interface UnetForm {
  /** The two linear layers of the embedding of a timestep. */
  readonly embedding: readonly [first: string, second: string];
  /** The table of class embeddings; undefined where there are no classes. */
  readonly classes?: string;
  readonly residual: ResidualNames;
  readonly attention: AttentionNames;
  /** The norm before the last convolution. */
  readonly lastNorm: string;
  /** How the norms of residual blocks and the last one divide. */
  readonly norm: Norm;
  /** Whether the embedding scales and shifts the second norm of a residual block; otherwise it is added before. */
  readonly scaleShiftNorm: boolean;
  /** Whether plain down- and upsampling layers convolve. */
  readonly convResample: boolean;
  /** Rows and columns of zeros around an image that a convolution halves. */
  readonly downsamplePadding: Padding;
}

/** Zeros at the right and at the bottom only, so that every window of an even image is inside. */
export const RIGHT_AND_BOTTOM: Padding = { top: 0, left: 0, bottom: 1, right: 1 };

/** The norms of the DDPM network. */
const NORM: Norm = { groups: 32, eps: 1e-6 };

/**
 * What the parts of a residual block are called: shortcut(x) + conv2(silu(norm2(conv1(silu(norm1(x))) +
 * temb_proj(silu(emb))))), where the shortcut is x, through a 1x1 convolution where the number of channels changes.
 */
const RESIDUAL: ResidualNames = {
  norm1: "norm1",
  conv1: "conv1",
  condition: "temb_proj",
  norm2: "norm2",
  conv2: "conv2",
  skip: "nin_shortcut",
  norm: NORM,
};

/** The names in the DDPM network. */
const ATTENTION: AttentionNames = {
  norm: "norm",
  queries: "q",
  keys: "k",
  values: "v",
  out: "proj_out",
  matrices: false,
};

/** The DDPM network, `Model` of the published programs. */
export const DDPM_FORM: UnetForm = {
  embedding: ["temb.dense.0", "temb.dense.1"],
  residual: RESIDUAL,
  attention: ATTENTION,
  lastNorm: "norm_out",
  norm: NORM,
  scaleShiftNorm: false,
  convResample: true,
  downsamplePadding: RIGHT_AND_BOTTOM,
};
