/**
 * SDEdit: an image is noised to a middle level and denoised again, several times over; what the noise hides is drawn
 * anew, and nothing holds the result to the measurement. Meng et al., SDEdit: Guided Image Synthesis and Editing with
 * Stochastic Differential Equations, ICLR 2022.
 */
import type { DeviceTensor } from "../../engine/mod.ts";
import { integer, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { ancestralStep } from "../steps/ancestral_step.ts";
import { respace } from "../coefficients.ts";
import { clipDenoised, fixedVariance, partialSteps, shortcutTimestep } from "../common_parameters.ts";
import { sampler } from "../entry.ts";
import { counter, noised, pseudoInverseOf, trajectory } from "../steps/run.ts";
import type { Progress, Sampler } from "../sampler.ts";
import { ssdTimesteps } from "../timesteps.ts";

const PARAMETERS = {
  t0: shortcutTimestep(500, "timestep to which A^+ y is noised") as Parameter<number>,
  steps: partialSteps(500) as Parameter<number>,
  repeats: integer(
    3,
    { min: 1, max: 100 },
    "number of passes, each from the result of the one before",
  ) as Parameter<number>,
  // The published program does not clamp.
  clipDenoised: { ...clipDenoised, default: false },
  fixedVariance,
};

/** Parameters of SDEdit. */
export type SdeditOptions = ValuesOf<typeof PARAMETERS>;

/** SDEdit, from A^+ y. Pass p begins with the draw "start.p"; its steps are named on through all passes. */
export const sdedit: Sampler<SdeditOptions> = sampler({
  name: "sdedit",
  paper: "Meng et al., SDEdit: Guided Image Synthesis and Editing with Stochastic Differential Equations, ICLR 2022",
  about: "noises A^+ y half way and denoises it, several times",
  parameters: PARAMETERS,
  // All steps below a timestep are made unless told otherwise.
  implied: ({ t0 }) => t0 === undefined ? {} : { steps: t0 },
  evaluations: ({ steps, repeats }) => ({ nominal: repeats * steps, actual: repeats * steps }),
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const { t0, steps, repeats, noise } = options;
    const places = respace(problem.model.alphaBar, ssdTimesteps(t0, steps)).toReversed();
    const { alphaBar } = places[0]!;
    const step = ancestralStep(runtime, problem.model, options, false);
    const count = counter(repeats * steps);
    let image = await pseudoInverseOf(runtime, problem);
    try {
      for (let pass = 0; pass < repeats; pass++) {
        const ordinal = pass * (places.length + 1);
        const start = await noised(runtime, image, { alphaBar, noise, draw: { name: `start.${pass}`, ordinal } });
        const next = yield* trajectory({ start, places, stages: [], count }, async (xt, level, i) => {
          const name = String(pass * steps + i);
          return { name, ...await step(xt, level, { name, ordinal: ordinal + 1 + i }) };
        });
        image.free();
        image = next;
      }
      return image.keep();
    } finally {
      image.free();
      step.release();
    }
  },
});
