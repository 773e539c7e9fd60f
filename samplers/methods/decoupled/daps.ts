/**
 * DAPS: at every noise level a few steps of the probability flow estimate the image, a Markov chain draws it towards the
 * measurement, and fresh noise of the next level is put on what comes out, so that no state is tied to the one before.
 * Zhang, Chu, Berner, Meng, Anandkumar, Song, Improving Diffusion Inverse Problem Solving with Decoupled Noise Annealing,
 * CVPR 2025.
 */
import type { DeviceTensor, Runtime } from "../../../engine/mod.ts";
import { weightedSum } from "../../../kernels/mod.ts";
import { integer, number, type Parameter, type ValuesOf } from "../../../parameters/mod.ts";
import { sampler } from "../../entry.ts";
import type { NoiseSource } from "../../noise_source.ts";
import type { GeneralProblem, Progress, Sampler } from "../../sampler.ts";
import { type FlowPlace, flowStep } from "../../steps/flow_step.ts";
import { misfitGradient } from "../../steps/likelihood.ts";
import { alphaBarOf, karrasGrid, levelAt, overLevels } from "../../steps/noise_levels.ts";
import { noising, pureNoise, trajectory, weightsAt } from "../../steps/run.ts";
import { noisyStage } from "../../steps/step.ts";

/** Noise level at which the flow ends and its state counts as the image. */
const FLOW_END = 0.01;

/** The parameters of `daps`. */
export const PARAMETERS = {
  steps: integer(200, { min: 1, max: 1000 }, "number of noise levels") as Parameter<number>,
  flowSteps: integer(5, { min: 1, max: 1000 }, "steps of the flow from each level, one evaluation each") as Parameter<
    number
  >,
  sigmaMin: number(0.1, { min: FLOW_END }, "noise level sigma that the levels fall to") as Parameter<number>,
  sigmaMax: number(100, { min: FLOW_END, max: 1e6 }, "greatest noise level sigma") as Parameter<number>,
  chainSteps: integer(100, { min: 0, max: 1000 }, "steps of the Markov chain at each level") as Parameter<number>,
  chainRate: number(1e-4, { min: 0 }, "length of the steps of the chain at the first level") as Parameter<number>,
  chainDecay: number(0.01, { min: 0 }, "share of that length that the last levels come to") as Parameter<number>,
  momentum: number(
    0,
    { min: 0, max: 1 },
    "share of its velocity that the chain keeps from step to step: 0 for Langevin, above for Hamiltonian dynamics",
  ) as Parameter<number>,
  tau: number(
    0.01,
    { min: 1e-6 },
    "deviation of the measurement for the chain; that of its noise times sqrt(2) for the posterior",
  ) as Parameter<number>,
};

/** Parameters of DAPS. It does not read the deviation of the noise. */
export type DapsOptions = ValuesOf<typeof PARAMETERS>;

/** DAPS. */
export const daps: Sampler<DapsOptions> = sampler({
  name: "daps",
  paper: "Zhang et al., Improving Diffusion Inverse Problem Solving with Decoupled Noise Annealing, CVPR 2025",
  about: "a Markov chain around the flow of every level, then fresh noise",
  makesLevels: true,
  parameters: PARAMETERS,
  published: { inpainting: { chainRate: 5e-5 }, phase_retrieval: { chainRate: 5e-5 } },
  nonlinear: {},
  evaluations: ({ steps, flowSteps }) => ({ nominal: steps * flowSteps, actual: steps * flowSteps }),
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const places = annealing(options);
    const levels = places.flatMap(({ flow }) => flow.map(({ alphaBar }) => alphaBar));
    const flow = flowStep(runtime, overLevels("daps", problem.model, levels), { name: "flow" });
    const chain = markovChain(runtime, problem, options);
    const noised = noising(runtime, "renoising", options.noise);
    const start = await pureNoise(runtime, problem, options.noise, Math.sqrt(1 - alphaBarOf(options.sigmaMax)));
    return yield* trajectory({ start, places, stages: [flow, chain, noised] }, async (state, place, k) => {
      let estimate = state;
      for (const level of place.flow) estimate = (await flow(estimate, level, { name: "flow", ordinal: 0 })).xt;
      const x0 = await chain(estimate, { ...place, k });
      const draw = { name: String(k), ordinal: drawsBefore(k + 1, options) };
      const xt = await noised(x0, weightsAt(alphaBarOf(place.next)), draw);
      return { name: draw.name, x0, xt, evaluations: options.flowSteps, parts: { x0hat: estimate } };
    });
  },
});

/** Draws of a run before those of level k: the start, and for each level a velocity, its chain, and fresh noise. */
function drawsBefore(k: number, { chainSteps }: DapsOptions): number {
  return k * (chainSteps + 2);
}

/** A noise level of a run. */
interface AnnealingPlace {
  readonly sigma: number;
  /** The level after it, 0 after the last. */
  readonly next: number;
  /** The steps of the flow, whose last state has no scale. */
  readonly flow: readonly FlowPlace[];
  /** Length of the steps of the chain. */
  readonly rate: number;
}

/** The levels of a run; the least sigma itself is not among them. */
function annealing(
  { steps, flowSteps, sigmaMin, sigmaMax, chainRate, chainDecay }: DapsOptions,
): readonly AnnealingPlace[] {
  const sigmas = karrasGrid(steps + 1, { sigmaMin, sigmaMax, rho: 7 }).slice(0, -1);
  return sigmas.map((sigma, i) => {
    const nodes = karrasGrid(flowSteps + 1, { sigmaMin: FLOW_END, sigmaMax: sigma, rho: 7 });
    const flow = nodes.slice(0, -1).map((from, j): FlowPlace => {
      const level = levelAt(i * flowSteps + j, from, nodes[j + 1]!);
      return j === flowSteps - 1 ? { ...level, scale: 1 / Math.sqrt(level.alphaBarPrevious) } : level;
    });
    const rate = chainRate * (1 + i / (steps + 1) * (chainDecay - 1));
    return { sigma, next: sigmas[i + 1] ?? 0, flow, rate };
  });
}

/** The chain of one level. */
interface MarkovChain {
  /** What it comes to from an estimate of the image [N, H, W, C]. */
  (estimate: DeviceTensor, at: Pick<AnnealingPlace, "sigma" | "rate"> & { readonly k: number }): Promise<DeviceTensor>;
  release(): void;
}

/**
 * Prepares v <- m v + sqrt(h) g + sqrt(2 (1 - m)) z, w <- w + sqrt(h) v with the momentum m, the length h and
 * g = -2 A^T(A w - y)/tau^2 + (estimate - w)/sigma^2, from w = estimate: the gradient of the logarithm of a density whose
 * measurement has the variance tau^2/2. With m = 0 it is Langevin's, and the first v is of no account.
 */
function markovChain(
  runtime: Runtime,
  { operator, y }: GeneralProblem,
  options: DapsOptions & { readonly noise: NoiseSource },
): MarkovChain {
  const { chainSteps, momentum, tau, noise } = options;
  const speed = noising(runtime, "velocity", noise);
  const step = noisyStage<
    "image" | "velocity" | "estimate" | "y",
    "image" | "estimate" | "misfit" | "fresh" | "length",
    "image" | "velocity"
  >(runtime, "chain", noise, ({ image, velocity, estimate, y }, c, normal) => {
    const misfit = misfitGradient(operator, image, y);
    const moved = weightedSum([
      ...(momentum === 0 ? [] : [[momentum, velocity] as const]),
      [c.image, image],
      [c.estimate, estimate],
      [c.misfit, misfit],
      [c.fresh, normal(image.shape)],
    ]);
    return { velocity: moved, image: weightedSum([[1, image], [c.length, moved]]) };
  });
  const run: (...args: Parameters<MarkovChain>) => Promise<DeviceTensor> = async (estimate, { sigma, rate, k }) => {
    const length = Math.sqrt(rate);
    const prior = length / sigma ** 2;
    const fresh = Math.sqrt(2 * (1 - momentum));
    const scalars = { image: -prior, estimate: prior, misfit: -2 * length / tau ** 2, fresh, length };
    const first = drawsBefore(k, options) + 1;
    let image = estimate;
    let velocity = momentum === 0
      ? estimate
      : await speed(estimate, { keep: 0, fresh: 1 }, { name: `v.${k}`, ordinal: first });
    for (let j = 0; j < chainSteps; j++) {
      const draw = { name: `m.${k}.${j}`, ordinal: first + 1 + j };
      ({ image, velocity } = await step(draw, { image, velocity, estimate, y }, scalars));
    }
    return image;
  };
  const release = (): void => [speed, step].forEach((stage) => stage.release());
  return Object.assign(run, { release });
}
