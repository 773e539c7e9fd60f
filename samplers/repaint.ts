/**
 * RePaint: what is known of the state is replaced by the noised measurement before every step, and the walk goes back up
 * again and again, so that known and unknown parts come to fit. Lugmayr et al., RePaint: Inpainting using Denoising
 * Diffusion Probabilistic Models, CVPR 2022. For inpainting; with A^+ in place of the mask it runs with every operator.
 */
import type { DeviceTensor, Runtime, Tensors } from "../engine/mod.ts";
import { weightedSum } from "../kernels/mod.ts";
import type { ValuesOf } from "../parameters/mod.ts";
import { type Level, respace } from "./coefficients.ts";
import { clipDenoised, fixedVariance, noiseIn, steps, travelLength, travelRepeat } from "./common_parameters.ts";
import type { Evaluations } from "./description.ts";
import { sampler } from "./entry.ts";
import { ancestralStep, guidedDraws, projectionGuide } from "./guided_walk.ts";
import { ancestralNumbers, learnsVariance } from "./network_step.ts";
import type { NoiseSource } from "./noise_source.ts";
import type { State } from "./restoration_step.ts";
import { counted, pureNoise, stateShape } from "./run.ts";
import type { Problem, Sampler } from "./sampler.ts";
import { downMoves, travelMoves } from "./time_travel.ts";
import { spaceTimesteps } from "./timesteps.ts";

const PARAMETERS = {
  steps: steps(250),
  travelLength: travelLength(10),
  travelRepeat: travelRepeat(10),
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
  // The published jump can be longer than a walk of few steps.
  implied: ({ steps }) => steps === undefined ? {} : { travelLength: Math.min(PARAMETERS.travelLength.default, steps) },
  evaluations({ steps, ...travel }): Evaluations {
    const made = downMoves(travelMoves(steps, travel));
    return { nominal: made, actual: made };
  },
  restore: (runtime, problem, options) =>
    counted(walk(runtime, problem, options), travelMoves(options.steps, options).length),
});

async function* walk(
  runtime: Runtime,
  problem: Problem,
  { steps, clipDenoised, fixedVariance, noiseIn, noise, ...travel }: RepaintOptions & { readonly noise: NoiseSource },
): AsyncGenerator<State, DeviceTensor> {
  const { alphaBar } = problem.model;
  const levels = respace(alphaBar, spaceTimesteps(alphaBar.length, String(steps)));
  const isLearned = learnsVariance(problem);
  const step = ancestralStep(runtime, problem, { clipDenoised, learnsVariance: isLearned, noise });
  const replace = projectionGuide(runtime, problem, noise, noiseIn);
  const shape = stateShape(problem);
  const forward = runtime.stage<string, "keep" | "fresh", "xt">("forward", (inputs, c) => {
    const { state } = inputs as Tensors<"state">;
    return { xt: weightedSum([[c.keep, state], [c.fresh, noise.normal(shape, inputs)]]) };
  });
  const start = await pureNoise(runtime, problem, noise);
  try {
    let xt = start;
    let x0: DeviceTensor | undefined;
    for (const [k, { from, to }] of travelMoves(steps, travel).entries()) {
      const draws = guidedDraws(k);
      const { name } = draws.step;
      if (to < from || !x0) {
        const level = levels[from] as Level;
        // The first state has no measured part yet: it is pure noise already.
        if (x0) xt = await replace(xt, level.alphaBar, draws.guide);
        const numbers = ancestralNumbers(level, isLearned, fixedVariance);
        const out = await step({ xt, level, numbers, draw: draws.step, extra: {} });
        [xt, x0] = [out.xt, out.x0];
        yield { name, ...out };
      } else {
        const { beta } = levels[to] as Level;
        const drawn = noise.supply(draws.step);
        const numbers = { keep: Math.sqrt(1 - beta), fresh: Math.sqrt(beta) };
        xt = (await forward({ state: xt, ...drawn.inputs }, { ...numbers, ...drawn.scalars })).xt;
        yield { name, x0, xt, evaluations: 0 };
      }
    }
    return xt.keep();
  } finally {
    step.release();
    replace.release();
    forward.release();
    start.free();
  }
}
