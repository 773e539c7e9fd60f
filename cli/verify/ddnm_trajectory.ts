/** Trajectories of DDNM and DDNM+: the simplified routine and the one with singular values. */
import { constant, type DeviceTensor, type HostTensor, hostTensor, type Tensor } from "../../engine/mod.ts";
import { linear } from "../../kernels/mod.ts";
import { DEFAULT_PROCESS } from "../../models/mod.ts";
import type { LinearOperator } from "../../operators/mod.ts";
import { ddnmTimesteps, type Progress, SAMPLERS, travelMoves } from "../../samplers/mod.ts";
import { posteriorTrajectory } from "./posterior_trajectory.ts";
import { imagesOf, publishedBasis } from "./published_basis.ts";
import type { ReferenceFile, Settings, StoredTensor } from "./reference_file.ts";
import { NotSupportedError } from "./row.ts";
import { imageShapeOf, type TrajectoryMethod } from "./trajectory_method.ts";

function walkOf(config: Settings): { steps: number; eta: number; travelLength: number; travelRepeat: number } {
  return {
    steps: config.number("T_sampling"),
    eta: config.number("eta"),
    travelLength: config.number("travel_length", 1),
    travelRepeat: config.number("travel_repeat", 1),
  };
}

/** All routines; the name of the method tells which one. */
export const DDNM_METHOD: TrajectoryMethod = posteriorTrajectory({
  pattern: /^DDNM\b/,
  lists(config): Readonly<Record<string, readonly number[]>> {
    const walk = walkOf(config);
    const timesteps = ddnmTimesteps(DEFAULT_PROCESS.diffusion_steps, walk.steps);
    const down = travelMoves(walk.steps, walk).filter(({ from, to }) => to < from);
    return { timesteps_seen_by_network: down.map(({ from }) => timesteps[from]!) };
  },
  sigmaY: (config) => config.number("sigma_y_used"),
  draws(config): number {
    const walk = walkOf(config);
    return travelMoves(walk.steps, walk).length;
  },
  async drawOf(file, name): Promise<StoredTensor> {
    if (!isTurned(file) || name === "noise.xT") return await file.readChannelsLast(name);
    const imageShape = imageShapeOf(file, ["gt", name]);
    const basis = await publishedBasis(file, file.metadata.text("operator"), imageShape);
    return imagesOf(basis, await file.read(name), imageShape);
  },
  operatorOf: (file, operator) => isTurned(file) ? turnedOperator(file, operator) : Promise.resolve(operator),
  restore({ runtime, file, config, problem, noise }): Promise<AsyncGenerator<Progress, DeviceTensor>> {
    const options = { ...walkOf(config), noise };
    if (/simplified/.test(file.metadata.text("method"))) {
      const run = SAMPLERS.ddnm_plus.restore(runtime, problem, { ...options, form: "published_simplified" });
      return Promise.resolve(run);
    }
    if (problem.sigmaY === 0) {
      return Promise.resolve(SAMPLERS.ddnm.restore(runtime, problem, { ...options, update: "eta_mix" }));
    }
    const form = isTurned(file) ? "published_spectral" : "spectral";
    return Promise.resolve(SAMPLERS.ddnm_plus.restore(runtime, problem, { ...options, form }));
  },
  final: (value) => value,
});

/**
 * Whether noise and eps are taken for coefficients: with a noisy measurement, for all operators but those whose basis
 * is that of the pixels.
 */
function isTurned({ metadata }: ReferenceFile): boolean {
  const noisy = metadata.settings("config").number("sigma_y_used") > 0;
  const isPixelwise = /inpaint|mask|denois/i.test(metadata.text("operator"));
  return noisy && !isPixelwise && !/simplified/.test(metadata.text("method"));
}

/** The operator with the basis of the file, on which the program's eps depends. */
async function turnedOperator(file: ReferenceFile, operator: LinearOperator): Promise<LinearOperator> {
  if (operator.name !== "colorize") {
    throw new NotSupportedError(`the basis of "${operator.name}" cannot be taken from the file`);
  }
  const { data, shape } = await file.read("svd.V");
  const size = shape[0]!;
  const v = hostTensor(data, shape);
  const vt = hostTensor(Float32Array.from(data, (_, i) => data[(i % size) * size + Math.floor(i / size)]!), shape);
  const scale = (await file.read("svd.s")).data[0]!;
  const sign = (await file.read("svd.U")).data[0]!;
  const by = (matrix: HostTensor) => (x: Tensor): Tensor => linear(x, constant(matrix));
  const first = Array.from({ length: size }, (_, k) => k === 0 ? sign : 0);
  const values = new Float32Array(operator.imageShape.reduce((a, b) => a * b, 1));
  for (let i = 0; i < values.length; i += size) values[i] = scale;
  const form = {
    singularValues: hostTensor(values, operator.imageShape),
    toSpectrum: by(v),
    fromSpectrum: by(vt),
    toMeasurement: by(hostTensor(Float32Array.from(first), [size, 1])),
    fromMeasurement: by(hostTensor(Float32Array.from(first), [1, size])),
  };
  return { ...operator, spectral: () => form };
}
