/** Files of kind `unet-diffusers`: a UNet2DModel, what its scheduler makes of its output, and steps of DDIM. */
import type { Runtime, Shape } from "../engine/mod.ts";
import { type NoiseModel, noiseModel, planDescription, type Precision, readScheduler } from "../models/mod.ts";
import { findings } from "./findings.ts";
import { loadNetwork, NETWORK_LIMITS } from "./network.ts";
import type { ReferenceFile } from "./reference_file.ts";
import type { Finding, Values } from "./row.ts";
import { verifyNetwork } from "./unet.ts";

/** Relative L2 errors that tables and single predictions, and states of a trajectory may have. */
const LIMITS = { single: 1e-5, trajectory: 1e-4 };

const ALPHA_BAR = "schedule.alphas_cumprod_f32";
const SPACED = /^schedule\.timesteps\.ddim\.(\w+)\.(\d+)$/;
const DERIVED = /^derived\.(x0|eps)$/;
const STATES = /^ddim\.x_t\.(\d+)$/;

/**
 * Compares the network as `verifyNetwork`; then the table of alphaBar, the listed timesteps, the image and the noise that
 * the scheduler's `prediction_type` makes of the output, and the states of deterministic DDIM.
 * @param runtime where the network runs
 * @param file of kind `unet-diffusers`, in the folder of its model
 * @param precision how the weights are kept
 */
export async function* verifyDiffusers(
  runtime: Runtime,
  file: ReferenceFile,
  precision: Precision,
): AsyncGenerator<Finding, void> {
  file.declareInputs(/^ddim\.timesteps$/);
  yield* verifyNetwork(runtime, file, precision);
  const of = (pattern: RegExp, limit: number): { readonly quantity: string; readonly limit: number }[] =>
    file.names(pattern).map((quantity) => ({ quantity, limit }));
  const alphaBar = alphaBarOf(file);
  yield* findings(file, of(/^schedule\.alphas_cumprod_f32$/, LIMITS.single), () => {
    return Promise.resolve(new Map([[ALPHA_BAR, list(alphaBar)]]));
  });
  yield* findings(file, of(SPACED, 0), () => {
    const lists = file.names(SPACED).map((name) => {
      const [, spacing, steps] = SPACED.exec(name)!;
      return [name, list(spacedTimesteps(spacing!, alphaBar.length, Number(steps)))] as const;
    });
    return Promise.resolve(new Map(lists));
  });
  const rounded = precision === "f16" ? NETWORK_LIMITS.f16 : undefined;
  const predictions = [...of(DERIVED, rounded ?? LIMITS.single), ...of(STATES, rounded ?? LIMITS.trajectory)];
  yield* findings(file, predictions, () => predict(runtime, file, precision));
}

function processOf(file: ReferenceFile): ReturnType<typeof planDescription>["process"] {
  const { process } = readScheduler(file.metadata.settings("scheduler").values);
  return planDescription({ architecture: "diffusers", ...file.metadata.settings("constructor").values, ...process })
    .process;
}

function alphaBarOf(file: ReferenceFile): Float64Array {
  return processOf(file).schedule!.alphaBar;
}

function list(data: ArrayLike<number>): Values {
  return { data, shape: [data.length] };
}

/**
 * The timesteps that the library lists for some steps, from the noisiest on: multiples of floor(T / N) (`leading`), what
 * lies T / N below the one before (`trailing`), or evenly spaced ones with both ends (`linspace`).
 */
function spacedTimesteps(spacing: string, count: number, steps: number): readonly number[] {
  const at: Readonly<Record<string, (k: number) => number>> = {
    leading: (k) => (steps - 1 - k) * Math.floor(count / steps),
    trailing: (k) => Math.round(count - k * count / steps) - 1,
    linspace: (k) => Math.round((count - 1) * (steps - 1 - k) / (steps - 1)),
  };
  return Array.from({ length: steps }, (_, k) => at[spacing]?.(k) ?? NaN);
}

/** The image and the noise of each item, and the states that DDIM goes through. */
async function predict(
  runtime: Runtime,
  file: ReferenceFile,
  precision: Precision,
): Promise<ReadonlyMap<string, Values>> {
  using loaded = await loadNetwork(runtime, file, precision);
  const x = await file.readChannelsLast("input.x");
  const [items = 1, height = 0, width = 0] = x.shape;
  const process = processOf(file);
  const { alphaBar } = process.schedule!;
  const model = noiseModel(loaded.network, process, { height, width }).withLevels!(alphaBar);
  const evaluate = predictor(runtime, model, [1, ...x.shape.slice(1)]);
  const size = x.data.length / items;
  const found = new Map<string, Values>();
  const derived: Prediction = { x0: new Float32Array(x.data.length), eps: new Float32Array(x.data.length) };
  for (const [item, t] of Array.from(await file.readNumbers("input.t")).entries()) {
    const { x0, eps } = await evaluate(x.data.slice(item * size, (item + 1) * size), t);
    derived.x0.set(x0, item * size);
    derived.eps.set(eps, item * size);
  }
  for (const name of ["x0", "eps"] as const) found.set(`derived.${name}`, { data: derived[name], shape: x.shape });
  if (!file.has("ddim.timesteps")) return found;
  const step = ddimStep(file, alphaBar, Array.from(await file.readNumbers("ddim.timesteps")).length);
  let state: Float32Array = x.data.slice(0, size);
  for (const [k, t] of Array.from(await file.readNumbers("ddim.timesteps")).entries()) {
    state = step(await evaluate(state, t), t);
    found.set(`ddim.x_t.${k}`, { data: state, shape: [1, ...x.shape.slice(1)] });
  }
  return found;
}

/** What a network says of one state. */
interface Prediction {
  readonly x0: Float32Array;
  readonly eps: Float32Array;
}

/** What evaluates a network at states of a shape. */
function predictor(
  runtime: Runtime,
  model: NoiseModel,
  shape: Shape,
): (data: Float32Array, t: number) => Promise<Prediction> {
  const stage = runtime.stage<"x", "t", string>("predict", ({ x }, { t }) => {
    const found = model.predict?.(x, t);
    return found ? { ...found } : { eps: model.predictEps(x, t) };
  });
  return async (data, t) => {
    const x = runtime.upload(data, shape);
    const { eps: noise, x0: image } = await stage({ x }, { t });
    const [eps, a] = [await noise!.read(), model.alphaBar[t]!];
    const x0 = await image?.read() ?? eps.map((value, i) => (data[i]! - Math.sqrt(1 - a) * value) / Math.sqrt(a));
    x.free();
    return { x0, eps };
  };
}

/**
 * A step of DDIM without noise from t to t - floor(T / N): sqrt(a') x0 + sqrt(1 - a') eps, where the image is clipped if
 * the scheduler says so, and the noise stays as it was predicted.
 */
function ddimStep(
  file: ReferenceFile,
  alphaBar: Float64Array,
  steps: number,
): (prediction: Prediction, t: number) => Float32Array {
  const scheduler = file.metadata.settings("scheduler");
  const range = scheduler.flag("clip_sample", true) ? scheduler.number("clip_sample_range", 1) : Infinity;
  const last = scheduler.flag("set_alpha_to_one", true) ? 1 : alphaBar[0]!;
  return ({ x0, eps }, t) => {
    const next = alphaBar[t - Math.floor(alphaBar.length / steps)] ?? last;
    const [image, noise] = [Math.sqrt(next), Math.sqrt(1 - next)];
    return x0.map((value, i) => image * Math.min(Math.max(value, -range), range) + noise * eps[i]!);
  };
}
