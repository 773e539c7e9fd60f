/**
 * Consistency sampling: the network says the image at once, and again after it was noised to a lower level. Song,
 * Dhariwal, Chen, Sutskever, Consistency Models, ICML 2023. Every network can be asked so; one that predicts noise says a
 * mean image.
 */
import type { DeviceTensor } from "../../engine/mod.ts";
import { integer, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { clipDenoised } from "../common_parameters.ts";
import type { Evaluations } from "../description.ts";
import { plainSampler } from "../entry.ts";
import type { PlainSampler } from "../plain_sampler.ts";
import type { Progress } from "../sampler.ts";
import { refuseGuidance } from "../steps/class_guidance.ts";
import { CONSISTENCY_LEVELS, consistencyCalls, consistencyPlaces } from "../steps/consistency_levels.ts";
import { noiseRange, overLevels } from "../steps/noise_levels.ts";
import { sampled, UNGUIDED } from "../steps/plain_trajectory.ts";

/** The parameters of `consistency`. */
export const PARAMETERS = {
  steps: integer(1, { min: 1, max: 1000 }, "number of evaluations") as Parameter<number>,
  ...CONSISTENCY_LEVELS,
  clipDenoised,
};

/** Parameters of consistency sampling. */
export type ConsistencyOptions = ValuesOf<typeof PARAMETERS>;

/** Consistency sampling, in one step or several. */
export const consistency: PlainSampler<ConsistencyOptions> = plainSampler({
  name: "consistency",
  paper: "Song et al., Consistency Models, ICML 2023, algorithm 1",
  about: "plain sampling of consistency models in one step or several, for upsample",
  makesLevels: true,
  parameters: PARAMETERS,
  draws: ({ actual }) => actual + 1,
  evaluations(options): Evaluations {
    const calls = consistencyCalls(options);
    return { nominal: calls, actual: calls };
  },
  sample(runtime, { guidance, ...problem }, options): AsyncGenerator<Progress, DeviceTensor> {
    refuseGuidance("consistency", guidance);
    const levels = consistencyPlaces(options, noiseRange("consistency", problem.model, options));
    const places = levels.map(({ xtFromX0, xtFromNoise, ...level }, k) => ({
      ...level,
      name: `gen.${k}`,
      scalars: { ...UNGUIDED, xtFromX0, xtFromNoise, xtFromXt: 0 },
    }));
    const model = overLevels("consistency", problem.model, levels.map(({ alphaBar }) => alphaBar));
    const startDeviation = Math.sqrt(1 - levels[0]!.alphaBar);
    return sampled(runtime, { ...problem, model }, { ...options, places, isLearned: false, startDeviation });
  },
});
