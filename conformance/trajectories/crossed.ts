/** Trajectories in which a sampler of one kind of network runs on another kind. */
import type { Runtime } from "../../engine/mod.ts";
import { type DiffusionProcess, listedProcess, noiseLevelProcess, noiseSchedule, sigmaOf } from "../../models/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import { etaMixCoefficients, PLAIN_SAMPLERS, respace, restorationStep, START_DRAW } from "../../samplers/mod.ts";
import { loadNetwork, loadNetworkAt } from "../network.ts";
import type { ReferenceFile } from "../reference_file.ts";
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
import { recordedNoise, type StateRequest, storedDraw, type TrajectoryMethod, Uploads, valuesOf } from "./method.ts";

/** A DDIM step with fresh noise on an EDM network, and Heun's method on a network that predicts noise. */
export const CROSSED_METHOD: TrajectoryMethod = {
  pattern: /^VP sampler on an EDM network\b/,
  inputs: new RegExp(`${RUN_NOISE.source}|^vp_on_edm\\.timesteps$`),
  result: /^\w+\.x_t\.\d+$/,
  limit: levelLimit,
  lists: () => ({}),
  async run(runtime, file, request): Promise<ReadonlyMap<string, Values>> {
    const states = new Map<string, Values>();
    for (const name of runsOf(file).keys()) {
      if (name === "vp_on_edm") await listedOnLevels(runtime, file, request, states);
      else if (name === "edm_on_vp") await levelsOnListed(runtime, file, request, states);
      else throw new NotSupportedError(`there is no rule for the run "${name}"`);
    }
    return states;
  },
};

/** The eta mix over given timesteps of the published list, on an EDM network. */
async function listedOnLevels(
  runtime: Runtime,
  file: ReferenceFile,
  { precision }: StateRequest,
  states: Map<string, Values>,
): Promise<void> {
  const name = "vp_on_edm";
  const config = runsOf(file).get(name)!;
  using loaded = await loadNetwork(runtime, file, precision);
  using uploads = new Uploads(runtime);
  const start = uploads.add(await file.readChannelsLast(`${name}.noise.xT`));
  const timesteps = Array.from(await file.readNumbers(`${name}.timesteps`));
  const process = noiseLevelProcess(config.text("form", "edm") === "consistency" ? "consistency" : "edm");
  const model = modelOfRun(loaded.network, process, start.shape.slice(1), config);
  const levels = respace(model.alphaBar, timesteps.toReversed()).toReversed();
  const draws = levels.map((_, k) => storedDraw(file, `${name}.noise.${k}`, String(k), k === levels.length - 1));
  const noise = await recordedNoise(uploads, start.shape, draws);
  const operator = createOperator("identity", model.imageShape);
  const clipDenoised = config.flag("clip_x0", false);
  const step = restorationStep(runtime, { model, operator, y: start, sigmaY: 0 }, { clipDenoised, noise });
  let xt = start;
  for (const [k, level] of levels.entries()) {
    const place = { ...level, ...etaMixCoefficients(level, config.number("eta_mix")), projected: false };
    xt = (await step(xt, place, { name: String(k), ordinal: k })).xt;
    states.set(`${name}.x_t.${k}`, await valuesOf(xt));
  }
  step.release();
  states.set(`${name}.abar`, listValues(levels.map(({ alphaBar }) => alphaBar)));
  states.set(`${name}.sigma`, listValues(levels.map(({ alphaBar }) => sigmaOf(alphaBar))));
}

/** Heun's method over the range of noise levels that the file lists, on a network that predicts noise. */
async function levelsOnListed(
  runtime: Runtime,
  file: ReferenceFile,
  { precision }: StateRequest,
  states: Map<string, Values>,
): Promise<void> {
  const name = "edm_on_vp";
  const config = runsOf(file).get(name)!;
  using loaded = await loadNetworkAt(runtime, file, file.metadata.text(`weights_file_${name}`), precision);
  using uploads = new Uploads(runtime);
  const startNoise = await file.readChannelsLast(`${name}.noise.xT`);
  const process: DiffusionProcess = listedProcess(noiseSchedule("linear"));
  const { model, calls } = watched(modelOfRun(loaded.network, process, startNoise.shape.slice(1), config));
  const listed = Array.from((await file.expected(`${name}.sigmas`)).data);
  const [sigmaMax, sigmaMin] = [listed[0]!, listed.at(-2)!];
  const noise = await recordedNoise(uploads, startNoise.shape, [
    storedDraw(file, `${name}.noise.xT`, START_DRAW, false),
  ]);
  const clip = config.flag("clip_denoised", true);
  const options = { steps: config.number("steps"), sigmaMin, sigmaMax, clipDenoised: clip, noise };
  const run = PLAIN_SAMPLERS.heun.sample(runtime, { model }, options);
  const made = await callStates(scaledStart(startNoise, sigmaMax), run);
  // Every other call is the first of a step.
  const sigmas = [...calls().filter((_, call) => call % 2 === 0), 0];
  for (const [k, state] of made.steps.entries()) states.set(`${name}.x_t.${k}`, withoutScale(state, sigmas[k + 1]!));
  states.set(`${name}.sigmas`, listValues(sigmas));
  states.set(
    `${name}.t`,
    listValues(Array.from(levelsOf(sigmas.slice(0, -1)), (alphaBar) => process.at(alphaBar).noise)),
  );
  const over = model.withLevels!(levelsOf(calls()));
  const first = await denoised(runtime, over, { state: made.calls[0]!, call: 0 });
  states.set(`${name}.denoised.0`, clip ? inRange(first) : first);
}
