/**
 * SDEdit: an image is noised to a middle level and denoised again, several times over; what the noise hides is drawn
 * anew, and nothing holds the result to the measurement. Meng et al., SDEdit: Guided Image Synthesis and Editing with
 * Stochastic Differential Equations, ICLR 2022.
 */
import type { DeviceTensor, Runtime } from "../engine/mod.ts";
import { integer, type ValuesOf } from "../parameters/mod.ts";
import { respace } from "./coefficients.ts";
import { clipDenoised, fixedVariance, partialSteps, shortcutTimestep } from "./common_parameters.ts";
import { sampler } from "./entry.ts";
import { ancestralStep, noised } from "./guided_walk.ts";
import { ancestralNumbers } from "./network_step.ts";
import type { NoiseSource } from "./noise_source.ts";
import type { State } from "./restoration_step.ts";
import { counted, pseudoInverseOf } from "./run.ts";
import type { Problem, Sampler } from "./sampler.ts";
import { ssdTimesteps } from "./timesteps.ts";

const PARAMETERS = {
  t0: shortcutTimestep(500, "timestep to which A^+ y is noised"),
  steps: partialSteps(500),
  repeats: integer(3, { min: 1, max: 100 }, "number of passes, each from the result of the one before"),
  // The published program does not clamp.
  clipDenoised: { ...clipDenoised, default: false },
  fixedVariance,
};

/** Parameters of SDEdit. */
export type SdeditOptions = ValuesOf<typeof PARAMETERS>;

/** SDEdit, from A^+ y. */
export const sdedit: Sampler<SdeditOptions> = sampler({
  name: "sdedit",
  paper: "Meng et al., SDEdit: Guided Image Synthesis and Editing with Stochastic Differential Equations, ICLR 2022",
  about: "noises A^+ y half way and denoises it, several times",
  parameters: PARAMETERS,
  // All steps below a timestep are made unless told otherwise.
  implied: ({ t0 }) => t0 === undefined ? {} : { steps: t0 },
  evaluations: ({ steps, repeats }) => ({ nominal: repeats * steps, actual: repeats * steps }),
  restore: (runtime, problem, options) => counted(walk(runtime, problem, options), options.repeats * options.steps),
});

/** Pass p begins with the draw "start.p"; its steps are named on through all passes. */
async function* walk(
  runtime: Runtime,
  problem: Problem,
  { t0, steps, repeats, clipDenoised, fixedVariance, noise }: SdeditOptions & { readonly noise: NoiseSource },
): AsyncGenerator<State, DeviceTensor> {
  const levels = respace(problem.model.alphaBar, ssdTimesteps(t0, steps)).toReversed();
  const step = ancestralStep(runtime, problem, { clipDenoised, learnsVariance: false, noise });
  let image = await pseudoInverseOf(runtime, problem);
  let start: DeviceTensor | undefined;
  try {
    let ordinal = 0;
    for (let pass = 0; pass < repeats; pass++) {
      const draw = { name: `start.${pass}`, ordinal: ordinal++ };
      start = await noised(runtime, problem, image, { alphaBar: levels[0]!.alphaBar, noise, draw });
      let xt = start;
      for (const [i, level] of levels.entries()) {
        const name = String(pass * steps + i);
        const numbers = ancestralNumbers(level, false, fixedVariance);
        const out = await step({ xt, level, numbers, draw: { name, ordinal: ordinal++ }, extra: {} });
        xt = out.xt;
        yield { name, ...out };
      }
      image.free();
      image = xt.keep();
      start.free();
      start = undefined;
    }
    return image.keep();
  } finally {
    start?.free();
    image.free();
    step.release();
  }
}
