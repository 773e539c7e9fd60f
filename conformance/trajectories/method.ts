/** What a method of a recorded trajectory is, and what the methods share. */
import { type DeviceTensor, elementCount, type Runtime, type Shape } from "../../engine/mod.ts";
import {
  type DiffusionProcess,
  type Network,
  type NoiseModel,
  noiseModel,
  noiseSchedule,
  type Precision,
} from "../../models/mod.ts";
import { givenNoise, type NoiseSource } from "../../samplers/mod.ts";
import type { ReferenceFile, Settings, StoredTensor } from "../reference_file.ts";
import type { Values } from "../row.ts";

/** What of a run is asked for. */
export interface StateRequest {
  /** Names of the states. */
  readonly wanted: ReadonlySet<string>;
  /** How the weights of the network are kept. */
  readonly precision: Precision;
}

/** Lists in the metadata, each with the engine's. */
export type Lists = Readonly<Record<string, readonly number[]>>;

/** What a published program of one method leaves in the file. */
export interface TrajectoryMethod {
  /** What the file calls the method. */
  readonly pattern: RegExp;
  /** Names of more tensors that are inputs. */
  readonly inputs: RegExp;
  /** Names of the tensors of which a complete file holds one at least. */
  readonly result: RegExp;
  /** How far the engine's may be from a quantity, where it is no state or prediction. */
  limit?(quantity: string): number | undefined;
  lists(config: Settings): Lists;
  /** Lists in the metadata that a run alone tells, as it tells states. */
  readonly listsOfRun?: readonly string[];
  /** Runs the method and gives the states that the file holds. */
  run(runtime: Runtime, file: ReferenceFile, request: StateRequest): Promise<ReadonlyMap<string, Values>>;
}

/**
 * The noise model of a recorded trajectory.
 * @param network with its weights
 * @param imageShape [H, W, C]
 * @param process what it was trained with; by default the published list of timesteps
 */
export function modelOf(network: Network, imageShape: Shape, process?: DiffusionProcess): NoiseModel {
  const [height, width] = imageShape as [number, number, number];
  return noiseModel(network, process ?? noiseSchedule("linear"), { height, width });
}

/** The tensors that a verification puts on the device, freed together. */
export class Uploads implements Disposable {
  readonly #tensors: DeviceTensor[] = [];

  /** @param runtime where they go */
  constructor(readonly runtime: Runtime) {}

  /** Puts a tensor on the device. */
  add({ data, shape }: StoredTensor): DeviceTensor {
    const tensor = this.runtime.upload(data, shape);
    this.#tensors.push(tensor);
    return tensor;
  }

  /** Frees all of them at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.#tensors.forEach((tensor) => tensor.free());
  }
}

/** A draw of a run, and where the file has it. */
export interface RecordedDraw {
  /** What the sampler calls it, such as `gen.0`. */
  readonly name: string;
  /** It is zero where the file does not have it, as a draw without weight; otherwise it must be there. */
  readonly isOptional: boolean;
  /** Reads it as [N, H, W, C]; undefined if the file does not have it. */
  read(): Promise<StoredTensor> | undefined;
}

/** A tensor of the file as a draw. */
export function storedDraw(file: ReferenceFile, stored: string, name: string, isOptional: boolean): RecordedDraw {
  return { name, isOptional, read: () => file.has(stored) ? file.readChannelsLast(stored) : undefined };
}

/** `noise.k` as draw `k`, each of which may be missing, and `noise.xT` or `noise.init` as the start. */
export function numberedDraws(file: ReferenceFile, count: number): readonly RecordedDraw[] {
  const draws = Array.from({ length: count }, (_, k) => storedDraw(file, `noise.${k}`, String(k), true));
  return [...draws, storedDraw(file, file.has("noise.xT") ? "noise.xT" : "noise.init", "xT", false)];
}

/** The draws of a file as a source of noise. */
export async function recordedNoise(
  uploads: Uploads,
  shape: Shape,
  draws: readonly RecordedDraw[],
): Promise<NoiseSource> {
  const tensors = new Map<string, DeviceTensor>();
  const silent = uploads.add({ data: new Float32Array(elementCount(shape)), shape });
  for (const { name, isOptional, read } of draws) {
    const draw = await read();
    if (draw || isOptional) tensors.set(name, draw ? uploads.add(draw) : silent);
  }
  return givenNoise(tensors);
}

/** Reads a tensor back. */
export async function valuesOf(tensor: DeviceTensor): Promise<StoredTensor> {
  return { data: await tensor.read(), shape: tensor.shape };
}

/** [H, W, C] of the first of these images that the file holds. */
export function imageShapeOf(file: ReferenceFile, names: readonly string[]): Shape {
  const shape = names.map((name) => file.shape(name)).find((shape) => shape?.length === 4);
  if (!shape) throw new TypeError(`Cannot tell the size of the images: the file has none of ${names.join(", ")}`);
  const [, channels, height, width] = shape as [number, number, number, number];
  return [height, width, channels];
}
