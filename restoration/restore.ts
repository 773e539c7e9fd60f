/** The one verb: a picture from a measurement, by any sampler, with any noise model and degradation. */
import { type DeviceTensor, type HostTensor, hostTensor, type Runtime, type Shape } from "../engine/mod.ts";
import {
  countedModel,
  type NoiseModel,
  type NoiseModelOptions,
  type OpenedModel,
  paddedModel,
  windowedModel,
  type WindowForm,
  windowGrid,
} from "../models/mod.ts";
import { countedOperator, type Degradation } from "../operators/mod.ts";
import { type NoiseSource, type RestorationTask, type Sampler, seededNoise } from "../samplers/mod.ts";
import { batchOf } from "./batch.ts";
import type { Method } from "./options/method.ts";
import { resumable, type ResumableStep } from "./resume/resumable.ts";
import type { RunState } from "./resume/run_state.ts";

/** What is to be restored. */
export interface RestorationProblem {
  /** A network that was opened, of which the size of the pictures is asked, or a noise model of that size. */
  readonly model: OpenedModel | NoiseModel;
  /** What was measured. */
  readonly operator: Degradation;
  /** Measurements [N, ...operator.measurementShape], or one without the first dimension on the host. */
  readonly y: DeviceTensor | HostTensor;
  /** Standard deviation of the noise in y, in units of [-1, 1]; 0 means exact. */
  readonly sigmaY: number;
  /** Class of the pictures, for class-conditional networks. */
  readonly label?: number;
}

/** Where the noise of a run comes from. */
export type RunNoise =
  /** One seed for each measurement; a single one is that of the first, and the next ones take the next seeds. */
  | { readonly seed: number | readonly number[]; readonly noise?: never }
  | { readonly noise: NoiseSource; readonly seed?: never };

/** Parameters of a sampler by their published names; those left out are what is published for the task. */
export type RestoreOptions<O extends object> = Partial<O> & RunNoise & {
  /** Whose published parameters hold where they depend on it; by default those of no special task. */
  readonly task?: RestorationTask;
  /** Where a run of the same problem with the same options goes on; by default it begins. */
  readonly from?: RunState;
};

/** A step of a restoration. Its tensors are valid until the next step is asked for. */
export interface RestorationStep extends ResumableStep {
  /** The restored pictures [N, H, W, C], nominally in [-1, 1] and not clamped; of the last step alone. */
  readonly image?: HostTensor;
}

/** A restoration: awaited, it gives the pictures; iterated, its steps, the last of which carries them. It runs once. */
export interface Restoration extends PromiseLike<HostTensor>, AsyncIterable<RestorationStep> {}

/**
 * Restores measurements.
 * @param runtime where everything runs; all parts of the problem must be on it
 * @param sampler of the register `SAMPLERS`, or one of your own
 * @param options the sampler's parameters, and the seed
 * @throws (when it is awaited or iterated) {RangeError} if an option is unknown or out of range; {TypeError} if the parts
 *   of the problem do not fit together; {Error} if it is run a second time
 */
export function restore<O extends object>(
  runtime: Runtime,
  sampler: Sampler<O>,
  problem: RestorationProblem,
  options: RestoreOptions<NoInfer<O>>,
): Restoration {
  const { task = "super_resolution", seed, noise, from, ...given } = options as RestoreOptions<object>;
  const run: Method["run"] = (on, fitting, source) =>
    sampler.restore(on, fitting, {
      ...sampler.settled(given, sampler.defaultsFor(task)),
      noise: source,
    });
  return restoreBy(runtime, { run }, problem, { ...(noise ? { noise } : { seed: seed! }), from });
}

/**
 * Restores measurements by a method that was chosen with all its parameters.
 * @param method as `chooseMethod` gives it
 * @param setting where the noise comes from, and where the run goes on
 * @throws as `restore`
 */
export function restoreBy(
  runtime: Runtime,
  method: Pick<Method, "run">,
  problem: RestorationProblem,
  setting: RunNoise & { readonly from?: RunState | undefined },
): Restoration {
  const steps = stepsOf(runtime, method, problem, setting);
  let isTaken = false;
  let result: Promise<HostTensor> | undefined;
  const take = (): AsyncGenerator<RestorationStep, void> => {
    if (isTaken) throw new Error("Cannot run a restoration twice: call restore() again");
    isTaken = true;
    return steps;
  };
  return {
    [Symbol.asyncIterator]: take,
    then: (resolved, rejected) => (result ??= imageOf(take)).then(resolved, rejected),
  };
}

async function imageOf(take: () => AsyncGenerator<RestorationStep, void>): Promise<HostTensor> {
  let image: HostTensor | undefined;
  for await (const step of take()) image = step.image;
  return image!;
}

async function* stepsOf(
  runtime: Runtime,
  method: Pick<Method, "run">,
  { model, label, operator, y, sigmaY }: RestorationProblem,
  { seed, noise, from }: Parameters<typeof restoreBy>[3],
): AsyncGenerator<RestorationStep, void> {
  const { tensor, isOwn } = batchOf(runtime, y, operator.measurementShape.length + 1);
  try {
    const count = tensor.shape[0]!;
    const source = noise ??
      seededNoise(typeof seed === "number" ? Array.from({ length: count }, (_, k) => seed + k) : seed!);
    const fitting = "noiseModel" in model
      ? networkFor(model, operator.imageShape, label === undefined ? {} : { label })
      : model;
    const counted = { model: countedModel(fitting), operator: countedOperator(operator), y: tensor, sigmaY };
    const run = (on: Runtime) => method.run(on, counted, source);
    yield* withImage(resumable(runtime, run, count, from));
  } finally {
    if (isOwn) tensor.free();
  }
}

/** Square windows in which a network sees a picture that is larger. */
export interface WindowSetting {
  /** Side in pixels, a multiple of the network's downsampling. */
  readonly side: number;
  /** How they cover the picture. */
  readonly form: WindowForm;
}

/** Pixels that go through a network at once where it sees windows, which bounds memory. */
const WINDOW_PIXELS = 256 * 256;

/** Batches from which on they grow instead of becoming more: a plan holds the network once for each. */
const MOST_BATCHES = 64;

/** Values of a network's first layer that a batch may grow to: half a binding of 128 MiB, as its last layers have twice. */
const BATCH_VALUES = 2 ** 24;

/**
 * How many windows go through a network at once.
 * @param covered [H, W, C] of the picture, at least a window
 */
export function batchOfWindows({ config }: OpenedModel, covered: Shape, { side, form }: WindowSetting): number {
  const windows = windowGrid(covered, side, form).windows;
  const most = Math.floor(BATCH_VALUES / (side ** 2 * config.modelChannels));
  const usual = Math.floor(WINDOW_PIXELS / side ** 2);
  return Math.max(1, usual, Math.min(most, Math.ceil(windows / MOST_BATCHES)));
}

/**
 * A network for pictures of any size, whose borders are mirrored where the network needs larger sides.
 * @param imageShape [H, W, C]
 * @param options class, small picture and memory, as of `OpenedModel.noiseModel`
 * @param window in what windows it sees pictures that are larger; by default it sees them whole
 * @throws {RangeError} if a window has a side that the network does not take, or the network enlarges a picture
 */
export function networkFor(
  model: OpenedModel,
  imageShape: Shape,
  options: Omit<NoiseModelOptions, "height" | "width"> = {},
  window?: WindowSetting,
): NoiseModel {
  const [height = 0, width = 0, channels = 0] = imageShape;
  const multiple = (side: number): number => Math.ceil(side / model.downsampling) * model.downsampling;
  if (window === undefined || window.side >= Math.max(height, width)) {
    return paddedModel(model.noiseModel({ height: multiple(height), width: multiple(width), ...options }), imageShape);
  }
  const { side, form } = window;
  if (options.lowRes !== undefined) {
    throw new RangeError(
      `Cannot show a picture in windows of ${side} pixels: the network enlarges a small picture, which it sees whole; ` +
        "leave the windows out",
    );
  }
  const one = model.noiseModel({ height: side, width: side, ...options });
  const covered = [Math.max(side, height), Math.max(side, width), channels];
  const batch = batchOfWindows(model, covered, window);
  return paddedModel(windowedModel(one, covered, { form, batch }), imageShape);
}

/** The steps of a run. The last one is kept while the run ends, so that it can carry the pictures. */
async function* withImage(run: AsyncGenerator<ResumableStep, DeviceTensor>): AsyncGenerator<RestorationStep, void> {
  let next = await run.next();
  try {
    for (; !next.done; next = await run.next()) {
      if (next.value.step < next.value.steps) {
        yield next.value;
        continue;
      }
      const { x0, xt, parts: _, ...last } = next.value;
      const kept = { x0: x0.keep(), xt: xt.keep() };
      try {
        const end = await run.next();
        if (!end.done) throw new Error(`Cannot go on: a sampler made more than its ${last.steps} steps`);
        const image = hostTensor(await end.value.read(), end.value.shape);
        end.value.free();
        yield { ...last, ...kept, image };
      } finally {
        kept.x0.free();
        kept.xt.free();
      }
      return;
    }
    throw new Error("Cannot go on: a sampler ended without a step");
  } finally {
    await run.return(undefined as never);
  }
}
