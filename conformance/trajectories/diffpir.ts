/** Trajectories of DiffPIR. */
import {
  constant,
  type DeviceTensor,
  hostTensor,
  type Scalars,
  type Shape,
  type Tensor,
  type Tensors,
} from "../../engine/mod.ts";
import { alongHeight, alongWidth, clamp } from "../../kernels/mod.ts";
import { DEFAULT_PROCESS } from "../../models/mod.ts";
import {
  diffpirStart,
  diffpirWeights,
  predictionCoefficients,
  predictX0,
  type Progress,
  quadraticTimesteps,
  respace,
  SAMPLERS,
} from "../../samplers/mod.ts";
import { posteriorTrajectory, type RecordedRun } from "./posterior.ts";
import type { Settings } from "../reference_file.ts";
import { NotSupportedError } from "../row.ts";
import { diffpirAlphaBar } from "../schedule.ts";
import { numberedDraws, type TrajectoryMethod, valuesOf } from "./method.ts";

function timestepsOf(config: Settings): readonly number[] {
  if (config.text("skip_type", "quad") !== "quad") {
    throw new NotSupportedError(`there is no spacing of timesteps "${config.text("skip_type")}"`);
  }
  return quadraticTimesteps(DEFAULT_PROCESS.diffusion_steps, config.number("iter_num"));
}

/** DiffPIR; measurements in [0, 1] are brought to [-1, 1]. */
export const DIFFPIR_METHOD: TrajectoryMethod = posteriorTrajectory({
  pattern: /^DiffPIR\b/,
  timesteps: timestepsOf,
  // The last step draws nothing.
  draws: (file, config) => numberedDraws(file, timestepsOf(config).length - 1),
  sigmaY: (config) => 2 * config.number("noise_level_img"),
  inRange: (value, operator) => /inpaint/.test(operator) ? value : 2 * value - 1,
  async restore(run): Promise<AsyncGenerator<Progress, DeviceTensor>> {
    const { runtime, file, config, problem, noise, states, wanted } = run;
    const start = await startImage(run);
    const options = {
      ...SAMPLERS.diffpir.defaults,
      steps: config.number("iter_num"),
      lambda: config.number("lambda"),
      zeta: config.number("zeta"),
      eta: config.number("eta", 0),
      guidance: config.number("guidance_scale", 1),
      countsNoise: start === undefined,
      ...(start ? { start } : {}),
      noise,
    };
    if (file.has("x_init")) {
      const state = await diffpirStart(runtime, problem, options);
      states.set("x_init", await valuesOf(state));
      state.free();
    }
    const singlePrecision = Float64Array.from(diffpirAlphaBar(problem.model.alphaBar.length));
    const rhos = diffpirWeights(singlePrecision, problem.sigmaY, options);
    states.set("rhos", { data: rhos, shape: [rhos.length] });
    const steps = SAMPLERS.diffpir.restore(runtime, problem, options);
    return wanted.has("x0.unused") ? withLastPrediction(run, steps) : steps;
  },
});

/** The run, with the prediction at its last state as `x0.unused`: the program computes it and drops it. */
async function* withLastPrediction(
  { runtime, problem: { model }, config, states }: RecordedRun,
  steps: AsyncGenerator<Progress, DeviceTensor>,
): AsyncGenerator<Progress, DeviceTensor> {
  const result = yield* steps;
  const [level] = respace(model.alphaBar, timestepsOf(config));
  const stage = runtime.stage(
    "last prediction",
    ({ xt }: Tensors<"xt">, c: Scalars<"timestep" | "x0FromXt" | "x0FromEps">) => ({
      x0: clamp(predictX0(xt, model.predictEps(xt, c.timestep), c), -1, 1),
    }),
  );
  const { x0 } = await stage({ xt: result }, { timestep: level!.timestep, ...predictionCoefficients(level!) });
  states.set("x0.unused", await valuesOf(x0));
  stage.release();
  return result;
}

/** Where y is smaller than the image, the program starts from its cubic enlargement with a = -0.75. */
async function startImage(
  { runtime, problem: { operator, y }, uploads }: RecordedRun,
): Promise<DeviceTensor | undefined> {
  const scale = operator.imageShape[0]! / operator.measurementShape[0]!;
  if (scale === 1) return undefined;
  const matrixOf = (extent: number): Tensor => {
    const [shape, data] = cubicEnlargement(extent, scale);
    return constant(hostTensor(data, shape));
  };
  const [height, width] = operator.measurementShape as [number, number];
  const stage = runtime.stage("enlargement", ({ y }: Tensors<"y">) => ({
    image: alongHeight(matrixOf(height), alongWidth(matrixOf(width), y)),
  }));
  const image = uploads.add(await valuesOf((await stage({ y }, {})).image));
  stage.release();
  return image;
}

/** Cubic interpolation between pixel centres; beyond the border the outermost pixel goes on. */
function cubicEnlargement(extent: number, scale: number): readonly [Shape, Float32Array] {
  const shape = [extent * scale, extent];
  const data = new Float32Array(extent * scale * extent);
  for (let row = 0; row < extent * scale; row++) {
    const centre = (row + 0.5) / scale - 0.5;
    for (let tap = Math.floor(centre) - 1; tap <= Math.floor(centre) + 2; tap++) {
      const column = Math.min(Math.max(tap, 0), extent - 1);
      data[row * extent + column]! += cubic(Math.abs(centre - tap));
    }
  }
  return [shape, data];
}

function cubic(distance: number): number {
  const a = -0.75;
  if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance ** 2 + 1;
  return distance < 2 ? ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a : 0;
}
