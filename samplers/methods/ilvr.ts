/**
 * ILVR: after every ancestral step the low frequencies of the state are replaced by those of a noised reference. Choi et
 * al., ILVR: Conditioning Method for Denoising Diffusion Probabilistic Models, ICCV 2021.
 */
import { constant, type DeviceTensor, type HostTensor, hostTensor, type Tensor } from "../../engine/mod.ts";
import { add, separable, sub, weightedSum } from "../../kernels/mod.ts";
import { choice, integer, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { ancestralStep } from "../steps/ancestral_step.ts";
import { clipDenoised, fixedVariance, steps } from "../common_parameters.ts";
import { sampler } from "../entry.ts";
import { guide, guideAlphaBar, guidedTrajectory } from "../steps/guided_trajectory.ts";
import { evenLevels, pseudoInverseOf, pureNoise } from "../steps/run.ts";
import type { Progress, Sampler } from "../sampler.ts";

/** The parameters of `ilvr`. */
export const PARAMETERS = {
  steps: steps(100) as Parameter<number>,
  // 0 takes the ratio of image and measurement, at least 2. Published: 8, 16, 32.
  factor: integer(
    0,
    { min: 0, max: "side", option: "filter-factor" },
    "reduction of its low-pass filter, 0: of the task",
  ) as Parameter<number>,
  // With the "published" reference one more, as the last one would leave the noise of its level in the picture.
  // Published: 20 in the demonstration.
  freeSteps: integer(0, { min: 0, max: "steps" }, "last steps without condition") as Parameter<number>,
  // After a step: that of the level of the step, as in the authors' program, or of the one that it arrives at.
  reference: choice(
    "published",
    ["published", "paper"],
    { option: "ilvr-reference" },
    "noise of the reference, as in program or paper",
  ) as Parameter<"published" | "paper">,
  clipDenoised,
  fixedVariance,
};

/** Parameters of ILVR. */
export type IlvrOptions = ValuesOf<typeof PARAMETERS>;

/** Elsewhere than in enlarging, A^+ y is a picture of full size whose details are what is missing. */
const FULL_SIZE = { factor: 4 };

/** ILVR; the reference is A^+ y. */
export const ilvr: Sampler<IlvrOptions> = sampler({
  name: "ilvr",
  paper: "Choi et al., ILVR: Conditioning Method for Denoising Diffusion Probabilistic Models, ICCV 2021",
  about: "replaces the low frequencies by those of A^+ y",
  parameters: PARAMETERS,
  published: { deblurring: FULL_SIZE, inpainting: FULL_SIZE, colorization: FULL_SIZE, phase_retrieval: FULL_SIZE },
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const { model, operator } = problem;
    const { steps, factor, freeSteps, noise } = options;
    const [height, width] = model.imageShape as [number, number, number];
    const reduction = factor || Math.max(2, Math.round(height / (operator.measurementShape[0] ?? height)));
    const filters = [lowPass(height, reduction), lowPass(width, reduction)] as const;
    const smooth = (x: Tensor): Tensor => separable(constant(filters[0]), x, constant(filters[1]));
    const at = options.reference === "published" ? "current" : "next";
    const conditioned = steps - freeSteps - (at === "current" ? 1 : 0);
    const reference = await pseudoInverseOf(runtime, problem);
    try {
      return yield* guidedTrajectory({
        start: await pureNoise(runtime, problem, noise),
        levels: evenLevels(model, steps),
        step: ancestralStep(runtime, model, options),
        // The filter is linear, so that one application to the difference replaces two.
        guide: guide(runtime, reference, noise, ({ xt, known, draw }, c) => {
          const noised = weightedSum([[c.keep, known], [c.fresh, draw(xt.shape)]]);
          return add(xt, smooth(sub(noised, xt)));
        }),
        alphaBarOf: (level, k) => k < conditioned ? guideAlphaBar(level, at) : undefined,
      });
    } finally {
      reference.free();
    }
  },
});

/**
 * Bicubic reduction followed by bicubic enlargement along one side, as a matrix [extent, extent]. Both are cubic
 * interpolations with a = -0.5 between pixel centres, the reduction widened by its factor; beyond the border the image
 * is mirrored, and the weights of every pixel are scaled to the sum 1.
 */
export function lowPass(extent: number, factor: number): HostTensor {
  const small = Math.ceil(extent / factor);
  const down = resampling(small, extent, factor);
  const up = resampling(extent, small, 1 / factor);
  const data = new Float32Array(extent * extent);
  for (let row = 0; row < extent; row++) {
    for (let middle = 0; middle < small; middle++) {
      const weight = up[row * small + middle]!;
      if (weight === 0) continue;
      for (let column = 0; column < extent; column++) {
        data[row * extent + column]! += weight * down[middle * extent + column]!;
      }
    }
  }
  return hostTensor(data, [extent, extent]);
}

/** Weights [rows, columns] of interpolation at centres that are `stride` apart, 1 / stride being the enlargement. */
function resampling(rows: number, columns: number, stride: number): Float64Array {
  const weights = new Float64Array(rows * columns);
  const width = Math.max(1, stride);
  for (let row = 0; row < rows; row++) {
    const centre = (row + 0.5) * stride - 0.5;
    let sum = 0;
    for (let tap = Math.ceil(centre - 2 * width); tap <= centre + 2 * width; tap++) {
      const weight = cubic(Math.abs(tap - centre) / width);
      weights[row * columns + mirrored(tap, columns)]! += weight;
      sum += weight;
    }
    for (let column = 0; column < columns; column++) weights[row * columns + column]! /= sum;
  }
  return weights;
}

/** The pixel that is found at a place beyond the border, the edge repeated. */
function mirrored(place: number, extent: number): number {
  const period = 2 * extent;
  const inside = ((place % period) + period) % period;
  return inside < extent ? inside : period - 1 - inside;
}

function cubic(distance: number): number {
  if (distance <= 1) return (1.5 * distance - 2.5) * distance ** 2 + 1;
  return distance < 2 ? ((-0.5 * distance + 2.5) * distance - 4) * distance + 2 : 0;
}
