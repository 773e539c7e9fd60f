/** Trajectories of Shortcut Sampling, and of its inversion alone. */
import type { DeviceTensor, Runtime, Shape, Tensors } from "../engine/mod.ts";
import { noiseSchedule } from "../models/mod.ts";
import { createOperator, type LinearOperator } from "../operators/mod.ts";
import {
  givenNoise,
  inversionCoefficients,
  invert,
  type NoiseSource,
  type Problem,
  type Progress,
  projectedSteps,
  respace,
  restorationStep,
  SAMPLERS,
  SSD_PLUS_STOP,
  type SsdPlusOptions,
  ssdTimesteps,
} from "../samplers/mod.ts";
import { loadNetwork } from "./network.ts";
import { publishedOperator } from "./published_operator.ts";
import type { ReferenceFile, Settings } from "./reference_file.ts";
import type { Values } from "./row.ts";
import {
  imageShapeOf,
  modelOf,
  type StateRequest,
  type TrajectoryMethod,
  Uploads,
  valuesOf,
  zeros,
} from "./trajectory_method.ts";

/** SSD, and SSD+ where the file has it. */
export const SHORTCUT_METHOD: TrajectoryMethod = {
  pattern: /^SSD\b/,
  inputs: /^$/,
  result: /(^|\.)final$/,
  lists: shortcutLists,
  run: runShortcut,
};

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

function shortcutLists(config: Settings): Readonly<Record<string, readonly number[]>> {
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

function inversionLists(config: Settings): Readonly<Record<string, readonly number[]>> {
  const forward = ssdTimesteps(config.number("insert_step"), config.number("forward_timestep"));
  return { forward_map: forward, timesteps_seen_by_network: forward.slice(0, -1) };
}

/** SSD, and SSD+ where the file has it; the states of the inversion are those of both. */
async function runShortcut(
  runtime: Runtime,
  file: ReferenceFile,
  { wanted, precision }: StateRequest,
): Promise<ReadonlyMap<string, Values>> {
  const { metadata } = file;
  const options = shortcutOptions(metadata.settings("config"));
  const name = metadata.text("operator");
  const imageShape = imageShapeOf(file, ["x_init", "gt", "x_t.inv.0", "ssd.final", "ssd_plus.final"]);
  const measured = await file.read(file.has("lq") ? "lq" : "y");
  const published = await publishedOperator(file, {
    name,
    imageShape,
    measurementShape: measured.shape,
    settings: metadata.settings("config"),
    prefixes: [`${name}.`, "svd.", ""],
  });
  using uploads = new Uploads(runtime);
  const y = uploads.add(published.load(measured));
  const noise = await recordedNoise(uploads, file, options, [y.shape[0]!, ...imageShape]);
  using loaded = await loadNetwork(runtime, file, precision);
  const model = modelOf(loaded.network, imageShape);
  const problem: Problem = { model, operator: published.operator, y, sigmaY: 0 };
  const states = new Map<string, Values>();
  await keepStart(runtime, published.operator, y, states);
  // Where the projection is to stop beyond t0 there is none, as where it stops at t0.
  const runOptions = { ...options, tStop: Math.min(options.tStop, options.t0), noise };
  for (const prefix of runsOf(metadata.text("method"), wanted)) {
    await keepStates(SAMPLERS[prefix].restore(runtime, problem, runOptions), prefix, wanted, states);
  }
  return states;
}

/** The runs whose states the file holds, by their prefix; a file of one run may leave the prefix out. */
function runsOf(method: string, wanted: ReadonlySet<string>): readonly ("ssd" | "ssd_plus")[] {
  const named = (["ssd", "ssd_plus"] as const)
    .filter((prefix) => [...wanted].some((quantity) => quantity.startsWith(`${prefix}.`)));
  if (named.length > 0) return named;
  return method.startsWith("SSD+") ? ["ssd_plus"] : ["ssd"];
}

/** x_init = A^+ y. */
async function keepStart(
  runtime: Runtime,
  operator: LinearOperator,
  y: DeviceTensor,
  states: Map<string, Values>,
): Promise<void> {
  const stage = runtime.stage("x_init", ({ y }: Tensors<"y">) => ({ image: operator.pseudoInverse(y) }));
  const { image } = await stage({ y }, {});
  states.set("x_init", await valuesOf(image));
}

/**
 * Reads the states that the file holds, under its names with or without the prefix: `x_t.inv.0`, `ssd.x_t.gen.0`,
 * `ssd.x0.gen.0`, and `ssd.final` = (x + 1) / 2 of the last state.
 */
async function keepStates(
  run: AsyncIterable<Progress>,
  prefix: string,
  wanted: ReadonlySet<string>,
  states: Map<string, Values>,
): Promise<void> {
  const keep = async (quantity: string, tensor: DeviceTensor, convert?: (value: number) => number): Promise<void> => {
    for (const name of [quantity, `${prefix}.${quantity}`]) {
      if (!wanted.has(name) || states.has(name)) continue;
      const { data, shape } = await valuesOf(tensor);
      states.set(name, { data: convert ? data.map(convert) : data, shape });
    }
  };
  for await (const { name, xt, x0, step, steps } of run) {
    await keep(`x_t.${name}`, xt);
    await keep(`x0.${name}`, x0);
    if (step === steps) await keep("final", xt, (value) => (value + 1) / 2);
  }
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
  const silent = uploads.add(zeros(image.shape));
  const noise = givenNoise(new Map(timesteps.map((_, i) => [`inv.${i}`, silent])));
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

/**
 * The noise of the file as draws `inv.0`, ..., `gen.0`, .... A draw may be missing where its weight is zero: in the
 * inversion without fresh noise, in generation without, and in the last step.
 */
async function recordedNoise(
  uploads: Uploads,
  file: ReferenceFile,
  { t0, generationSteps, inversionSteps, eta, useDdim, ddimEta }: SsdPlusOptions,
  shape: Shape,
): Promise<NoiseSource> {
  const tensors = new Map<string, DeviceTensor>();
  const silent = uploads.add(zeros(shape));
  if (eta === 0) ssdTimesteps(t0, inversionSteps).forEach((_, i) => tensors.set(`inv.${i}`, silent));
  const last = ssdTimesteps(t0, generationSteps).length - 1;
  for (let i = useDdim && ddimEta === 0 ? 0 : last; i <= last; i++) tensors.set(`gen.${i}`, silent);
  for (const name of file.names(/^noise\.(inv|gen)\.\d+$/)) {
    tensors.set(name.replace("noise.", ""), uploads.add(await file.readChannelsLast(name)));
  }
  return givenNoise(tensors);
}
