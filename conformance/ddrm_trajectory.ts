/** Trajectories of DDRM. */
import type { DeviceTensor } from "../engine/mod.ts";
import { DEFAULT_PROCESS } from "../models/mod.ts";
import { ddrmStart, type Progress, SAMPLERS, strideTimesteps } from "../samplers/mod.ts";
import { posteriorTrajectory } from "./posterior_trajectory.ts";
import { imagesOf, publishedBasis } from "./published_basis.ts";
import type { ReferenceFile, Settings, StoredTensor } from "./reference_file.ts";
import { imageShapeOf, type TrajectoryMethod, valuesOf } from "./trajectory_method.ts";

function timestepsOf(config: Settings): readonly number[] {
  return strideTimesteps(DEFAULT_PROCESS.diffusion_steps, config.number("timesteps"));
}

/** DDRM. */
export const DDRM_METHOD: TrajectoryMethod = posteriorTrajectory({
  pattern: /^DDRM\b/,
  lists: (config) => ({ timesteps_seen_by_network: timestepsOf(config).toReversed() }),
  sigmaY: (config) => config.number("sigma_0_used"),
  draws: (config) => timestepsOf(config).length,
  async drawOf(file, name): Promise<StoredTensor> {
    const imageShape = imageShapeOf(file, ["gt", "x_init"]);
    const basis = await publishedBasis(file, file.metadata.text("operator"), imageShape);
    const drawn = name === "noise.xT" ? await file.read(name) : await joinedDraw(file, name.replace("noise.", ""));
    return imagesOf(basis, drawn, imageShape);
  },
  async restore(
    { runtime, config, problem, noise, states, wanted },
  ): Promise<AsyncGenerator<Progress, DeviceTensor>> {
    const options = {
      steps: config.number("timesteps"),
      eta: config.number("etaC"),
      etaA: config.number("etaA"),
      etaB: config.number("etaB"),
      noise,
    };
    if (wanted.has("x_init")) {
      const start = await ddrmStart(runtime, problem, noise, options);
      states.set("x_init", await valuesOf(start));
      start.free();
    }
    return SAMPLERS.ddrm.restore(runtime, problem, options);
  },
  final: (value) => value,
});

/**
 * The three draws of a step as one: B where the measurement is better than the state (s sigma_next > sigma_0), A, in
 * ascending order, where it is worse, and C elsewhere. Each coefficient uses one of them.
 */
async function joinedDraw(file: ReferenceFile, step: string): Promise<StoredTensor> {
  const { data, shape } = await file.read(`noise.C.${step}`);
  const below = file.has(`noise.A.${step}`) ? (await file.read(`noise.A.${step}`)).data : new Float32Array(0);
  const known = (await file.read(`noise.B.${step}`)).data;
  const [batch, size] = shape as [number, number];
  const [belowSize, knownSize] = [below.length / batch, known.length / batch];
  const joined = data.slice();
  for (let n = 0; n < batch; n++) {
    const worse = below.subarray(n * belowSize, (n + 1) * belowSize);
    const better = known.subarray(n * knownSize, (n + 1) * knownSize);
    // Singular values fall, so the coefficients with A follow those with B.
    const first = knownSize - belowSize;
    joined.set(better.subarray(0, first), n * size);
    joined.set(worse, n * size + first);
  }
  return { data: joined, shape };
}
