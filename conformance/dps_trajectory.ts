/** Trajectories of DPS. */
import { constant, type DeviceTensor, hostTensor, type Tensor } from "../engine/mod.ts";
import { separable } from "../kernels/mod.ts";
import { DEFAULT_PROCESS } from "../models/mod.ts";
import { ownOperator } from "../operators/mod.ts";
import { type Likelihood, LIKELIHOODS, type Progress, SAMPLERS, spaceTimesteps } from "../samplers/mod.ts";
import { type OperatorDescription, pictureLayout, type PublishedOperator } from "./published_operator.ts";
import { posteriorTrajectory, type RecordedRun } from "./posterior_trajectory.ts";
import type { ReferenceFile, Settings } from "./reference_file.ts";
import { NotSupportedError } from "./row.ts";
import type { TrajectoryMethod } from "./trajectory_method.ts";

function timestepsOf(config: Settings): readonly number[] {
  return spaceTimesteps(DEFAULT_PROCESS.diffusion_steps, String(config.values["timestep_respacing"]));
}

/** DPS; `grad.k` is the gradient of the length of the residual, `norms` lists these lengths. */
export const DPS_METHOD: TrajectoryMethod = posteriorTrajectory({
  pattern: /^DPS\b/,
  lists: (config) => ({ timesteps_seen_by_network: timestepsOf(config).toReversed() }),
  sigmaY: (config) => config.number("noise_sigma", 0),
  draws: (config) => timestepsOf(config).length,
  operatorFor: matrixOperator,
  restore(run): Promise<AsyncGenerator<Progress, DeviceTensor>> {
    const { runtime, config, problem, noise } = run;
    const sampler = config.text("sampler", "ddpm");
    if (sampler !== "ddpm") throw new NotSupportedError(`there is no DPS with the steps of "${sampler}"`);
    const steps = SAMPLERS.dps.restore(runtime, problem, {
      ...SAMPLERS.dps.defaults,
      steps: timestepsOf(config).length,
      scale: config.number("scale"),
      likelihood: likelihoodOf(config),
      clipDenoised: config.flag("clip_denoised", true),
      noise,
    });
    return Promise.resolve(withNorms(run, steps));
  },
});

function likelihoodOf(config: Settings): Likelihood {
  const name = config.text("noise", "gaussian");
  const likelihood = LIKELIHOODS.find((known) => known === name);
  if (likelihood) return likelihood;
  throw new NotSupportedError(`there is no likelihood of "${name}" noise`);
}

/** The run, with the lengths of the residuals of all steps as `norms`. */
async function* withNorms(
  { states }: RecordedRun,
  steps: AsyncGenerator<Progress, DeviceTensor>,
): AsyncGenerator<Progress, DeviceTensor> {
  const norms: number[] = [];
  for (;;) {
    const next = await steps.next();
    if (next.done) return next.value;
    norms.push(...await next.value.parts!["norms"]!.read());
    states.set("norms", { data: norms, shape: [norms.length] });
    yield next.value;
  }
}

/** The operator A x = A1d x A1d^T of a file that brings the matrix A1d of both sides. */
async function matrixOperator(
  file: ReferenceFile,
  { name, imageShape, measurementShape }: OperatorDescription,
): Promise<PublishedOperator | undefined> {
  if (!file.has("A1d")) return undefined;
  const { data, shape } = await file.read("A1d");
  const matrix = hostTensor(Float32Array.from(data), shape);
  const [, channels, height, width] = measurementShape as [number, number, number, number];
  const operator = ownOperator({
    name,
    imageShape,
    measurementShape: [height, width, channels],
    forward: (x): Tensor => separable(constant(matrix), x, constant(matrix)),
  });
  return { operator, ...pictureLayout(operator, measurementShape) };
}
