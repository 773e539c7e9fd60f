/** Noise that was recorded, and the states of a run to be recorded: safetensors with [N, C, H, W] tensors. */
import { type DeviceTensor, type HostTensor, hostTensor, type Runtime, type Shape } from "../engine/mod.ts";
import { type ByteSource, CheckpointError, openSafetensors, type TensorToWrite } from "../models/mod.ts";
import { givenNoise, type NoiseSource, type Progress } from "../samplers/mod.ts";

/** Noise of a run on the host. */
export interface RecordedNoise {
  /** What messages call the file that it was read from. */
  readonly name: string;
  /** [N, H, W, C] by draw name, `inv.0` and so on. */
  readonly draws: ReadonlyMap<string, HostTensor>;
}

/** Prefix of the tensors that hold noise. */
const NOISE = "noise.";

/**
 * Reads the noise of a run: tensors `noise.inv.0`, `noise.inv.1`, ..., `noise.gen.0`, ..., one for each draw.
 * @param draws how many draws the run takes; undefined if only the run itself will tell
 * @throws {CheckpointError} if it is no such file or holds noise of another number of draws
 */
export async function decodeNoise(source: ByteSource, draws: number | undefined): Promise<RecordedNoise> {
  const file = await openSafetensors(source);
  const noise = new Map<string, HostTensor>();
  for (const [name, { shape }] of file.tensors) {
    if (!name.startsWith(NOISE) || shape.length !== 4) continue;
    const [n = 0, c = 0, h = 0, w = 0] = shape;
    noise.set(name.slice(NOISE.length), hostTensor(channelsLast(await file.readFloat32(name), shape), [n, h, w, c]));
  }
  if (noise.size === draws || (draws === undefined && noise.size > 0)) return { name: source.name, draws: noise };
  throw new CheckpointError(
    noise.size === 0
      ? `Cannot take noise from "${source.name}": it holds no tensor "${NOISE}<step>" [N, C, H, W], such as "${NOISE}inv.0"; ` +
        "name a file written with --trace"
      : `Cannot take noise from "${source.name}": it holds ${noise.size} draws, this run takes ${draws}; choose the --method and ` +
        "--steps, or --inversion-steps and --generation-steps, of the run that was recorded",
  );
}

/**
 * Makes recorded noise the source of a run.
 * @param shape [N, H, W, C] of the states
 * @throws {CheckpointError} if it was recorded at another size
 */
export function recordedNoise(runtime: Runtime, { name: file, draws }: RecordedNoise, shape: Shape): NoiseSource {
  const sizeOf = ([n = 0, h = 0, w = 0, c = 0]: Shape): string => `${n} x ${c} x ${h} x ${w}`;
  for (const [name, tensor] of draws) {
    if (sizeOf(tensor.shape) === sizeOf(shape)) continue;
    throw new CheckpointError(
      `Cannot take noise from "${file}": "${NOISE}${name}" has ${sizeOf(tensor.shape)} elements, this run needs ` +
        `${sizeOf(shape)}; record it with the same picture, task and --size`,
    );
  }
  return givenNoise(new Map(Array.from(draws, ([name, { data, shape }]) => [name, runtime.upload(data, shape)])));
}

/** Collects states and noise of a run on the host. */
export class Trace {
  /** The noise of the run, watched: what was drawn up to a step is recorded with its states. */
  readonly noise: NoiseSource;
  readonly #tensors: TensorToWrite[] = [];
  readonly #addNoise: () => Promise<void>;

  /**
   * Begins without states.
   * @param shape [N, H, W, C] of the states
   */
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

  /** All states, as tensors of a file. */
  get tensors(): readonly TensorToWrite[] {
    return this.#tensors;
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
