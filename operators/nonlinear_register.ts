/** The register of degradations that are not linear: one entry for each, found by name. */
import type { Shape } from "../engine/mod.ts";
import { networkBlur } from "./blur_network.ts";
import { highDynamicRange } from "./hdr.ts";
import { jpegCompression } from "./jpeg_compression.ts";
import type { NonlinearOperator } from "./operator.ts";
import type { OperatorExample, OperatorOptions } from "./options.ts";
import { phaseRetrieval } from "./phase_retrieval.ts";

/** One degradation of the register. */
export interface NonlinearEntry {
  /** What it measures, in a line. */
  readonly description: string;
  /** The parameters it takes. */
  readonly options: readonly (keyof OperatorOptions)[];
  /** Builds it for images of one shape [H, W, C]. */
  build(imageShape: Shape, options: OperatorOptions): NonlinearOperator;
  /** Small odd cases for the law tests. */
  readonly examples: readonly OperatorExample[];
}

/** All degradations that are not linear, by name. */
export const NONLINEAR_OPERATORS: ReadonlyMap<string, NonlinearEntry> = new Map<string, NonlinearEntry>([
  ["phase_retrieval", {
    description: "the magnitudes of the frequencies of the picture",
    options: ["oversample"],
    build: (imageShape, options) => phaseRetrieval(imageShape, options),
    examples: [
      { imageShape: [16, 24, 3], options: {} },
      { imageShape: [9, 7, 1], options: { oversample: 0 } },
    ],
  }],
  ["hdr", {
    description: "the picture, exposed so long that bright and dark parts are clipped",
    options: ["gain"],
    build: (imageShape, options) => highDynamicRange(imageShape, options),
    examples: [
      { imageShape: [16, 24, 3], options: {} },
      { imageShape: [5, 7, 1], options: { gain: 1.3 } },
    ],
  }],
  ["deblur_network", {
    description: "the picture blurred by a network with a random code",
    options: ["network", "seed"],
    build: (imageShape, options) => networkBlur(imageShape, options),
    examples: [
      { imageShape: [16, 24, 3], options: { seed: 3 } },
      { imageShape: [5, 7, 1], options: {} },
    ],
  }],
  ["jpeg", {
    description: "the picture compressed as JPEG",
    options: ["quality", "tables"],
    build: (imageShape, { quality = 60, ...options }) => jpegCompression(imageShape, { quality, ...options }),
    examples: [
      { imageShape: [16, 32, 3], options: {} },
      { imageShape: [13, 21, 3], options: { quality: 30, tables: "standard" } },
      { imageShape: [16, 24, 1], options: { quality: 10 } },
    ],
  }],
]);
