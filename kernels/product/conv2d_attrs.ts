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
  readonly stride: number;
  readonly padding: Padding;
  /** Parts of the input. */
  readonly parts: number;
  readonly factors: boolean;
  readonly silu: boolean;
  readonly resample: Resample;
  readonly bias: boolean;
  /** Where the shift begins in its rows. */
  readonly shift: number | "absent";
  readonly residual: Resample | "absent";
  /** Whether the statistics of the result are the second output. */
  readonly statistics: boolean;
}
