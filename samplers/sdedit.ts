/**
 * SDEdit: an image is noised to a middle level and denoised again, several times over; what the noise hides is drawn
 * anew, and nothing holds the result to the measurement. Meng et al., SDEdit: Guided Image Synthesis and Editing with
 * Stochastic Differential Equations, ICLR 2022.
 */
import type { DeviceTensor, Runtime } from "../engine/mod.ts";
import { respace } from "./coefficients.ts";
import { ancestralStep, noised } from "./guided_walk.ts";
import { ancestralNumbers } from "./network_step.ts";
import type { NoiseSource } from "./noise_source.ts";
import { optionChecks } from "./option_checks.ts";
import { FIXED_VARIANCES, type FixedVariance } from "./plain_coefficients.ts";
import type { State } from "./restoration_step.ts";
import { counted, pseudoInverseOf } from "./run.ts";
import { checkProblem, type Problem, type Progress, type Sampler } from "./sampler.ts";
import { ssdTimesteps } from "./timesteps.ts";

/** Parameters of SDEdit. */
export interface SdeditOptions {
  /** The image is noised to training timestep t0 - 1; 2..T. Published: 500. */
  readonly t0: number;
  /** Number of steps of one pass, 2..t0. Published: t0. */
  readonly steps: number;
  /** Number of passes, each from the result of the one before, 1..100. Published: 3. */
  readonly repeats: number;
  /** Whether predicted images are clamped to [-1, 1]. Published: false. */
  readonly clipDenoised: boolean;
  /** Variance of the steps where the network does not learn it. Published: "small", the posterior's. */
  readonly fixedVariance: FixedVariance;
}

const DEFAULTS: SdeditOptions = { t0: 500, steps: 500, repeats: 3, clipDenoised: false, fixedVariance: "small" };

/** SDEdit, from A^+ y. */
export const sdedit: Sampler<SdeditOptions> = {
  name: "sdedit",
  paper: "Meng et al., SDEdit: Guided Image Synthesis and Editing with Stochastic Differential Equations, ICLR 2022",
  needs: [],
  defaults: DEFAULTS,
  defaultsFor: () => DEFAULTS,
  evaluations: ({ steps, repeats }) => ({ nominal: repeats * steps, actual: repeats * steps }),
  restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const check = optionChecks("sdedit");
    check.integer("t0", options.t0, 2, problem.model.alphaBar.length);
    check.integer("steps", options.steps, 2, options.t0);
    check.integer("repeats", options.repeats, 1, 100);
    check.choice("fixedVariance", options.fixedVariance, FIXED_VARIANCES);
    checkProblem("sdedit", problem);
    return counted(walk(runtime, problem, options), options.repeats * options.steps);
  },
};

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
