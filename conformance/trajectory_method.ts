/** What a method of a recorded trajectory is, and what the methods share. */
import { type DeviceTensor, elementCount, type Runtime, type Shape } from "../engine/mod.ts";
import { type Network, type NoiseModel, noiseModel, noiseSchedule, type Precision } from "../models/mod.ts";
import type { ReferenceFile, Settings, StoredTensor } from "./reference_file.ts";
import type { Values } from "./row.ts";

/** What of a run is asked for. */
export interface StateRequest {
  /** Names of the states. */
  readonly wanted: ReadonlySet<string>;
  /** How the weights of the network are kept. */
  readonly precision: Precision;
}

/** What a published program of one method leaves in the file. */
export interface TrajectoryMethod {
  /** What the file calls the method. */
  readonly pattern: RegExp;
  /** Names of more tensors that are inputs. */
  readonly inputs: RegExp;
  /** Names of the tensors of which a complete file holds one at least. */
  readonly result: RegExp;
  /** Lists in the metadata, each with the engine's. */
  lists(config: Settings): Readonly<Record<string, readonly number[]>>;
  /** Runs the method and gives the states that the file holds. */
  run(runtime: Runtime, file: ReferenceFile, request: StateRequest): Promise<ReadonlyMap<string, Values>>;
}

/**
 * The noise model of a recorded trajectory.
 * @param network with its weights
 * @param imageShape [H, W, C]
 */
export function modelOf(network: Network, imageShape: Shape): NoiseModel {
  const [height, width] = imageShape as [number, number, number];
  return noiseModel(network, noiseSchedule("linear"), { height, width });
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

/** A tensor of zeros. */
export function zeros(shape: Shape): StoredTensor {
  return { data: new Float32Array(elementCount(shape)), shape };
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
