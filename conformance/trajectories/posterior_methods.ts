/** Trajectories of DDNM, DDNM+, DDRM, DDS, DMPS and DPS: what their published programs call things. */
import { DEFAULT_PROCESS } from "../../models/mod.ts";
import {
  ddnmTimesteps,
  ddrmStart,
  LIKELIHOODS,
  SAMPLERS,
  spaceTimesteps,
  strideTimesteps,
  travelMoves,
} from "../../samplers/mod.ts";
import type { ReferenceFile, Settings } from "../reference_file.ts";
import { NotSupportedError } from "../row.ts";
import { ddrmDraws } from "./ddrm_draws.ts";
import { solveExample } from "./dds_example.ts";
import { matrixOperator, withNorms } from "./dps.ts";
import { type Lists, numberedDraws, type TrajectoryMethod, valuesOf } from "./method.ts";
import { posteriorTrajectory, type Steps } from "./posterior.ts";
import { turnedOperator } from "./turned_operator.ts";

const T = DEFAULT_PROCESS.diffusion_steps;

const respaced = (config: Settings): readonly number[] =>
  spaceTimesteps(T, String(config.values["timestep_respacing"]));

function ddnmOptions(config: Settings): { steps: number; eta: number; travelLength: number; travelRepeat: number } {
  return {
    steps: config.number("T_sampling"),
    eta: config.number("eta"),
    travelLength: config.number("travel_length", 1),
    travelRepeat: config.number("travel_repeat", 1),
  };
}

/** All routines of DDNM; the name of the method tells which one. */
const DDNM = posteriorTrajectory({
  pattern: /^DDNM\b/,
  timesteps: (config) => ddnmTimesteps(T, config.number("T_sampling")),
  lists(config): Lists {
    const options = ddnmOptions(config);
    const timesteps = ddnmTimesteps(T, options.steps);
    const down = travelMoves(options.steps, options).filter(({ from, to }) => to < from);
    return { timesteps_seen_by_network: down.map(({ from }) => timesteps[from]!) };
  },
  sigmaY: (config) => config.number("sigma_y_used"),
  draws: (file, config) => numberedDraws(file, travelMoves(config.number("T_sampling"), ddnmOptions(config)).length),
  operatorOf: (file, operator) => isTurned(file) ? turnedOperator(file, operator) : Promise.resolve(operator),
  restore({ runtime, file, config, problem, noise }): Steps {
    const options = { ...ddnmOptions(config), noise };
    if (/simplified/.test(file.metadata.text("method"))) {
      return SAMPLERS.ddnm_plus.restore(runtime, problem, { ...options, form: "published_simplified" });
    }
    if (problem.sigmaY === 0) return SAMPLERS.ddnm.restore(runtime, problem, { ...options, update: "eta_mix" });
    const form = isTurned(file) ? "published_spectral" : "spectral";
    return SAMPLERS.ddnm_plus.restore(runtime, problem, { ...options, form });
  },
  isFinalState: true,
});

/**
 * Whether noise and eps are taken for coefficients: with a noisy measurement, for all operators but those whose basis
 * is that of the pixels.
 */
function isTurned({ metadata }: ReferenceFile): boolean {
  const noisy = metadata.settings("config").number("sigma_y_used") > 0;
  const isPixelwise = /inpaint|mask|denois/i.test(metadata.text("operator"));
  return noisy && !isPixelwise && !/simplified/.test(metadata.text("method"));
}

const DDRM = posteriorTrajectory({
  pattern: /^DDRM\b/,
  timesteps: (config) => strideTimesteps(T, config.number("timesteps")),
  sigmaY: (config) => config.number("sigma_0_used"),
  draws: (file, config) => ddrmDraws(file, config.number("timesteps")),
  async restore({ runtime, config, problem, noise, states, wanted }): Promise<Steps> {
    const options = {
      steps: config.number("timesteps"),
      eta: config.number("etaC"),
      etaA: config.number("etaA"),
      etaB: config.number("etaB"),
      noise,
    };
    if (wanted.has("x_init")) {
      const start = await ddrmStart(runtime, problem, noise, options);
      states.set("x_init", await valuesOf(start));
      start.free();
    }
    return SAMPLERS.ddrm.restore(runtime, problem, options);
  },
  isFinalState: true,
});

/** DDS in its noisy form. */
const DDS = posteriorTrajectory({
  pattern: /^DDS\b/,
  timesteps: (config) => strideTimesteps(T, config.number("T_sampling")),
  sigmaY: (config) => config.number("noise_sigma"),
  async restore(run): Promise<Steps> {
    const { runtime, config, problem, noise } = run;
    await solveExample(run);
    return SAMPLERS.dds.restore(runtime, problem, {
      ...SAMPLERS.dds.defaults,
      steps: config.number("T_sampling"),
      eta: config.number("eta"),
      gamma: config.number("gamma"),
      iterations: config.number("CG_iter"),
      noise,
    });
  },
});

/** DMPS, its likelihood taken after the ancestral step. */
const DMPS = posteriorTrajectory({
  pattern: /^DMPS\b/,
  timesteps: respaced,
  sigmaY: (config) => config.number("noise_std"),
  restore: ({ runtime, config, problem, noise }) =>
    SAMPLERS.dmps.restore(runtime, problem, {
      ...SAMPLERS.dmps.defaults,
      steps: respaced(config).length,
      scale: config.number("scale"),
      clipDenoised: config.flag("clip_denoised", true),
      noise,
    }),
});

/** DPS; `grad.k` is the gradient of the length of the residual, `norms` lists these lengths. */
const DPS = posteriorTrajectory({
  pattern: /^DPS\b/,
  timesteps: respaced,
  sigmaY: (config) => config.number("noise_sigma", 0),
  operatorFor: matrixOperator,
  restore(run): Steps {
    const { runtime, config, problem, noise } = run;
    const sampler = config.text("sampler", "ddpm");
    if (sampler !== "ddpm") throw new NotSupportedError(`there is no DPS with the steps of "${sampler}"`);
    const name = config.text("noise", "gaussian");
    const likelihood = LIKELIHOODS.find((known) => known === name);
    if (!likelihood) throw new NotSupportedError(`there is no likelihood of "${name}" noise`);
    const steps = SAMPLERS.dps.restore(runtime, problem, {
      ...SAMPLERS.dps.defaults,
      steps: respaced(config).length,
      scale: config.number("scale"),
      likelihood,
      clipDenoised: config.flag("clip_denoised", true),
      noise,
    });
    return withNorms(run, steps);
  },
});

/** All of them. */
export const POSTERIOR_METHODS: readonly TrajectoryMethod[] = [DDNM, DDRM, DMPS, DPS, DDS];
