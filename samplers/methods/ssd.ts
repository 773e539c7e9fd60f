/**
 * Shortcut Sampling (SSD) and SSD+: the pseudo-inverse A^+ y is carried up to a middle noise level, keeping its layout,
 * and generation starts there instead of at pure noise. Liu et al., Accelerating Diffusion Models for Inverse Problems
 * through Shortcut Sampling; steps and constants as in the authors' program where it differs from the paper.
 */
import type { DeviceTensor, Runtime } from "../../engine/mod.ts";
import { injectingSteps } from "../steps/attention_injection.ts";
import { ddpmCoefficients, etaMixCoefficients, type Level, respace } from "../coefficients.ts";
import type { Evaluations } from "../description.ts";
import { sampler } from "../entry.ts";
import { invert } from "../steps/inversion.ts";
import type { NoiseSource } from "../noise_source.ts";
import { counter, pseudoInverseOf } from "../steps/run.ts";
import type { Problem, Progress, Sampler } from "../sampler.ts";
import {
  MEASURED_PRESETS,
  PRESETS,
  projectedSteps,
  SSD_PARAMETERS,
  SSD_PLUS_PARAMETERS,
  SSD_PLUS_STOP,
  SSD_PUBLISHED,
  SSD_SHORTHANDS,
  ssdLimits,
  type SsdOptions,
  type SsdPlusOptions,
} from "./ssd_options.ts";
import { ssdTimesteps } from "../timesteps.ts";

const PAPER = "Liu et al., Accelerating Diffusion Models for Inverse Problems through Shortcut Sampling, IJCAI 2024";

/** SSD: every generation step makes x0 consistent with an exact measurement. */
export const ssd: Sampler<SsdOptions> = sampler({
  name: "ssd",
  paper: PAPER,
  about: "Shortcut Sampling, for exact measurements",
  parameters: SSD_PARAMETERS,
  published: SSD_PUBLISHED,
  presets: { ...PRESETS, ...MEASURED_PRESETS },
  shorthands: SSD_SHORTHANDS,
  fixed: { tStop: 0 },
  limits: ssdLimits,
  projects: true,
  draws: ({ actual }) => actual,
  evaluations,
  restore: (runtime, problem, options) =>
    shortcut(runtime, problem, { ...options, projections: options.generationSteps }),
});

/** SSD+: for noisy measurements; the last generation steps leave x0 to the model. */
export const ssdPlus: Sampler<SsdPlusOptions> = sampler({
  name: "ssd_plus",
  method: "ssd+",
  paper: PAPER,
  about: "Shortcut Sampling, for noisy measurements",
  parameters: SSD_PLUS_PARAMETERS,
  published: SSD_PUBLISHED,
  presets: PRESETS,
  shorthands: SSD_SHORTHANDS,
  // A published stop beyond a small shortcut timestep would mean the same as that timestep.
  implied: ({ t0 }) => t0 === undefined ? {} : { tStop: Math.min(SSD_PLUS_STOP, t0) },
  limits: ssdLimits,
  projects: true,
  draws: ({ actual }) => actual,
  evaluations,
  restore: (runtime, problem, options) =>
    shortcut(runtime, problem, { ...options, projections: projectedSteps(options) }),
});

/** Options of one run; `projections` is the number of generation steps that project, counted from the noisiest. */
type RunOptions = SsdOptions & { readonly noise: NoiseSource; readonly projections: number };

/** The paper counts both lists; the network is never evaluated at the end of the inversion. */
function evaluations({ t0, inversionSteps, generationSteps }: SsdOptions): Evaluations {
  const made = ssdTimesteps(t0, inversionSteps).length - 1 + ssdTimesteps(t0, generationSteps).length;
  return { nominal: inversionSteps + generationSteps, actual: made };
}

async function* shortcut(
  runtime: Runtime,
  problem: Problem,
  options: RunOptions,
): AsyncGenerator<Progress, DeviceTensor> {
  const levelsOf = (count: number): readonly Level[] =>
    respace(problem.model.alphaBar, ssdTimesteps(options.t0, count));
  const upward = levelsOf(options.inversionSteps);
  const downward = levelsOf(options.generationSteps).toReversed();
  const transitions = upward.length - 1;
  const count = counter(transitions + downward.length);
  const steps = injectingSteps(runtime, problem, { ...options, transitions });
  const image = await pseudoInverseOf(runtime, problem);
  try {
    let xt = image;
    for await (const state of invert(steps.up, image, { ...options, levels: upward })) {
      xt = state.xt;
      yield count(state);
    }
    for (const [i, level] of downward.entries()) {
      const at = {
        ...level,
        projected: i < options.projections, // Eq. 17: x0 <- x0 - A^+ A x0 + A^+ y
        ...(options.useDdim ? etaMixCoefficients(level, options.ddimEta) : ddpmCoefficients(level)),
      };
      const state = await steps.down(xt, at, { name: `gen.${i}`, ordinal: transitions + i });
      xt = state.xt;
      yield count(state);
    }
    return xt.keep();
  } finally {
    steps.release();
    image.free();
  }
}
