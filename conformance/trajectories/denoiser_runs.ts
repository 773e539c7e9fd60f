/**
 * What recorded runs over noise levels share: states x_hat = x0 + sigma eps without scale, the levels of the calls of a
 * network, and what it says at each of them.
 */
import type { Runtime, Scalars, Shape, Tensors } from "../../engine/mod.ts";
import {
  alphaBarOf,
  type DiffusionProcess,
  type Network,
  type NoiseModel,
  noiseModel,
  sigmaOf,
} from "../../models/mod.ts";
import { predictionCoefficients, predictX0, type Progress } from "../../samplers/mod.ts";
import type { ReferenceFile, Settings, StoredTensor } from "../reference_file.ts";
import type { Values } from "../row.ts";
import { Uploads, valuesOf } from "./method.ts";

/** Names of the noise of runs, which have a prefix each. */
export const RUN_NOISE = /(^|\.)noise\.\w+(\.\w+)*$/;

/** Relative error of noise levels that were computed in f32. */
export const LEVEL_LIMIT = 1e-5;

/** How far lists of noise levels, times and timesteps may be from those of the file. */
export function levelLimit(quantity: string): number | undefined {
  return /\.(sigmas?|sigma_seen|abar|t|timesteps)$/.test(quantity) ? LEVEL_LIMIT : undefined;
}

/** The runs of a file, by the prefix of their tensors. */
export function runsOf(file: ReferenceFile): ReadonlyMap<string, Settings> {
  const config = file.metadata.settings("config");
  return new Map(Object.keys(config.values).map((run) => [run, config.settings(run)]));
}

/** A network with its process as a noise model of one size, of the class that a run names as `y`. */
export function modelOfRun(
  network: Network,
  process: DiffusionProcess,
  [height, width]: Shape,
  config: Settings,
): NoiseModel {
  const label = config.has("y") ? { label: config.number("y") } : {};
  return noiseModel(network, process, { height: height!, width: width!, ...label });
}

/** A model that tells over which noise levels a sampler has put it. */
export interface WatchedModel {
  readonly model: NoiseModel;
  /** sigma of every call, in their order. */
  calls(): readonly number[];
}

/** Watches a model whose sampler makes its list of levels itself. */
export function watched(model: NoiseModel): WatchedModel {
  let seen: Float64Array = new Float64Array();
  const withLevels = (levels: Float64Array): NoiseModel => model.withLevels!(seen = levels);
  return { model: { ...model, withLevels }, calls: () => Array.from(seen, sigmaOf) };
}

/** A list of numbers as values. */
export function listValues(data: readonly number[]): Values {
  return { data, shape: [data.length] };
}

/** A state x_vp of a noise level as x_hat = x_vp/sqrt(alphaBar). */
export function withoutScale({ data, shape }: StoredTensor, sigma: number): StoredTensor {
  const scale = 1 / Math.sqrt(alphaBarOf(sigma));
  return { data: data.map((value) => scale * value), shape };
}

/** The states of the calls of a network, x_vp, one after the other, and the last one. */
export interface CallStates {
  readonly calls: readonly StoredTensor[];
  readonly steps: readonly StoredTensor[];
}

/**
 * Reads what each call of a run was given, and the state behind each step.
 * @param start the state that the run starts from
 */
export async function callStates(start: StoredTensor, run: AsyncIterable<Progress>): Promise<CallStates> {
  const [calls, steps]: [StoredTensor[], StoredTensor[]] = [[], []];
  let before = start;
  for await (const { xt, parts = {} } of run) {
    calls.push(parts["churned"] ? await valuesOf(parts["churned"]) : before);
    if (parts["middle"]) calls.push(await valuesOf(parts["middle"]));
    before = await valuesOf(xt);
    steps.push(before);
  }
  return { calls, steps };
}

/** A call of a network: the state x_vp that it is given, and its place in the list of levels. */
export interface DenoiserCall {
  readonly state: StoredTensor;
  readonly call: number;
}

/** What a model says of noise and image. */
export async function predictedNoise(
  runtime: Runtime,
  model: NoiseModel,
  { state, call }: DenoiserCall,
): Promise<Readonly<Record<"eps" | "x0", StoredTensor>>> {
  const stage = runtime.stage(
    "denoiser",
    ({ xt }: Tensors<"xt">, c: Scalars<"timestep" | "x0FromXt" | "x0FromEps">) => {
      if (model.predict) return { ...model.predict(xt, c.timestep) };
      const eps = model.predictEps(xt, c.timestep);
      return { eps, x0: predictX0(xt, eps, c) };
    },
  );
  using uploads = new Uploads(runtime);
  const scalars = { timestep: call, ...predictionCoefficients({ alphaBar: model.alphaBar[call]! }) };
  const { eps, x0 } = await stage({ xt: uploads.add(state) }, scalars);
  const values = { eps: await valuesOf(eps), x0: await valuesOf(x0) };
  stage.release();
  return values;
}

/** The image that a model says. */
export async function denoised(runtime: Runtime, model: NoiseModel, call: DenoiserCall): Promise<StoredTensor> {
  return (await predictedNoise(runtime, model, call)).x0;
}

/** Values brought into [-1, 1]. */
export function inRange({ data, shape }: StoredTensor): StoredTensor {
  return { data: data.map((value) => Math.min(1, Math.max(-1, value))), shape };
}

/** alphaBar of noise levels. */
export function levelsOf(sigmas: readonly number[]): Float64Array {
  return Float64Array.from(sigmas, alphaBarOf);
}

/** The state sigma z of noise z in x_vp. */
export function scaledStart({ data, shape }: StoredTensor, sigma: number): StoredTensor {
  const scale = Math.sqrt(1 - alphaBarOf(sigma));
  return { data: data.map((value) => scale * value), shape };
}
