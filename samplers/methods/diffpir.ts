/**
 * DiffPIR, plug-and-play restoration by half-quadratic splitting: at every level the predicted image is moved to the
 * minimum of |y - A u|^2 + rho |u - x0|^2, and its noise is taken from the moved image again. Zhu et al., Denoising
 * Diffusion Models for Plug-and-Play Image Restoration, CVPR workshops 2023.
 */
import {
  type DeviceTensor,
  type Runtime,
  sameShape,
  type Scalar,
  type Scalars,
  type Tensor,
  type Tensors,
} from "../../engine/mod.ts";
import {
  add,
  fill,
  gradient,
  mul,
  reciprocalOrZero,
  relu,
  sampleSquares,
  scaleSamples,
  sub,
  weightedSum,
} from "../../kernels/mod.ts";
import { isLinear } from "../../operators/mod.ts";
import { choice, flag, integer, number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { type Level, respace } from "../coefficients.ts";
import { freshNoise, iterations } from "../common_parameters.ts";
import { proximalByGradients } from "../steps/conjugate_gradients.ts";
import { sampler } from "../entry.ts";
import type { NoiseSource } from "../noise_source.ts";
import { moveBy, START, stateShape, trajectory } from "../steps/run.ts";
import type { GeneralProblem, Progress, Sampler } from "../sampler.ts";
import { spectralWeights } from "../steps/spectral.ts";
import { networkStep, noisyStage, type Step } from "../steps/step.ts";
import { quadraticTimesteps } from "../timesteps.ts";

/** The parameters of `diffpir`. */
export const PARAMETERS = {
  // The network is evaluated at all levels but the last.
  steps: integer(100, { min: 2, max: "T" }, "number of levels") as Parameter<number>,
  // rho = lambda sigma_n^2 alphaBar/(1 - alphaBar). Published for first_order: 15 or 35.
  lambda: number(1, { min: 0 }, "weight of the prior") as Parameter<number>,
  zeta: freshNoise(0.25, "share of fresh noise") as Parameter<number>,
  eta: freshNoise(0, "share of the DDIM deviation in the rest") as Parameter<number>,
  guidance: number(1, { min: 0 }, "how far x0 goes to the solution of the data step") as Parameter<number>,
  // Exactly, by one A^+ of the residual, or by one step along the gradient of its length, which operators that are not
  // linear have, too.
  dataStep: choice(
    "exact",
    ["exact", "back_projection", "first_order"],
    {},
    "how the data step is done",
  ) as Parameter<"exact" | "back_projection" | "first_order">,
  gamma: number(0.01, { min: 0 }, "step length of back_projection") as Parameter<number>,
  iterations: iterations(20) as Parameter<number>,
  // Published: not when enlarging.
  countsNoise: flag(false, {}, "count the noise of y as part of that of the first level") as Parameter<boolean>,
};

/** Parameters of DiffPIR. */
export type DiffpirOptions = ValuesOf<typeof PARAMETERS> & {
  /** Image to start from [N, H, W, C]; otherwise y where it has the shape of an image, and A^+ y elsewhere. */
  readonly start?: DeviceTensor;
};

/** What deblurring does otherwise. */
const DEBLURRING = { zeta: 0.1, countsNoise: true };

/** DiffPIR. */
export const diffpir: Sampler<DiffpirOptions> = sampler<typeof PARAMETERS, DiffpirOptions>({
  name: "diffpir",
  paper: "Zhu et al., Denoising Diffusion Models for Plug-and-Play Image Restoration, CVPR workshops 2023",
  about: "half-quadratic splitting (--noise-level)",
  handlesNoise: true,
  parameters: PARAMETERS,
  published: {
    deblurring: DEBLURRING,
    compression: DEBLURRING,
    inpainting: { steps: 20, zeta: 1, countsNoise: true },
  },
  inputs: ["start"],
  // A step along the gradient asks nothing but A x and its gradient of the operator.
  nonlinear: { dataStep: "first_order" },
  evaluations: ({ steps }, timesteps) => ({
    nominal: steps,
    actual: quadraticTimesteps(timesteps, steps).length - 1,
  }),
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const { alphaBar } = problem.model;
    const places = respace(alphaBar, quadraticTimesteps(alphaBar.length, options.steps)).toReversed().slice(0, -1);
    const step = diffpirStep(runtime, problem, options);
    const start = await diffpirStart(runtime, problem, options);
    return yield* trajectory({ start, places, stages: [step] }, moveBy(step));
  },
});

/**
 * The weight rho of the prior at a level. The program compares the deviation of the noise in units of [0, 1] with levels
 * in units of [-1, 1]; lambda is tuned to that.
 */
function priorWeight(alphaBar: number, sigmaY: number, lambda: number): number {
  const sigma = Math.max(0.001, sigmaY / 2);
  return (lambda * sigma ** 2 * alphaBar) / (1 - alphaBar);
}

/**
 * The weights rho of the prior at every level, noisiest first.
 * @param alphaBar [T]
 * @param sigmaY deviation of the noise in y, in units of [-1, 1]
 */
export function diffpirWeights(
  alphaBar: Float64Array,
  sigmaY: number,
  { steps, lambda }: Pick<DiffpirOptions, "steps" | "lambda">,
): readonly number[] {
  return quadraticTimesteps(alphaBar.length, steps).toReversed()
    .map((timestep) => priorWeight(alphaBar[timestep] as number, sigmaY, lambda));
}

/**
 * The state at the noisiest level: sqrt(a) s + sqrt(1 - a) z of the start image s, or, where the noise of y counts,
 * sqrt(a/b) s + sqrt(1 - a - (a/b)(1 - b)) z with b of the level whose noise is nearest to sigmaY.
 * @returns [N, H, W, C]; the caller frees it
 */
export async function diffpirStart(
  runtime: Runtime,
  problem: GeneralProblem,
  { noise, start, countsNoise }: Pick<DiffpirOptions, "start" | "countsNoise"> & { readonly noise: NoiseSource },
): Promise<DeviceTensor> {
  const { operator, y, model: { alphaBar }, sigmaY } = problem;
  const last = alphaBar.at(-1) as number;
  const known = countsNoise ? nearestLevel(alphaBar, sigmaY) : 1;
  const share = last / known;
  const weights = { image: Math.sqrt(share), fresh: Math.sqrt(Math.max(0, 1 - last - share * (1 - known))) };
  const shape = stateShape(problem);
  const stage = noisyStage<string, "image" | "fresh", "xt">(runtime, "start", noise, (inputs, c, normal) => {
    const { y, start } = inputs as Tensors<"y"> & { readonly start?: Tensor };
    const isImage = sameShape(operator.measurementShape, operator.imageShape);
    const inverse = isLinear(operator) ? operator.pseudoInverse(y) : undefined;
    const image = start ?? (isImage ? y : inverse);
    const z = normal(shape);
    // A map without inverse and of other measurements gives no image: what is left is noise alone.
    return { xt: weightedSum(image ? [[c.image, image], [c.fresh, z]] : [[c.fresh, z]]) };
  });
  const xt = (await stage(START, { y, ...(start ? { start } : {}) }, weights)).xt.keep();
  stage.release();
  return xt;
}

/** alphaBar of the level whose sqrt((1 - alphaBar)/alphaBar) is nearest to a deviation. */
function nearestLevel(alphaBar: Float64Array, deviation: number): number {
  const distance = (kept: number): number => Math.abs(Math.sqrt((1 - kept) / kept) - deviation);
  return alphaBar.reduce((best, kept) => distance(kept) < distance(best) ? kept : best);
}

function diffpirStep(
  runtime: Runtime,
  { model, operator, y, sigmaY }: GeneralProblem,
  options: DiffpirOptions & { readonly noise: NoiseSource },
): Step<Level, "x0" | "xt"> {
  const { noise, dataStep, gamma, guidance, iterations } = options;
  const form = dataStep === "exact" && isLinear(operator) ? operator.spectral?.() : undefined;
  const rhoAt = ({ alphaBar }: Level): number => priorWeight(alphaBar, sigmaY, options.lambda);
  const solve = ({ x0: x, y, weight }: Tensors<"x0" | "y" | "weight">, c: Scalars<"rho" | "pull">): Tensor => {
    const missing = (): Tensor => sub(y, operator.forward(x));
    if (dataStep === "first_order" || !isLinear(operator)) return descended(x, missing(), c.pull);
    if (dataStep === "back_projection") return add(x, weightedSum([[c.pull, operator.pseudoInverse(missing())]]));
    if (form) return add(x, form.fromSpectrum(mul(form.fromMeasurement(missing()), weight)));
    return proximalByGradients(operator, { x, y }, { gamma: 1, rho: c.rho }, { iterations, tolerance: 1e-9 });
  };
  return networkStep(runtime, model, {
    name: "diffpir",
    noise,
    inputs: { y },
    clipDenoised: true,
    scalars: (level) => {
      const rho = rhoAt(level);
      const pull = dataStep === "back_projection" ? gamma / (1 + rho) : 1 / rho;
      return { ...updateScalars(level, model.alphaBar, options), rho, pull };
    },
    tensors: form && ((level: Level) => {
      const rho = rhoAt(level);
      return spectralWeights(runtime, form.singularValues, { weight: (s) => s / (s * s + rho) });
    }),
    project(parts, c): Tensor {
      const solved = solve(parts, c);
      return guidance === 1 ? solved : weightedSum([[1 - guidance, parts.x0], [guidance, solved]]);
    },
    update: ({ xt, x0, z }, c) => ({ x0, xt: weightedSum([[c.fromX0, x0], [c.fromXt, xt], [c.fromNoise, z]]) }),
  });
}

/**
 * x - length d(|r|^2/2)/dx with the residual r = y - A(x), of every sample its own. The length is at most |r|^2/(2 |g|^2)
 * (Polyak), beyond which a step along g leads away: 1/rho alone has no bound.
 */
function descended(x: Tensor, missing: Tensor, pull: Scalar): Tensor {
  const squares = sampleSquares(missing);
  const grad = weightedSum([[0.5, gradient(squares, [x])[0]!]]);
  const longest = mul(weightedSum([[0.5, squares]]), reciprocalOrZero(sampleSquares(grad)));
  const wanted = weightedSum([[pull, fill(squares.shape, 1)]]);
  const length = sub(longest, relu(sub(longest, wanted)));
  return sub(x, scaleSamples(grad, length));
}

/**
 * sqrt(a) x0 + sqrt(1 - zeta) (sqrt(1 - a - d^2) eps + d z) + sqrt(zeta) sqrt(1 - a) z' with a = alphaBarPrevious,
 * eps = (x_t - sqrt(alphaBar) x0)/sqrt(1 - alphaBar), d = eta sqrt((1 - a)/(1 - alphaBar) beta) and beta of the training
 * schedule; both noises are drawn as one.
 */
function updateScalars(
  { timestep, alphaBar, alphaBarPrevious }: Level,
  table: Float64Array,
  { zeta, eta }: DiffpirOptions,
): Record<"fromX0" | "fromXt" | "fromNoise", number> {
  const beta = 1 - alphaBar / (table[timestep - 1] ?? 1);
  const variance = 1 - alphaBarPrevious;
  const deviation = eta * Math.sqrt((variance / (1 - alphaBar)) * beta);
  const fromXt = Math.sqrt(((1 - zeta) * Math.max(0, variance - deviation ** 2)) / (1 - alphaBar));
  return {
    fromX0: Math.sqrt(alphaBarPrevious) - fromXt * Math.sqrt(alphaBar),
    fromXt,
    fromNoise: Math.sqrt((1 - zeta) * deviation ** 2 + zeta * variance),
  };
}
