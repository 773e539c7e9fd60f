/**
 * Zero-shot image editing by consistency models: multistep consistency sampling whose predicted images are replaced by
 * the measurement where it says something, x0 <- A^+ y + (I - A^+ A) x0. Song, Dhariwal, Chen, Sutskever, Consistency
 * Models, ICML 2023, algorithm 4, for every linear operator. It is DDNM with fresh noise alone (eta 1) over the levels of
 * consistency sampling.
 */
import type { DeviceTensor } from "../../engine/mod.ts";
import { weightedSum } from "../../kernels/mod.ts";
import { project, trustAt } from "../../operators/mod.ts";
import { integer, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { clipDenoised } from "../common_parameters.ts";
import type { Evaluations } from "../description.ts";
import { sampler } from "../entry.ts";
import type { Progress, Sampler } from "../sampler.ts";
import {
  CONSISTENCY_LEVELS,
  consistencyCalls,
  type ConsistencyPlace,
  consistencyPlaces,
} from "../steps/consistency_levels.ts";
import { noiseRange, overLevels } from "../steps/noise_levels.ts";
import { moveBy, pureNoise, trajectory } from "../steps/run.ts";
import { networkStep } from "../steps/step.ts";

/** The parameters of `consistency-editing`. */
export const PARAMETERS = {
  // Published: all levels of the grid of 40.
  steps: integer(39, { min: 1, max: 1000 }, "number of evaluations") as Parameter<number>,
  ...CONSISTENCY_LEVELS,
  clipDenoised,
};

/** Parameters of editing by consistency models. */
export type ConsistencyEditingOptions = ValuesOf<typeof PARAMETERS>;

/** Editing by consistency models. */
export const consistencyEditing: Sampler<ConsistencyEditingOptions> = sampler({
  name: "consistency_editing",
  paper: "Song et al., Consistency Models, ICML 2023, algorithm 4",
  about: "consistency sampling that replaces the measured part at every step",
  makesLevels: true,
  parameters: PARAMETERS,
  projects: true,
  evaluations(options): Evaluations {
    const calls = consistencyCalls(options);
    return { nominal: calls, actual: calls };
  },
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const { noise, clipDenoised } = options;
    const { operator, y } = problem;
    const places = consistencyPlaces(options, noiseRange("consistency_editing", problem.model, options));
    const model = overLevels("consistency_editing", problem.model, places.map(({ alphaBar }) => alphaBar));
    const step = networkStep(runtime, model, {
      name: "consistency editing",
      noise,
      inputs: { y },
      clipDenoised,
      scalars: ({ alphaBar, xtFromX0, xtFromNoise }: ConsistencyPlace) => {
        return { ...trustAt(alphaBar), xtFromX0, xtFromNoise };
      },
      project: ({ y, x0 }, c) => project(operator, x0, y, c),
      update: ({ x0, z }, c) => ({ x0, xt: weightedSum([[c.xtFromX0, x0], [c.xtFromNoise, z]]) }),
    });
    const start = await pureNoise(runtime, problem, noise, Math.sqrt(1 - places[0]!.alphaBar));
    return yield* trajectory({ start, places, stages: [step] }, moveBy(step));
  },
});
