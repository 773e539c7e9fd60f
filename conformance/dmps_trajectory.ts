/** Trajectories of DMPS. */
import { DEFAULT_PROCESS } from "../models/mod.ts";
import { SAMPLERS, spaceTimesteps } from "../samplers/mod.ts";
import { posteriorTrajectory } from "./posterior_trajectory.ts";
import type { Settings } from "./reference_file.ts";
import type { TrajectoryMethod } from "./trajectory_method.ts";

function timestepsOf(config: Settings): readonly number[] {
  return spaceTimesteps(DEFAULT_PROCESS.diffusion_steps, String(config.values["timestep_respacing"]));
}

/** DMPS, its likelihood taken after the ancestral step. */
export const DMPS_METHOD: TrajectoryMethod = posteriorTrajectory({
  pattern: /^DMPS\b/,
  lists: (config) => ({ timesteps_seen_by_network: timestepsOf(config).toReversed() }),
  sigmaY: (config) => config.number("noise_std"),
  draws: (config) => timestepsOf(config).length,
  restore: ({ runtime, config, problem, noise }) =>
    Promise.resolve(SAMPLERS.dmps.restore(runtime, problem, {
      ...SAMPLERS.dmps.defaults,
      steps: timestepsOf(config).length,
      scale: config.number("scale"),
      clipDenoised: config.flag("clip_denoised", true),
      noise,
    })),
});
