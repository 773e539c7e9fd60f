/** Trajectories of the guided-diffusion program: DDIM backwards, DDIM, and ancestral sampling with learned variance. */
import type { DeviceTensor, Runtime } from "../../engine/mod.ts";
import { DEFAULT_PROCESS } from "../../models/mod.ts";
import { ddimReverse, type NoiseSource, PLAIN_SAMPLERS, type Progress, spaceTimesteps } from "../../samplers/mod.ts";
import { loadNetwork } from "../network.ts";
import type { ReferenceFile, Settings } from "../reference_file.ts";
import type { Values } from "../row.ts";
import {
  type Lists,
  modelOf,
  recordedNoise,
  type StateRequest,
  storedDraw,
  type TrajectoryMethod,
  Uploads,
  valuesOf,
} from "./method.ts";

/** The three runs of such a file, by the prefix of their states; each state is what leaves a step. */
export const PLAIN_METHOD: TrajectoryMethod = {
  pattern: /^guided-diffusion ddim_reverse_sample\b/,
  inputs: /^x0$/,
  result: /^(reverse|ddim|ddpm)\.x_t\.\d+$/,
  lists(config): Lists {
    const kept = timestepsOf(config);
    const down = kept.toReversed();
    return { timesteps_seen_by_network: [...kept.slice(0, -1), ...down, ...down] };
  },
  run,
};

function timestepsOf(config: Settings): readonly number[] {
  const rule = config.values["timestep_respacing"];
  return spaceTimesteps(DEFAULT_PROCESS.diffusion_steps, String(rule));
}

/** DDIM begins with the state that DDIM backwards has reached, ancestral sampling with `noise.ddpm.xT`. */
async function run(
  runtime: Runtime,
  file: ReferenceFile,
  { wanted, precision }: StateRequest,
): Promise<ReadonlyMap<string, Values>> {
  const config = file.metadata.settings("config");
  const options = { steps: timestepsOf(config).length, clipDenoised: config.flag("clip_denoised", true) };
  using uploads = new Uploads(runtime);
  const image = uploads.add(await file.readChannelsLast("x0"));
  using loaded = await loadNetwork(runtime, file, precision);
  const model = modelOf(loaded.network, image.shape.slice(1));
  const states = new Map<string, Values>();
  // The noise of the last step has no weight and may be missing.
  const noiseOf = (prefix: string): Promise<NoiseSource> =>
    recordedNoise(
      uploads,
      image.shape,
      Array.from(
        { length: options.steps },
        (_, k) => storedDraw(file, `noise.${prefix}.${k}`, `gen.${k}`, k === options.steps - 1),
      ),
    );
  const has = (prefix: string): boolean => [...wanted].some((quantity) => quantity.startsWith(`${prefix}.`));
  if (has("reverse") || has("ddim")) {
    const start = await keepStates(ddimReverse(runtime, { model, image }, options), "reverse", states);
    const noise = await noiseOf("ddim");
    const eta = config.number("ddim_eta", 0);
    const down = PLAIN_SAMPLERS.ddim.sample(runtime, { model, start }, { ...options, eta, noise });
    (await keepStates(down, "ddim", states)).free();
    start.free();
  }
  if (has("ddpm")) {
    const start = uploads.add(await file.readChannelsLast("noise.ddpm.xT"));
    const noise = await noiseOf("ddpm");
    const down = PLAIN_SAMPLERS.ddpm.sample(runtime, { model, start }, { ...options, noise });
    (await keepStates(down, "ddpm", states)).free();
  }
  return states;
}

/** Reads every state of a run, as `<prefix>.x_t.<step>`. */
async function keepStates(
  run: AsyncGenerator<Progress, DeviceTensor>,
  prefix: string,
  states: Map<string, Values>,
): Promise<DeviceTensor> {
  for (;;) {
    const { done, value } = await run.next();
    if (done) return value;
    states.set(`${prefix}.x_t.${value.step - 1}`, await valuesOf(value.xt));
  }
}
