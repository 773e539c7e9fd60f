/** Trajectories of DDS, with the dense example of conjugate gradients that such a file may hold. */
import { constant, type DeviceTensor, hostTensor, type Tensor, type Tensors } from "../engine/mod.ts";
import { linear, sub, weightedSum } from "../kernels/mod.ts";
import { DEFAULT_PROCESS } from "../models/mod.ts";
import { conjugateGradients, type Progress, SAMPLERS, strideTimesteps } from "../samplers/mod.ts";
import { posteriorTrajectory, type RecordedRun } from "./posterior_trajectory.ts";
import type { Settings } from "./reference_file.ts";
import type { TrajectoryMethod } from "./trajectory_method.ts";
import { valuesOf } from "./trajectory_method.ts";

function timestepsOf(config: Settings): readonly number[] {
  return strideTimesteps(DEFAULT_PROCESS.diffusion_steps, config.number("T_sampling"));
}

/** DDS in its noisy form. */
export const DDS_METHOD: TrajectoryMethod = posteriorTrajectory({
  pattern: /^DDS\b/,
  lists: (config) => ({ timesteps_seen_by_network: timestepsOf(config).toReversed() }),
  sigmaY: (config) => config.number("noise_sigma"),
  draws: (config) => timestepsOf(config).length,
  async restore(run): Promise<AsyncGenerator<Progress, DeviceTensor>> {
    const { runtime, config, problem, noise } = run;
    await solveExample(run);
    return SAMPLERS.dds.restore(runtime, problem, {
      ...SAMPLERS.dds.defaults,
      steps: config.number("T_sampling"),
      eta: config.number("eta"),
      gamma: config.number("gamma"),
      iterations: config.number("CG_iter"),
      noise,
    });
  },
});

/** `cg.x.n`: n iterations for (I + gamma A^T A) x = b from `cg.x0`, with the matrix `cg.A`. */
async function solveExample({ runtime, file, config, uploads, wanted, states }: RecordedRun): Promise<void> {
  const quantities = [...wanted].filter((quantity) => /^cg\.x\.\d+$/.test(quantity));
  if (quantities.length === 0) return;
  const { data, shape: [rows, columns] } = await file.read("cg.A");
  const transposed = Float32Array.from(data, (_, i) => data[(i % rows!) * columns! + Math.floor(i / rows!)]!);
  const [a, at] = [hostTensor(data, [rows!, columns!]), hostTensor(transposed, [columns!, rows!])];
  const [b, start] = [uploads.add(await file.read("cg.b")), uploads.add(await file.read("cg.x0"))];
  const apply = (x: Tensor): Tensor =>
    weightedSum([[1, x], [config.number("gamma"), linear(linear(x, constant(at)), constant(a))]]);
  for (const quantity of quantities) {
    const iterations = Number(quantity.split(".").at(-1));
    const stage = runtime.stage(`example ${iterations}`, ({ b, start }: Tensors<"b" | "start">) => ({
      x: conjugateGradients(apply, { start, residual: sub(b, apply(start)) }, { iterations }),
    }));
    states.set(quantity, await valuesOf((await stage({ b, start }, {})).x));
    stage.release();
  }
}
