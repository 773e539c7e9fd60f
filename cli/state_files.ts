/** Noise read from a file, and the states of a run written to one: safetensors with [N, C, H, W] tensors. */
import type { DeviceTensor, Runtime, Shape } from "../engine/mod.ts";
import { atomicWriter, FileError, FileSource } from "../io/mod.ts";
import { openSafetensors, type TensorToWrite, writeSafetensors } from "../models/mod.ts";

/**
 * Reads the noise of a run: tensors `noise.inv.0`, `noise.inv.1`, ..., `noise.gen.0`, ...
 * @returns device tensors [N, H, W, C] by draw name, `inv.0` and so on
 * @throws {FileError | CheckpointError} if the file cannot be read or holds no noise
 */
export async function readNoise(runtime: Runtime, path: string): Promise<ReadonlyMap<string, DeviceTensor>> {
  using source = await FileSource.open(path);
  const file = await openSafetensors(source);
  const noise = new Map<string, DeviceTensor>();
  for (const [name, { shape }] of file.tensors) {
    if (!name.startsWith("noise.") || shape.length !== 4) continue;
    const [n = 0, c = 0, h = 0, w = 0] = shape;
    const data = channelsLast(await file.readFloat32(name), shape);
    noise.set(name.slice("noise.".length), runtime.upload(data, [n, h, w, c]));
  }
  if (noise.size > 0) return noise;
  throw new FileError(
    `Cannot take noise from "${path}": it holds no tensor "noise.<step>" [N, C, H, W], such as "noise.inv.0"; ` +
      "record one with the same steps and size",
  );
}

/** Collects the states of a run on the host. */
export class Trace {
  readonly #tensors: TensorToWrite[] = [];

  /** Reads a state [N, H, W, C] back and adds it. */
  async add(name: string, state: DeviceTensor): Promise<void> {
    const [n = 0, h = 0, w = 0, c = 0] = state.shape;
    const shape = [n, c, h, w];
    this.#tensors.push({ name, dtype: "F32", shape, data: channelsFirst(await state.read(), shape) });
  }

  /**
   * Writes all states.
   * @throws {FileError} if the file cannot be written; nothing is left behind then
   */
  async write(path: string, metadata: ReadonlyMap<string, string>): Promise<void> {
    const writer = await atomicWriter(path);
    await writeSafetensors({ tensors: this.#tensors, metadata }, (bytes) => writer.write(bytes));
    await writer.commit();
  }
}

/** [N, C, H, W] -> [N, H, W, C]. */
function channelsLast(data: Float32Array, [n = 0, c = 0, h = 0, w = 0]: Shape): Float32Array {
  const out = new Float32Array(data.length);
  forEachElement([n, c, h, w], (first, last) => out[last] = data[first] as number);
  return out;
}

/** [N, H, W, C] -> [N, C, H, W]; `shape` is the result's. */
function channelsFirst(data: Float32Array, shape: Shape): Float32Array {
  const out = new Float32Array(data.length);
  forEachElement(shape, (first, last) => out[first] = data[last] as number);
  return out;
}

/** Visits every element with its position in channels-first and in channels-last order. */
function forEachElement([n = 0, c = 0, h = 0, w = 0]: Shape, visit: (first: number, last: number) => void): void {
  let first = 0;
  for (let item = 0; item < n; item++) {
    for (let channel = 0; channel < c; channel++) {
      for (let pixel = 0; pixel < h * w; pixel++) visit(first++, (item * h * w + pixel) * c + channel);
    }
  }
}
