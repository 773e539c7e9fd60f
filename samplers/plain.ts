/**
 * Plain sampling: from noise down to an image of the network's distribution, with no measurement. What an image is to
 * be like reaches the network as its conditioning (a class, a low-resolution image), so upsamplers run this way.
 */
import type { DeviceTensor, Runtime } from "../engine/mod.ts";
import { weightedSum } from "../kernels/mod.ts";
import type { NoiseModel } from "../models/mod.ts";
import { checkedValues, number, type ValuesOf } from "../parameters/mod.ts";
import { checkGuidance } from "./class_guidance.ts";
import { type Level, predictionCoefficients, respace } from "./coefficients.ts";
import { clipDenoised, fixedVariance, steps } from "./common_parameters.ts";
import { plainSampler } from "./entry.ts";
import type { NoiseSource } from "./noise_source.ts";
import {
  ancestralCoefficients,
  ddimCoefficients,
  ddimReverseCoefficients,
  firstLearnedVariance,
  type PlainCoefficients,
} from "./plain_coefficients.ts";
import type { PlainProblem, PlainSampler } from "./plain_sampler.ts";
import { plainStep } from "./plain_step.ts";
import type { State } from "./restoration_step.ts";
import type { Progress } from "./sampler.ts";
import { spaceTimesteps } from "./timesteps.ts";

const PLAIN_PARAMETERS = {
  // At timesteps spread evenly over the training's.
  steps: steps(250),
  clipDenoised,
};

const DDPM_PARAMETERS = { ...PLAIN_PARAMETERS, fixedVariance };

const DDIM_PARAMETERS = {
  ...PLAIN_PARAMETERS,
  eta: number(0, { min: 0, max: 1, option: "ddim-eta" }, "share of the posterior's deviation in fresh noise"),
};

/** Parameters that plain samplers share. */
export type PlainOptions = ValuesOf<typeof PLAIN_PARAMETERS>;

/** Parameters of DDPM. */
export type DdpmOptions = ValuesOf<typeof DDPM_PARAMETERS>;

/** Parameters of DDIM. */
export type DdimOptions = ValuesOf<typeof DDIM_PARAMETERS>;

/** Name of the draw that plain sampling begins with. */
export const START_DRAW = "start";

/** Ancestral sampling, with the variance that the network has learned, or else a fixed one. */
export const ddpm: PlainSampler<DdpmOptions> = plainSampler({
  name: "ddpm",
  paper: "Ho et al., Denoising Diffusion Probabilistic Models, NeurIPS 2020; Nichol and Dhariwal, Improved Denoising " +
    "Diffusion Probabilistic Models, ICML 2021",
  about: "plain ancestral sampling, for upsample",
  parameters: DDPM_PARAMETERS,
  draws: ({ actual }) => actual + 1,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  sample(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    if (problem.guidance) checkGuidance("ddpm", problem.guidance);
    const levels = levelsOf(problem.model, options);
    const learnsVariance = problem.model.predictWithVariance !== undefined;
    const [first, second] = levels as [Level, Level];
    return descend(runtime, problem, {
      ...options,
      levels,
      learnsVariance,
      update: (level) => ancestralCoefficients(level, learnsVariance, options.fixedVariance),
      // The mean moves by the variance of the step times the gradient.
      classWeights({ xtFromNoise, slope }, level): ClassWeights {
        if (level !== first || !learnsVariance) return { x0FromClass: 0, xtFromClass: xtFromNoise ** 2, slope };
        const learned = firstLearnedVariance(first, second);
        return { x0FromClass: 0, xtFromClass: learned.variance, slope: learned.slope };
      },
    });
  },
});

/** DDIM sampling; eps is taken from the clamped prediction again, as in the published program. */
export const ddim: PlainSampler<DdimOptions> = plainSampler({
  name: "ddim",
  paper: "Song et al., Denoising Diffusion Implicit Models, ICLR 2021",
  about: "plain deterministic sampling, for upsample",
  parameters: DDIM_PARAMETERS,
  draws: ({ actual }) => actual + 1,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  sample(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    if (problem.guidance) checkGuidance("ddim", problem.guidance);
    const levels = levelsOf(problem.model, options);
    const { eta } = options;
    const update = (level: Level): PlainCoefficients => ddimCoefficients(level, eta);
    return descend(runtime, problem, {
      ...options,
      levels,
      learnsVariance: false,
      update,
      // eps moves by -sqrt(1 - alphaBar) times the gradient.
      classWeights: ({ slope }, { alphaBar }) => ({
        x0FromClass: (1 - alphaBar) / Math.sqrt(alphaBar),
        xtFromClass: 0,
        slope,
      }),
    });
  },
});

/**
 * DDIM backwards: an image becomes the state at the noisiest level from which DDIM with eta 0 leads back to it. The
 * states are named inv.0, inv.1, ...; there is one evaluation for each transition, steps - 1.
 * @param image [N, H, W, C] in [-1, 1], taken as the state at the least noisy level
 * @returns the state at the noisiest level; the caller frees it
 * @throws {RangeError} if an option is out of range
 */
export function ddimReverse(
  runtime: Runtime,
  { model, image }: { readonly model: NoiseModel; readonly image: DeviceTensor },
  options: PlainOptions,
): AsyncGenerator<Progress, DeviceTensor> {
  checkedValues("run ddim", PLAIN_PARAMETERS, { ...options }, {}, { T: model.alphaBar.length });
  const levels = levelsOf(model, options);
  const steps = levels.slice(0, -1).map((level, i) => ({
    name: `inv.${i}`,
    level,
    update: ddimReverseCoefficients(level, levels[i + 1]!),
    toClass: UNGUIDED,
  }));
  return walk(runtime, { model, start: image }, { ...options, steps, learnsVariance: false, noise: SILENCE });
}

/** What steps add whose noise has no weight: the state itself, which is there anyway. */
const SILENCE: NoiseSource = { normal: (_shape, inputs) => inputs["xt"]!, supply: () => ({ inputs: {}, scalars: {} }) };

function levelsOf({ alphaBar }: NoiseModel, { steps }: PlainOptions): readonly Level[] {
  return respace(alphaBar, spaceTimesteps(alphaBar.length, String(steps)));
}

/** How a run goes. */
interface RunOptions {
  readonly clipDenoised: boolean;
  readonly learnsVariance: boolean;
  readonly noise: NoiseSource;
}

/** Weights of the gradient of the class, and the slope of the variance that multiplies the second of them. */
type ClassWeights = Readonly<Record<"x0FromClass" | "xtFromClass" | "slope", number>>;

const UNGUIDED: ClassWeights = { x0FromClass: 0, xtFromClass: 0, slope: 0 };

/** From the noisiest level to the image. */
function descend(
  runtime: Runtime,
  problem: PlainProblem,
  { levels, update, classWeights, ...options }: RunOptions & {
    readonly levels: readonly Level[];
    update(level: Level): PlainCoefficients;
    /** For a guidance of weight 1. */
    classWeights(update: PlainCoefficients, level: Level): ClassWeights;
  },
): AsyncGenerator<Progress, DeviceTensor> {
  const { guidance } = problem;
  const steps = levels.toReversed().map((level, i) => {
    const numbers = update(level);
    const scale = guidance?.scale ?? 0;
    const { x0FromClass, xtFromClass, slope } = guidance
      ? classWeights(numbers, level)
      : { ...UNGUIDED, slope: numbers.slope };
    const toClass = { x0FromClass: scale * x0FromClass, xtFromClass: scale * xtFromClass, slope };
    return { name: `gen.${i}`, level, update: numbers, toClass };
  });
  return walk(runtime, problem, { ...options, steps });
}

/** One step of a run. */
interface Step {
  readonly name: string;
  readonly level: Level;
  readonly update: PlainCoefficients;
  readonly toClass: ClassWeights;
}

/** Takes the steps one after the other; the draw of the start has the ordinal 0, those of the steps follow. */
async function* walk(
  runtime: Runtime,
  { model, count = 1, start, guidance }: PlainProblem,
  { steps, ...options }: RunOptions & { readonly steps: readonly Step[] },
): AsyncGenerator<Progress, DeviceTensor> {
  const { noise } = options;
  const shape = [count, ...model.imageShape];
  // The sum of one term makes a state of its own where the noise is given.
  const begin = runtime.stage<string, string, "xt">("start", (inputs) => ({
    xt: weightedSum([[1, noise.normal(shape, inputs)]]),
  }));
  const drawStart = async (): Promise<DeviceTensor> => {
    const { inputs, scalars } = noise.supply({ name: START_DRAW, ordinal: 0 });
    return (await begin(inputs, scalars)).xt;
  };
  const takeStep = plainStep(runtime, model, { ...options, guidance });
  try {
    let xt = start ?? await drawStart();
    for (const [i, { name, level, update, toClass }] of steps.entries()) {
      const numbers = { timestep: level.timestep, ...predictionCoefficients(level), ...update, ...toClass };
      const state: State = await takeStep(xt, numbers, { name, ordinal: i + 1 });
      xt = state.xt;
      yield { ...state, step: i + 1, steps: steps.length, nfe: i + 1 };
    }
    return xt.keep();
  } finally {
    takeStep.release();
    begin.release();
  }
}
