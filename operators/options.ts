/** What the register of degradations lists: their parameters, how they are built, and cases to test them on. */
import type { HostTensor, Shape } from "../engine/mod.ts";
import type { BlurNetwork } from "./blur_network.ts";
import type { CompositionInverse } from "./composition.ts";
import type { GaussianBlurOptions } from "./gaussian_blur.ts";
import type { BlurBoundary } from "./kernel_blur.ts";
import type { JpegTables } from "./jpeg.ts";
import type { MissingBox } from "./masks.ts";
import type { Sampling } from "./mri_masks.ts";
import type { LinearOperator } from "./operator.ts";

/** Parameters of all operators; each entry of the register lists those that it takes. */
export interface OperatorOptions extends GaussianBlurOptions {
  /** Reduction along each side, for super-resolution. */
  readonly scale?: number;
  /** One weight per channel, for colorization. */
  readonly weights?: readonly number[];
  /** 1 where the picture is known, 0 where it is missing, [H, W], [H, W, 1] or [H, W, C], for inpainting. */
  readonly mask?: HostTensor;
  /** A missing box, for inpainting. */
  readonly box?: MissingBox;
  /** Share of missing pixels, 0 to 1, for inpainting. */
  readonly missing?: number;
  /** Seed of what an operator draws, such as missing pixels, an integer from 0 to 2^32 - 1; default 0. */
  readonly seed?: number;
  /** Known share of each side, for outpainting. */
  readonly keep?: number;
  /** Standard deviation along the width, for anisotropic blur. */
  readonly sigmaWidth?: number;
  /** Kernel [h, w] of a blur in two dimensions. */
  readonly psf?: HostTensor;
  /** Border of a blur in two dimensions. */
  readonly boundary?: BlurBoundary;
  /** How tangled a motion kernel is, 0 to 1. */
  readonly intensity?: number;
  /** Share of the coefficients that is measured, for compressed sensing. */
  readonly ratio?: number;
  /** Side of the blocks, for block compressed sensing. */
  readonly block?: number;
  /** How A^+ of a composition is formed. */
  readonly inverse?: CompositionInverse;
  /** Steps of conjugate gradients where A^+ is formed by them. */
  readonly iterations?: number;
  /** Rule by which frequencies are chosen, for magnetic resonance imaging. */
  readonly sampling?: Sampling;
  /** One frequency in so many is measured, for magnetic resonance imaging. */
  readonly acceleration?: number;
  /** Share of the columns in the middle that are always measured, for magnetic resonance imaging. */
  readonly centre?: number;
  /** Number of coils, for magnetic resonance imaging. */
  readonly coils?: number;
  /** Sensitivities of the coils [H, W, 2 K], for magnetic resonance imaging. */
  readonly maps?: HostTensor;
  /** Number of views, for computed tomography. */
  readonly views?: number;
  /** Arc of the views in degrees, for computed tomography. */
  readonly arc?: number;
  /** How much finer frequencies are sampled, for phase retrieval. */
  readonly oversample?: number;
  /** How far the exposure exceeds the range, for high dynamic range. */
  readonly gain?: number;
  /** The network of a blur. */
  readonly network?: BlurNetwork;
  /** Quality of JPEG compression, 1 to 100. */
  readonly quality?: number;
  /** Which way round the tables of JPEG compression are used. */
  readonly tables?: JpegTables;
}

/** A small case for the law tests. */
export interface OperatorExample {
  readonly imageShape: Shape;
  readonly options: OperatorOptions;
}

/** One degradation of the register. */
export interface OperatorEntry {
  /** What it measures, in a line. */
  readonly description: string;
  /** The parameters it takes. */
  readonly options: readonly (keyof OperatorOptions)[];
  /** Builds it for images of one shape [H, W, C]. */
  build(imageShape: Shape, options: OperatorOptions): LinearOperator;
  /** Small odd cases for the law tests. */
  readonly examples: readonly OperatorExample[];
}
