/** Trajectories of Shortcut Sampling, and of its inversion alone. */
import type { Runtime, Tensors } from "../../engine/mod.ts";
import { noiseSchedule } from "../../models/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import {
  inversionCoefficients,
  invert,
  projectedSteps,
  respace,
  restorationStep,
  SAMPLERS,
  SSD_PLUS_STOP,
  type SsdPlusOptions,
  ssdTimesteps,
} from "../../samplers/mod.ts";
import { loadNetwork } from "../network.ts";
import type { ReferenceFile, Settings } from "../reference_file.ts";
import type { Values } from "../row.ts";
import {
  type Lists,
  modelOf,
  type RecordedDraw,
  recordedNoise,
  type StateRequest,
  storedDraw,
  type TrajectoryMethod,
  Uploads,
  valuesOf,
} from "./method.ts";
import { posteriorTrajectory, type RecordedRun, type Steps } from "./posterior.ts";

/** SSD, and SSD+ where the file has it; the states of the inversion are those of both. */
export const SHORTCUT_METHOD: TrajectoryMethod = posteriorTrajectory({
  pattern: /^SSD\b/,
  timesteps: (config) => ssdTimesteps(config.number("insert_step"), config.number("backward_timestep")),
  lists: shortcutLists,
  sigmaY: () => 0,
  draws: shortcutDraws,
  async restore(run): Promise<ReadonlyMap<string, Steps>> {
    const { runtime, file, config, problem, noise, wanted } = run;
    await keepStart(run);
    const options = shortcutOptions(config);
    // Where the projection is to stop beyond t0 there is none, as where it stops at t0.
    const runOptions = { ...options, tStop: Math.min(options.tStop, options.t0), noise };
    const names = runsOf(file.metadata.text("method"), wanted);
    return new Map(names.map((name) => [name, SAMPLERS[name].restore(runtime, problem, runOptions)]));
  },
});

/** The inversion alone, without fresh noise. */
export const INVERSION_METHOD: TrajectoryMethod = {
  pattern: /^DDIM inversion\b/,
  inputs: /^x0$/,
  result: /^(x_t\.\d+|final)$/,
  lists: inversionLists,
  run: runInversion,
};

/** The options of Shortcut Sampling by their names in the published program. */
function shortcutOptions(config: Settings): SsdPlusOptions {
  return {
    t0: config.number("insert_step"),
    inversionSteps: config.number("forward_timestep"),
    generationSteps: config.number("backward_timestep"),
    inversion: "da",
    eta: config.number("noise_eta"),
    useDdim: config.flag("use_ddim", true),
    ddimEta: config.number("ddim_eta"),
    injectedSteps: 0,
    clipDenoised: config.flag("clip_denoised", true),
    tStop: config.number("stop_consistency_timestep", SSD_PLUS_STOP),
  };
}

function shortcutLists(config: Settings): Lists {
  const options = shortcutOptions(config);
  const forward = ssdTimesteps(options.t0, options.inversionSteps);
  const backward = ssdTimesteps(options.t0, options.generationSteps);
  const levels = respace(noiseSchedule("linear").alphaBar, forward);
  const steps = levels.slice(1).map((next) => inversionCoefficients(next, "da", options.eta));
  return {
    forward_map: forward,
    backward_map: backward,
    inversion_c1: steps.map(({ xtFromEps }) => xtFromEps),
    inversion_c2: steps.map(({ xtFromNoise }) => xtFromNoise),
    timesteps_seen_by_network: [...forward.slice(0, -1), ...backward.toReversed()],
    stop_consistency_idx: [projectedSteps(options)],
  };
}

function inversionLists(config: Settings): Lists {
  const forward = ssdTimesteps(config.number("insert_step"), config.number("forward_timestep"));
  return { forward_map: forward, timesteps_seen_by_network: forward.slice(0, -1) };
}

/** The runs whose states the file holds, by their prefix; a file of one run may leave the prefix out. */
function runsOf(method: string, wanted: ReadonlySet<string>): readonly ("ssd" | "ssd_plus")[] {
  const named = (["ssd", "ssd_plus"] as const)
    .filter((prefix) => [...wanted].some((quantity) => quantity.startsWith(`${prefix}.`)));
  if (named.length > 0) return named;
  return method.startsWith("SSD+") ? ["ssd_plus"] : ["ssd"];
}

/** x_init = A^+ y. */
async function keepStart({ runtime, problem: { operator, y }, states }: RecordedRun): Promise<void> {
  const stage = runtime.stage("x_init", ({ y }: Tensors<"y">) => ({ image: operator.pseudoInverse(y) }));
  const { image } = await stage({ y }, {});
  states.set("x_init", await valuesOf(image));
}

/**
 * The draws `inv.0`, ..., `gen.0`, .... One may be missing where its weight is zero: in the inversion without fresh
 * noise, in generation without, and in the last step.
 */
function shortcutDraws(file: ReferenceFile, config: Settings): readonly RecordedDraw[] {
  const { t0, generationSteps, inversionSteps, eta, useDdim, ddimEta } = shortcutOptions(config);
  const draws = (phase: string, steps: number, isOptional: (k: number, count: number) => boolean): RecordedDraw[] =>
    ssdTimesteps(t0, steps).map((_, k, { length }) =>
      storedDraw(file, `noise.${phase}.${k}`, `${phase}.${k}`, isOptional(k, length))
    );
  return [
    ...draws("inv", inversionSteps, () => eta === 0),
    ...draws("gen", generationSteps, (k, count) => (useDdim && ddimEta === 0) || k === count - 1),
  ];
}

/** The inversion alone, without fresh noise, from the image `x0`; the states are `x_t.0`, `x_t.1`, ... and `final`. */
async function runInversion(
  runtime: Runtime,
  file: ReferenceFile,
  { wanted, precision }: StateRequest,
): Promise<ReadonlyMap<string, Values>> {
  const config = file.metadata.settings("config");
  const timesteps = ssdTimesteps(config.number("insert_step"), config.number("forward_timestep"));
  using uploads = new Uploads(runtime);
  const image = uploads.add(await file.readChannelsLast("x0"));
  using loaded = await loadNetwork(runtime, file, precision);
  const model = modelOf(loaded.network, image.shape.slice(1));
  const operator = createOperator("identity", model.imageShape);
  const draws = timesteps.map((_, i) => storedDraw(file, "", `inv.${i}`, true));
  const noise = await recordedNoise(uploads, image.shape, draws);
  const clipDenoised = config.flag("clip_denoised", true);
  const step = restorationStep(runtime, { model, operator, y: image, sigmaY: 0 }, { clipDenoised, noise });
  const levels = respace(model.alphaBar, timesteps);
  const states = new Map<string, Values>();
  for await (const { name, xt, x0 } of invert(step, image, { levels, inversion: "ddim", eta: 0 })) {
    const index = name.replace("inv.", "");
    for (const [kind, tensor] of [["x_t", xt], ["x0", x0]] as const) {
      for (const quantity of [`${kind}.${index}`, `${kind}.${name}`]) {
        if (wanted.has(quantity)) states.set(quantity, await valuesOf(tensor));
      }
    }
    if (wanted.has("final") && Number(index) === levels.length - 2) states.set("final", await valuesOf(xt));
  }
  return states;
}
