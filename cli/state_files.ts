/** Noise read from a file, and the states of a run written to one: safetensors with [N, C, H, W] tensors. */
import { type DeviceTensor, type HostTensor, hostTensor, type Runtime, type Shape } from "../engine/mod.ts";
import { atomicWriter, FileError, FileSource } from "../io/mod.ts";
import { openSafetensors, type TensorToWrite, writeSafetensors } from "../models/mod.ts";
import { givenNoise, type NoiseSource, type Progress } from "../samplers/mod.ts";

/** Noise of a run on the host: [N, H, W, C] by draw name, `inv.0` and so on. */
export type RecordedNoise = ReadonlyMap<string, HostTensor>;

/** Prefix of the tensors that hold noise. */
const NOISE = "noise.";

/**
 * Reads the noise of a run: tensors `noise.inv.0`, `noise.inv.1`, ..., `noise.gen.0`, ..., one for each draw.
 * @param draws how many draws the run takes
 * @throws {FileError | CheckpointError} if the file cannot be read or holds noise of another number of draws
 */
export async function readNoise(path: string, draws: number): Promise<RecordedNoise> {
  using source = await FileSource.open(path);
  const file = await openSafetensors(source);
  const noise = new Map<string, HostTensor>();
  for (const [name, { shape }] of file.tensors) {
    if (!name.startsWith(NOISE) || shape.length !== 4) continue;
    const [n = 0, c = 0, h = 0, w = 0] = shape;
    noise.set(name.slice(NOISE.length), hostTensor(channelsLast(await file.readFloat32(name), shape), [n, h, w, c]));
  }
  if (noise.size === draws) return noise;
  throw new FileError(
    noise.size === 0
      ? `Cannot take noise from "${path}": it holds no tensor "${NOISE}<step>" [N, C, H, W], such as "${NOISE}inv.0"; ` +
        "name a file written with --trace"
      : `Cannot take noise from "${path}": it holds ${noise.size} draws, this run takes ${draws}; choose the --method and ` +
        "--steps, or --inversion-steps and --generation-steps, of the run that was recorded",
  );
}

/**
 * Makes read noise the source of a run.
 * @param path where it was read, for the message
 * @param shape [N, H, W, C] of the states
 * @throws {FileError} if it was recorded at another size
 */
export function uploadNoise(runtime: Runtime, noise: RecordedNoise, path: string, shape: Shape): NoiseSource {
  const sizeOf = ([n = 0, h = 0, w = 0, c = 0]: Shape): string => `${n} x ${c} x ${h} x ${w}`;
  for (const [name, tensor] of noise) {
    if (sizeOf(tensor.shape) === sizeOf(shape)) continue;
    throw new FileError(
      `Cannot take noise from "${path}": "${NOISE}${name}" has ${sizeOf(tensor.shape)} elements, this run needs ` +
        `${sizeOf(shape)}; record it with the same picture, task and --size`,
    );
  }
  return givenNoise(new Map(Array.from(noise, ([name, { data, shape }]) => [name, runtime.upload(data, shape)])));
}

/** Collects states and noise of a run on the host. */
export class Trace {
  /** The noise of the run, watched: what was drawn up to a step is recorded with its states. */
  readonly noise: NoiseSource;
  readonly #tensors: TensorToWrite[] = [];
  readonly #addNoise: () => Promise<void>;

  /** @param shape [N, H, W, C] of the states */
  constructor(runtime: Runtime, source: NoiseSource, shape: Shape) {
    const stage = runtime.stage<string, string, "noise">("recorded noise", (inputs) => ({
      noise: source.normal(shape, inputs),
    }));
    const supplied: [name: string, ReturnType<NoiseSource["supply"]>][] = [];
    this.noise = {
      normal: source.normal,
      supply(draw): ReturnType<NoiseSource["supply"]> {
        const given = source.supply(draw);
        supplied.push([draw.name, given]);
        return given;
      },
    };
    this.#addNoise = async () => {
      for (const [name, { inputs, scalars }] of supplied.splice(0)) {
        const noise = inputs["noise"] ?? (await stage({}, scalars)).noise;
        this.#put(`${NOISE}${name}`, { data: await noise.read(), shape });
      }
    };
  }

  /** Reads the states of a step back and adds them. */
  async add({ name, x0, xt }: Progress): Promise<void> {
    this.#put(`x0.${name}`, await read(x0));
    this.#put(`x_t.${name}`, await read(xt));
    await this.#addNoise();
  }

  /**
   * Writes all states.
   * @throws {FileError} if the file cannot be written; nothing is left behind then
   */
  async write(path: string, metadata: ReadonlyMap<string, string>): Promise<void> {
    const writer = await atomicWriter(path);
    try {
      await writeSafetensors({ tensors: this.#tensors, metadata }, (bytes) => writer.write(bytes));
      await writer.commit();
    } finally {
      await writer.abort();
    }
  }

  #put(name: string, { data, shape: [n = 0, h = 0, w = 0, c = 0] }: { data: Float32Array; shape: Shape }): void {
    const shape = [n, c, h, w];
    this.#tensors.push({ name, dtype: "F32", shape, data: channelsFirst(data, shape) });
  }
}

async function read(tensor: DeviceTensor): Promise<{ readonly data: Float32Array; readonly shape: Shape }> {
  return { data: await tensor.read(), shape: tensor.shape };
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
