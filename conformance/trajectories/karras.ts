/** Trajectories of `karras_sample` of the consistency models program: its samplers over noise levels. */
import type { DeviceTensor, Runtime } from "../../engine/mod.ts";
import { noiseLevelProcess, type NoiseModel } from "../../models/mod.ts";
import { karrasGrid, type NoiseSource, PLAIN_SAMPLERS, type Progress, START_DRAW } from "../../samplers/mod.ts";
import { loadNetwork } from "../network.ts";
import type { ReferenceFile, Settings } from "../reference_file.ts";
import { NotSupportedError, type Values } from "../row.ts";
import {
  callStates,
  denoised,
  inRange,
  levelLimit,
  levelsOf,
  listValues,
  modelOfRun,
  RUN_NOISE,
  runsOf,
  scaledStart,
  watched,
  withoutScale,
} from "./denoiser_runs.ts";
import { recordedNoise, type StateRequest, storedDraw, type TrajectoryMethod, Uploads } from "./method.ts";

/** The runs of such a file, each with the prefix of its name. */
export const KARRAS_METHOD: TrajectoryMethod = {
  pattern: /^karras_sample\b/,
  inputs: RUN_NOISE,
  result: /^\w+\.(x_in\.\d+|final)$/,
  limit: levelLimit,
  lists: () => ({}),
  run,
};

/** A run: the sampler, and the noise levels that the file lists. */
interface KarrasRun {
  readonly sigmas: readonly number[];
  start(runtime: Runtime, model: NoiseModel, noise: NoiseSource): AsyncGenerator<Progress, DeviceTensor>;
}

function karrasRun(config: Settings): KarrasRun {
  const steps = config.number("steps");
  const range = {
    sigmaMin: config.number("sigma_min", 0.002),
    sigmaMax: config.number("sigma_max", 80),
    rho: config.number("rho", 7),
  };
  const options = { ...range, steps, clipDenoised: config.flag("clip_denoised", true) };
  const toImage = [...karrasGrid(steps, range), 0];
  const sampler = config.text("sampler");
  switch (sampler) {
    case "heun":
    case "dpm": {
      const churn = {
        sChurn: config.number("s_churn", 0),
        sTmin: config.number("s_tmin", 0),
        ...(config.has("s_tmax") ? { sTmax: config.number("s_tmax") } : {}),
        sNoise: config.number("s_noise", 1),
      };
      return {
        sigmas: toImage,
        start: (runtime, model, noise) =>
          PLAIN_SAMPLERS[sampler].sample(runtime, { model }, { ...options, ...churn, noise }),
      };
    }
    case "euler":
    case "progdist": {
      const keepsLeast = sampler === "progdist";
      return {
        sigmas: keepsLeast ? [...karrasGrid(steps + 1, range), 0] : toImage,
        start: (runtime, model, noise) =>
          PLAIN_SAMPLERS.euler.sample(runtime, { model }, { ...options, keepsLeast, noise }),
      };
    }
    case "ancestral":
      return {
        sigmas: toImage,
        start: (runtime, model, noise) =>
          PLAIN_SAMPLERS.euler_ancestral.sample(runtime, { model }, { ...options, noise }),
      };
    case "onestep":
      return {
        sigmas: toImage,
        start: (runtime, model, noise) =>
          PLAIN_SAMPLERS.consistency.sample(runtime, { model }, { ...options, steps: 1, noise }),
      };
    case "multistep": {
      const ts = config.numbers("ts");
      return {
        sigmas: ts.slice(0, -1).map((place) => toImage[place]!),
        start: (runtime, model, noise) =>
          PLAIN_SAMPLERS.consistency.sample(runtime, { model }, {
            ...range,
            ts: ts.join(),
            grid: steps,
            clipDenoised: options.clipDenoised,
            noise,
          }),
      };
    }
    default:
      throw new NotSupportedError(`there is no sampler "${sampler}" over noise levels`);
  }
}

async function run(
  runtime: Runtime,
  file: ReferenceFile,
  { wanted, precision }: StateRequest,
): Promise<ReadonlyMap<string, Values>> {
  using loaded = await loadNetwork(runtime, file, precision);
  const states = new Map<string, Values>();
  for (const [name, config] of runsOf(file)) {
    using uploads = new Uploads(runtime);
    const startNoise = await file.readChannelsLast(`${name}.noise.xT`);
    const { sigmas, start } = karrasRun(config);
    const type = config.flag("distillation", false) ? "consistency" : "edm";
    const sizes = { sigmaMin: config.number("sigma_min", 0.002), sigmaMax: config.number("sigma_max", 80) };
    const process = noiseLevelProcess(type, sizes);
    const { model, calls } = watched(modelOfRun(loaded.network, process, startNoise.shape.slice(1), config));
    const draws = [
      storedDraw(file, `${name}.noise.xT`, START_DRAW, false),
      // Noise of no weight is not stored.
      ...Array.from(sigmas, (_, k) => {
        const isOptional = k >= config.number("calls", sigmas.length) - 1;
        return storedDraw(file, `${name}.noise.${k}`, `gen.${k}`, isOptional);
      }),
    ];
    const noise = await recordedNoise(uploads, startNoise.shape, draws);
    const first = scaledStart(startNoise, sigmas[0]!);
    const made = await callStates(first, start(runtime, model, noise));
    states.set(`${name}.sigmas`, listValues(sigmas));
    states.set(`${name}.sigma_seen`, listValues(calls()));
    const over = model.withLevels!(levelsOf(calls()));
    for (const [call, state] of made.calls.entries()) {
      states.set(`${name}.x_in.${call}`, withoutScale(state, calls()[call]!));
      const quantity = `${name}.D.${call}`;
      if (wanted.has(quantity)) states.set(quantity, await denoised(runtime, over, { state, call }));
    }
    states.set(`${name}.final`, inRange(made.steps.at(-1)!));
  }
  return states;
}
