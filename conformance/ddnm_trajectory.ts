/** Trajectories of DDNM and DDNM+: the simplified routine and the one with singular values. */
import type { DeviceTensor } from "../engine/mod.ts";
import { DEFAULT_PROCESS } from "../models/mod.ts";
import { ddnmTimesteps, type Progress, SAMPLERS, travelMoves } from "../samplers/mod.ts";
import { posteriorTrajectory } from "./posterior_trajectory.ts";
import type { ReferenceFile, Settings } from "./reference_file.ts";
import type { TrajectoryMethod } from "./trajectory_method.ts";
import { turnedOperator } from "./turned_operator.ts";

function walkOf(config: Settings): { steps: number; eta: number; travelLength: number; travelRepeat: number } {
  return {
    steps: config.number("T_sampling"),
    eta: config.number("eta"),
    travelLength: config.number("travel_length", 1),
    travelRepeat: config.number("travel_repeat", 1),
  };
}

/** All routines; the name of the method tells which one. */
export const DDNM_METHOD: TrajectoryMethod = posteriorTrajectory({
  pattern: /^DDNM\b/,
  lists(config): Readonly<Record<string, readonly number[]>> {
    const walk = walkOf(config);
    const timesteps = ddnmTimesteps(DEFAULT_PROCESS.diffusion_steps, walk.steps);
    const down = travelMoves(walk.steps, walk).filter(({ from, to }) => to < from);
    return { timesteps_seen_by_network: down.map(({ from }) => timesteps[from]!) };
  },
  sigmaY: (config) => config.number("sigma_y_used"),
  draws(config): number {
    const walk = walkOf(config);
    return travelMoves(walk.steps, walk).length;
  },
  operatorOf: (file, operator) => isTurned(file) ? turnedOperator(file, operator) : Promise.resolve(operator),
  restore({ runtime, file, config, problem, noise }): Promise<AsyncGenerator<Progress, DeviceTensor>> {
    const options = { ...walkOf(config), noise };
    if (/simplified/.test(file.metadata.text("method"))) {
      const run = SAMPLERS.ddnm_plus.restore(runtime, problem, { ...options, form: "published_simplified" });
      return Promise.resolve(run);
    }
    if (problem.sigmaY === 0) {
      return Promise.resolve(SAMPLERS.ddnm.restore(runtime, problem, { ...options, update: "eta_mix" }));
    }
    const form = isTurned(file) ? "published_spectral" : "spectral";
    return Promise.resolve(SAMPLERS.ddnm_plus.restore(runtime, problem, { ...options, form }));
  },
  final: (value) => value,
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
