/** Trajectories of DDPG and IDPG. */
import type { DeviceTensor } from "../../engine/mod.ts";
import { DEFAULT_PROCESS } from "../../models/mod.ts";
import { ddnmTimesteps, type Progress, SAMPLERS } from "../../samplers/mod.ts";
import type { Settings } from "../reference_file.ts";
import { NotSupportedError } from "../row.ts";
import { circularBlur } from "./circular_blur.ts";
import { type TrajectoryMethod, valuesOf } from "./method.ts";
import { posteriorTrajectory, type RecordedRun, type Steps } from "./posterior.ts";

const T = DEFAULT_PROCESS.diffusion_steps;

/** What the program calls the lengths of the guidance. */
const STEP_SIZES = ["constant", "falling", "falling_gradient"] as const;

/** Both; `x0.last` is the last prediction. */
const DDPG = posteriorTrajectory({
  pattern: /^(DDPG|IDPG)$/,
  timesteps: (config) => ddnmTimesteps(T, config.number("steps")),
  sigmaY: (config) => 2 * config.number("sigma_y"),
  operatorFor: (file, description) => circularBlur(file, description),
  restore(run): Steps {
    const { runtime, file, config, problem, noise } = run;
    const options = {
      steps: config.number("steps"),
      gamma: config.number("gamma"),
      etaTilde: config.number("eta_tilde"),
      noise,
    };
    if (file.metadata.text("method") === "IDPG") {
      return withLastPrediction(run, SAMPLERS.idpg.restore(runtime, problem, options));
    }
    const zeta = config.number("zeta");
    const stepSize = stepSizeOf(config);
    return withLastPrediction(run, SAMPLERS.ddpg.restore(runtime, problem, { ...options, zeta, stepSize }));
  },
  isFinalState: true,
});

function stepSizeOf(config: Settings): typeof STEP_SIZES[number] {
  const mode = config.number("step_size_mode");
  const stepSize = STEP_SIZES[mode];
  if (stepSize && config.number("scale_ls", 1) === 1) return stepSize;
  throw new NotSupportedError(`there is no DDPG with step size mode ${mode} and scale ${config.number("scale_ls", 1)}`);
}

/** The run, with its last prediction as `x0.last`. */
async function* withLastPrediction({ states }: RecordedRun, steps: Steps): AsyncGenerator<Progress, DeviceTensor> {
  for (;;) {
    const next = await steps.next();
    if (next.done) return next.value;
    const { step, steps: count, x0 } = next.value;
    if (step === count) states.set("x0.last", await valuesOf(x0));
    yield next.value;
  }
}

/** All of them. */
export const GUIDANCE_METHODS: readonly TrajectoryMethod[] = [DDPG];
