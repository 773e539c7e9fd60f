/**
 * RePaint: what is known of the state is replaced by the noised measurement before every step, and the run goes back up
 * again and again, so that known and unknown parts come to fit. Lugmayr et al., RePaint: Inpainting using Denoising
 * Diffusion Probabilistic Models, CVPR 2022. For inpainting; with A^+ in place of the mask it runs with every operator.
 */
import type { DeviceTensor } from "../../engine/mod.ts";
import type { Parameter, ValuesOf } from "../../parameters/mod.ts";
import { ancestralStep } from "../steps/ancestral_step.ts";
import type { Level } from "../coefficients.ts";
import { clipDenoised, fixedVariance, noiseIn, steps, travelLength, travelRepeat } from "../common_parameters.ts";
import type { Evaluations } from "../description.ts";
import { sampler } from "../entry.ts";
import { guidedDraws, projectionGuide } from "../steps/guided_trajectory.ts";
import { evenLevels, noising, pureNoise, trajectory } from "../steps/run.ts";
import type { Progress, Sampler } from "../sampler.ts";
import { downMoves, travelMoves } from "../steps/time_travel.ts";

const PARAMETERS = {
  steps: steps(250) as Parameter<number>,
  travelLength: travelLength(10) as Parameter<number>,
  travelRepeat: travelRepeat(10) as Parameter<number>,
  clipDenoised,
  fixedVariance,
  noiseIn,
};

/** Parameters of RePaint. */
export type RepaintOptions = ValuesOf<typeof PARAMETERS>;

/** RePaint. */
export const repaint: Sampler<RepaintOptions> = sampler({
  name: "repaint",
  paper: "Lugmayr et al., RePaint: Inpainting using Denoising Diffusion Probabilistic Models, CVPR 2022",
  about: "replaces what is known and goes back up again and again",
  parameters: PARAMETERS,
  // The published jump can be longer than a run of few steps.
  implied: ({ steps }) => steps === undefined ? {} : { travelLength: Math.min(PARAMETERS.travelLength.default, steps) },
  evaluations({ steps, ...travel }): Evaluations {
    const made = downMoves(travelMoves(steps, travel));
    return { nominal: made, actual: made };
  },
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const { steps, noise } = options;
    const levels = evenLevels(problem.model, steps).toReversed();
    const step = ancestralStep(runtime, problem.model, options);
    const replace = projectionGuide(runtime, problem, options);
    const forward = noising(runtime, "forward", noise);
    const start = await pureNoise(runtime, problem, noise);
    let x0: DeviceTensor | undefined;
    const run = { start, places: travelMoves(steps, options), stages: [step, replace, forward] };
    return yield* trajectory(run, async (state, { from, to }, k) => {
      const draws = guidedDraws(k);
      const { name } = draws.step;
      if (to < from || !x0) {
        const level = levels[from] as Level;
        // The first state has no measured part yet: it is pure noise already.
        const known = x0 ? await replace(state, level.alphaBar, draws.guide) : state;
        const out = await step(known, level, draws.step);
        x0 = out.x0;
        return { name, ...out };
      }
      const { beta } = levels[to] as Level;
      const xt = await forward(state, { keep: Math.sqrt(1 - beta), fresh: Math.sqrt(beta) }, draws.step);
      return { name, x0, xt, evaluations: 0 };
    });
  },
});
