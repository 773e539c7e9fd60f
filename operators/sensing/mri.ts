import { linearEntry, type OperatorEntry } from "../entry.ts";
import { magneticResonance, RESONANCE } from "./magnetic_resonance.ts";
import type { LinearOperator } from "../operator.ts";

/** Frequencies of a complex image. */
export const mri: OperatorEntry<LinearOperator, typeof RESONANCE> = linearEntry({
  name: "mri",
  about: "some frequencies of a complex image (two channels), seen by one or more coils",
  parameters: RESONANCE,
  build: magneticResonance,
  examples: [
    { imageShape: [15, 20, 2], options: { centre: 0.2 } },
    { imageShape: [16, 12, 2], options: { sampling: "poisson_2d", acceleration: 3, seed: 1 } },
    { imageShape: [9, 14, 2], options: { sampling: "uniform_1d", coils: 3 } },
  ],
});
