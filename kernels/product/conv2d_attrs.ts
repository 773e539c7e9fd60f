/** What a convolution records in a trace. */
import type { Resample } from "./conv2d_input.ts";

/** Rows and columns of zeros around an image. */
export interface Padding {
  /** Rows above. */
  readonly top: number;
  /** Columns before. */
  readonly left: number;
  /** Rows below. */
  readonly bottom: number;
  /** Columns after. */
  readonly right: number;
}

/** What the operation records. */
export interface Conv2dAttrs {
  /** Rows and columns from one output to the next. */
  readonly stride: number;
  /** Zeros around the image. */
  readonly padding: Padding;
  /** Parts of the input. */
  readonly parts: number;
  /** Whether the image is scaled and shifted while it is loaded. */
  readonly factors: boolean;
  /** Whether SiLU follows that. */
  readonly silu: boolean;
  /** How the image is resampled while it is loaded. */
  readonly resample: Resample;
  /** Whether a bias is added. */
  readonly bias: boolean;
  /** Where the shift begins in its rows. */
  readonly shift: number | "absent";
  /** How what is added to the result is resampled. */
  readonly residual: Resample | "absent";
  /** Whether the statistics of the result are the second output. */
  readonly statistics: boolean;
}
