/** Trajectories of diffusers' `FlowMatchEulerDiscreteScheduler`. */
import type { Runtime } from "../../engine/mod.ts";
import { alphaBarOf, noiseLevelProcess } from "../../models/mod.ts";
import { PLAIN_SAMPLERS, START_DRAW } from "../../samplers/mod.ts";
import { loadNetworkAt } from "../network.ts";
import type { ReferenceFile, StoredTensor } from "../reference_file.ts";
import type { Values } from "../row.ts";
import {
  callStates,
  levelLimit,
  levelsOf,
  listValues,
  modelOfRun,
  predictedNoise,
  RUN_NOISE,
  runsOf,
  watched,
} from "./denoiser_runs.ts";
import { recordedNoise, type StateRequest, storedDraw, type TrajectoryMethod, Uploads } from "./method.ts";

/** The runs of such a file, each with the prefix of its name. */
export const FLOW_METHOD: TrajectoryMethod = {
  pattern: /^FlowMatchEuler/,
  inputs: RUN_NOISE,
  result: /^\w+\.x_t\.\d+$/,
  limit: levelLimit,
  lists: () => ({}),
  run,
};

async function run(
  runtime: Runtime,
  file: ReferenceFile,
  { wanted, precision }: StateRequest,
): Promise<ReadonlyMap<string, Values>> {
  // A file may name several formats of the same weights.
  const path = file.metadata.text("weights_file").split(" or ")[0]!;
  using loaded = await loadNetworkAt(runtime, file, path, precision);
  const process = noiseLevelProcess("flow");
  const states = new Map<string, Values>();
  for (const [name, config] of runsOf(file)) {
    using uploads = new Uploads(runtime);
    const start = await file.readChannelsLast(`${name}.noise.xT`);
    const { model, calls } = watched(modelOfRun(loaded.network, process, start.shape.slice(1), config));
    const steps = config.number("steps");
    const noise = await recordedNoise(uploads, start.shape, [
      storedDraw(file, `${name}.noise.xT`, START_DRAW, false),
      // A step along the path draws nothing.
      ...Array.from({ length: steps }, (_, k) => storedDraw(file, "", `gen.${k}`, true)),
    ]);
    const options = { steps, shift: config.number("shift", 1), noise };
    const made = await callStates(start, PLAIN_SAMPLERS.flow_euler.sample(runtime, { model }, options));
    const times = [...calls().map(timeOf), 0];
    for (const [k, state] of made.steps.entries()) states.set(`${name}.x_t.${k}`, onPath(state, times[k + 1]!));
    states.set(`${name}.t`, listValues(times));
    const told = calls().map((sigma) => process.at(alphaBarOf(sigma)).noise);
    states.set(`${name}.timesteps`, listValues(told));
    const quantity = `${name}.u.0`;
    if (wanted.has(quantity)) {
      const over = model.withLevels!(levelsOf(calls()));
      const { eps, x0 } = await predictedNoise(runtime, over, { state: start, call: 0 });
      states.set(quantity, { data: eps.data.map((value, i) => value - x0.data[i]!), shape: eps.shape });
    }
  }
  return states;
}

/** t = sigma/(1 + sigma), 1 where nothing is left of the image. */
function timeOf(sigma: number): number {
  return sigma === Infinity ? 1 : sigma / (1 + sigma);
}

/** A state x_vp as (1 - t) x0 + t eps. */
function onPath({ data, shape }: StoredTensor, t: number): StoredTensor {
  const scale = Math.hypot(t, 1 - t);
  return { data: data.map((value) => scale * value), shape };
}
