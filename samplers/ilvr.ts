/**
 * ILVR: after every ancestral step the low frequencies of the state are replaced by those of a noised reference. Choi et
 * al., ILVR: Conditioning Method for Denoising Diffusion Probabilistic Models, ICCV 2021.
 */
import { constant, type DeviceTensor, type HostTensor, hostTensor, type Runtime, type Tensor } from "../engine/mod.ts";
import { add, separable, sub, weightedSum } from "../kernels/mod.ts";
import { respace } from "./coefficients.ts";
import { guide, guidedWalk } from "./guided_walk.ts";
import type { NoiseSource } from "./noise_source.ts";
import { optionChecks } from "./option_checks.ts";
import { FIXED_VARIANCES, type FixedVariance } from "./plain_coefficients.ts";
import type { State } from "./restoration_step.ts";
import { counted, pseudoInverseOf, pureNoise } from "./run.ts";
import { checkProblem, type Problem, type Progress, type RestorationTask, type Sampler } from "./sampler.ts";
import { spaceTimesteps } from "./timesteps.ts";

/**
 * Level of the noise in the reference after a step: that of the step, as in the authors' program, or the one that the
 * step arrives at, as in the paper.
 */
export type IlvrReference = "published" | "paper";

/** The levels by name. */
export const ILVR_REFERENCES: readonly IlvrReference[] = ["published", "paper"];

/** Parameters of ILVR. */
export interface IlvrOptions {
  /** Number of steps, 2..T. Published: 100. */
  readonly steps: number;
  /** Reduction of the low-pass filter; 0 takes the ratio of image and measurement, at least 2. Published: 8, 16, 32. */
  readonly factor: number;
  /**
   * Steps at the end that are not conditioned, 0..steps; with the "published" reference one more, as the last one would
   * leave the noise of its level in the picture. Published: 20 in the demonstration, 0 by default.
   */
  readonly freeSteps: number;
  readonly reference: IlvrReference;
  /** Whether predicted images are clamped to [-1, 1]. Published: true. */
  readonly clipDenoised: boolean;
  /** Variance of the steps where the network does not learn it. Published: "small", the posterior's. */
  readonly fixedVariance: FixedVariance;
}

const DEFAULTS: IlvrOptions = {
  steps: 100,
  factor: 0,
  freeSteps: 0,
  reference: "published",
  clipDenoised: true,
  fixedVariance: "small",
};

/** Elsewhere than in enlarging, A^+ y is a picture of full size whose details are what is missing. */
function defaultsFor(task: RestorationTask): IlvrOptions {
  return task === "super_resolution" ? DEFAULTS : { ...DEFAULTS, factor: 4 };
}

/** ILVR; the reference is A^+ y. */
export const ilvr: Sampler<IlvrOptions> = {
  name: "ilvr",
  paper: "Choi et al., ILVR: Conditioning Method for Denoising Diffusion Probabilistic Models, ICCV 2021",
  needs: [],
  defaults: DEFAULTS,
  defaultsFor,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const check = optionChecks("ilvr");
    const { imageShape: [height, width] } = problem.model;
    check.integer("steps", options.steps, 2, problem.model.alphaBar.length);
    check.integer("factor", options.factor, 0, Math.min(height!, width!));
    check.integer("freeSteps", options.freeSteps, 0, options.steps);
    check.choice("reference", options.reference, ILVR_REFERENCES);
    check.choice("fixedVariance", options.fixedVariance, FIXED_VARIANCES);
    checkProblem("ilvr", problem);
    return counted(walk(runtime, problem, options), options.steps);
  },
};

async function* walk(
  runtime: Runtime,
  problem: Problem,
  { steps, factor, freeSteps, reference: form, clipDenoised, fixedVariance, noise }: IlvrOptions & {
    readonly noise: NoiseSource;
  },
): AsyncGenerator<State, DeviceTensor> {
  const { model: { alphaBar, imageShape }, operator } = problem;
  const [height, width] = imageShape as [number, number, number];
  const reduction = factor || Math.max(2, Math.round(height / (operator.measurementShape[0] ?? height)));
  const filters = [lowPass(height, reduction), lowPass(width, reduction)] as const;
  const smooth = (x: Tensor): Tensor => separable(constant(filters[0]), x, constant(filters[1]));
  const conditioned = steps - freeSteps - (form === "published" ? 1 : 0);
  const reference = await pseudoInverseOf(runtime, problem);
  const start = await pureNoise(runtime, problem, noise);
  try {
    return yield* guidedWalk(runtime, problem, start, {
      levels: respace(alphaBar, spaceTimesteps(alphaBar.length, String(steps))).toReversed(),
      clipDenoised,
      usesLearnedVariance: true,
      fixedVariance,
      noise,
      // The filter is linear, so that one application to the difference replaces two.
      guide: guide(runtime, reference, noise, ({ xt, known, draw }, c) => {
        const noised = weightedSum([[c.keep, known], [c.fresh, draw(xt.shape)]]);
        return add(xt, smooth(sub(noised, xt)));
      }),
      levelOf(level, k): number | undefined {
        if (k >= conditioned) return undefined;
        return form === "published" ? level.alphaBar : level.alphaBarPrevious;
      },
    });
  } finally {
    start.free();
    reference.free();
  }
}

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
