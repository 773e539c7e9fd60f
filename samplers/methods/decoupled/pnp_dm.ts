/**
 * PnP-DM: split Gibbs sampling. In turn an image is drawn from the likelihood, coupled to the last one with a strength
 * rho, and from the prior, coupled to that one, which is what the reverse diffusion from the noise level rho draws. Wu,
 * Sun, Chen, Zhang, Yue, Bouman, Principled Probabilistic Imaging using Diffusion Models as Plug-and-Play Priors, NeurIPS
 * 2024.
 */
import { type DeviceTensor, elementCount, type Runtime } from "../../../engine/mod.ts";
import { add, mul, weightedSum } from "../../../kernels/mod.ts";
import { choice, integer, number, type Parameter, type ValuesOf } from "../../../parameters/mod.ts";
import { iterations } from "../../common_parameters.ts";
import { sampler } from "../../entry.ts";
import type { NoiseSource } from "../../noise_source.ts";
import type { Problem, Progress, Sampler } from "../../sampler.ts";
import { proximalByGradients } from "../../steps/conjugate_gradients.ts";
import { alphaBarOf, karrasGrid, levelAt, overLevels } from "../../steps/noise_levels.ts";
import { noising, stateShape, trajectory } from "../../steps/run.ts";
import { type SpectralWeight, spectralWeights } from "../../steps/spectral.ts";
import { networkStep, noisyStage } from "../../steps/step.ts";
import { type DriftLevel, driftLevels, vpProcess, vpTimes } from "./vp_levels.ts";

/** The parameters of `pnp-dm`. */
export const PARAMETERS = {
  steps: integer(100, { min: 1, max: 1000 }, "number of pairs of draws") as Parameter<number>,
  couplingStart: number(10, { min: 1e-6 }, "deviation rho of the coupling in the first pair") as Parameter<number>,
  couplingDecay: number(0.9, { min: 0, max: 1 }, "factor of rho from pair to pair") as Parameter<number>,
  // Published: 0.1 for phase retrieval.
  couplingEnd: number(0.3, { min: 1e-6 }, "what rho falls to") as Parameter<number>,
  levels: integer(
    100,
    { min: 2, max: 10000, option: "reverse-levels" },
    "noise levels of the whole reverse diffusion",
  ) as Parameter<number>,
  grid: choice(
    "edm",
    ["edm", "vp"],
    { option: "level-grid" },
    "how the levels lie: evenly in sigma^(1/7), or in the time of a variance-preserving process",
  ) as Parameter<"edm" | "vp">,
  sigmaMin: number(0.01048, { min: 1e-6 }, "least noise level sigma") as Parameter<number>,
  sigmaMax: number(80, { min: 1e-6, max: 1e6 }, "greatest noise level sigma") as Parameter<number>,
  iterations: iterations(20) as Parameter<number>,
};

/** Parameters of PnP-DM. */
export type PnpDmOptions = ValuesOf<typeof PARAMETERS>;

/** PnP-DM. */
export const pnpDm: Sampler<PnpDmOptions> = sampler({
  name: "pnp_dm",
  paper: "Wu et al., Principled Probabilistic Imaging using Diffusion Models as Plug-and-Play Priors, NeurIPS 2024",
  about: "draws from likelihood and prior in turn (--noise-level)",
  handlesNoise: true,
  makesLevels: true,
  parameters: PARAMETERS,
  evaluations(options): { readonly nominal: number; readonly actual: number } {
    const levels = reverseLevels(options);
    const made = couplings(options).reduce((sum, rho) => sum + levels.length - entryOf(levels, rho), 0);
    return { nominal: made, actual: made };
  },
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const levels = reverseLevels(options);
    const model = overLevels("pnp_dm", problem.model, levels.map(({ alphaBar }) => alphaBar));
    const step = networkStep(runtime, model, {
      name: "reverse diffusion",
      noise: options.noise,
      scalars: ({ fromXt, fromX0, fromNoise }: DriftLevel) => ({ fromXt, fromX0, fromNoise }),
      update: ({ xt, x0, z }, c) => ({ x0, xt: weightedSum([[c.fromXt, xt], [c.fromX0, x0], [c.fromNoise, z]]) }),
    });
    const draw = likelihoodDraw(runtime, problem, options);
    const shape = stateShape(problem);
    const start = runtime.upload(new Float32Array(elementCount(shape)), shape);
    const places = couplings(options);
    return yield* trajectory({ start, places, stages: [step, draw] }, async (image, rho, k) => {
      const first = 1 + k * (levels.length + 2);
      const entry = entryOf(levels, rho);
      const drawn = await draw(image, { rho, k, ordinal: first, scale: Math.sqrt(levels[entry]!.alphaBar) });
      let state = { xt: drawn.state, x0: drawn.state };
      for (const [j, level] of levels.slice(entry).entries()) {
        state = await step(state.xt, level, { name: `x.${k}.${j}`, ordinal: first + 2 + j });
      }
      return { name: String(k), ...state, evaluations: levels.length - entry, parts: { z: drawn.z } };
    });
  },
});

/** The deviations rho of a run, max(start decay^k, end). */
function couplings({ steps, couplingStart, couplingDecay, couplingEnd }: PnpDmOptions): readonly number[] {
  return Array.from({ length: steps }, (_, k) => Math.max(couplingStart * couplingDecay ** k, couplingEnd));
}

/** The first level whose sigma is below rho, at the latest the last one. */
function entryOf(levels: readonly DriftLevel[], rho: number): number {
  const found = levels.findIndex(({ alphaBar }) => alphaBar > alphaBarOf(rho));
  return found < 0 ? levels.length - 1 : found;
}

/** The levels of the whole reverse diffusion, the last of which leads to the image. */
function reverseLevels({ levels, grid, sigmaMin, sigmaMax }: PnpDmOptions): readonly DriftLevel[] {
  return grid === "edm"
    ? withoutScale([...karrasGrid(levels, { sigmaMin, sigmaMax, rho: 7 }), 0])
    : driftLevels(vpProcess({ sigmaMin, sigmaMax }), vpTimes(levels), { end: 0 });
}

/**
 * Euler's and Maruyama's step of the state without scale, x_hat + 2 (sigma' - sigma)(x_hat - x0)/sigma +
 * sqrt(2 sigma (sigma - sigma')) z, written for x_vp; the last one draws nothing.
 */
function withoutScale(sigmas: readonly number[]): readonly DriftLevel[] {
  return sigmas.slice(0, -1).map((sigma, i) => {
    const to = sigmas[i + 1]!;
    const level = levelAt(i, sigma, to);
    const scale = Math.sqrt(level.alphaBarPrevious);
    const slope = 2 * (to - sigma) / sigma;
    return {
      ...level,
      fromXt: scale / Math.sqrt(level.alphaBar) * (1 + slope),
      fromX0: -scale * slope,
      fromNoise: to === 0 ? 0 : scale * Math.sqrt(2 * sigma * (sigma - to)),
    };
  });
}

/** The draw from the likelihood. */
interface LikelihoodDraw {
  /**
   * An image z from N(mu, Q^-1), Q = A^T A/sigma^2 + 1/rho^2, mu = Q^-1 (A^T y/sigma^2 + x/rho^2), around an image x
   * [N, H, W, C], and z times `scale` as the state that a level begins with.
   */
  (
    image: DeviceTensor,
    at: { readonly rho: number; readonly k: number; readonly ordinal: number; readonly scale: number },
  ): Promise<Readonly<Record<"z" | "state", DeviceTensor>>>;
  release(): void;
}

/**
 * Prepares the draw: coefficient by coefficient where there is a decomposition, and otherwise by conjugate gradients as
 * the minimum for y + sigma e and x + rho e', whose noise makes it a sample.
 */
function likelihoodDraw(
  runtime: Runtime,
  { operator, y, sigmaY }: Problem,
  { noise, iterations }: PnpDmOptions & { readonly noise: NoiseSource },
): LikelihoodDraw {
  const form = operator.spectral?.();
  if (form) {
    const stage = noisyStage<"image" | "y" | keyof LikelihoodWeights, "scale", "z" | "state">(
      runtime,
      "likelihood",
      noise,
      ({ image, y, ...weights }, c, normal) => {
        const mean = add(mul(form.fromMeasurement(y), weights.fromY), mul(form.toSpectrum(image), weights.fromX));
        const z = form.fromSpectrum(add(mean, mul(form.toSpectrum(normal(image.shape)), weights.fromNoise)));
        return { z, state: weightedSum([[c.scale, z]]) };
      },
    );
    const run: (...args: Parameters<LikelihoodDraw>) => ReturnType<LikelihoodDraw> = async (image, at) => {
      const weights = spectralWeights(runtime, form.singularValues, likelihoodWeights(sigmaY, at.rho));
      try {
        const { ordinal, scale } = at;
        return await stage({ name: `z.${at.k}`, ordinal }, { image, y, ...weights.tensors }, { scale });
      } finally {
        weights.free();
      }
    };
    return Object.assign(run, { release: stage.release });
  }
  const measured = noising(runtime, "noisy measurement", noise);
  const stage = noisyStage<"image" | "measured", "coupling" | "rho" | "scale", "z" | "state">(
    runtime,
    "likelihood",
    noise,
    ({ image, measured }, c, normal) => {
      const x = weightedSum([[1, image], [c.coupling, normal(image.shape)]]);
      const weights = { gamma: 1, rho: c.rho };
      const z = proximalByGradients(operator, { x, y: measured }, weights, { iterations, tolerance: 1e-9 });
      return { z, state: weightedSum([[c.scale, z]]) };
    },
  );
  const run: (...args: Parameters<LikelihoodDraw>) => ReturnType<LikelihoodDraw> = async (
    image,
    { rho, k, ordinal, scale },
  ) => {
    const noisy = await measured(y, { keep: 1, fresh: sigmaY }, { name: `y.${k}`, ordinal });
    const scalars = { coupling: rho, rho: (sigmaY / rho) ** 2, scale };
    return await stage({ name: `z.${k}`, ordinal: ordinal + 1 }, { image, measured: noisy }, scalars);
  };
  return Object.assign(run, { release: (): void => [measured, stage].forEach((each) => each.release()) });
}

type LikelihoodWeights = Record<"fromY" | "fromX" | "fromNoise", SpectralWeight>;

/** The weights of U^T y, V^T x and V^T z in the coefficients of the draw. */
function likelihoodWeights(sigmaY: number, rho: number): LikelihoodWeights {
  const ratio = (sigmaY / rho) ** 2;
  return {
    fromY: (s) => s === 0 ? 0 : s / (s * s + ratio),
    fromX: (s) => s === 0 ? 1 : ratio / (s * s + ratio),
    fromNoise: (s) => s === 0 ? rho : sigmaY / Math.sqrt(s * s + ratio),
  };
}
