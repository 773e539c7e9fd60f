/** At which size a picture is restored, and how the network sees it. */
import type { Runtime, Shape } from "../../engine/mod.ts";
import type { OpenedModel } from "../../models/mod.ts";
import type { Size } from "../../raster/mod.ts";
import { formatSize } from "../canvas.ts";
import type { ReadMeasurement } from "../measurement.ts";
import type { Method } from "../options/method.ts";
import { partsOf, type Task } from "../options/tasks.ts";
import { canvasOf, keepsSize, type NetworkSetting, type PictureInput } from "../prepare.ts";
import {
  defaultSide,
  defaultWindow,
  type Evaluation,
  evaluationOf,
  type EvaluationOptions,
  type ViewOptions,
} from "./network_view.ts";
import { formatPrediction, measurePace, type Pace, secondsOf, takesGradients } from "./pace.ts";

/** What is asked for. */
export interface SizeRequest extends NetworkSetting {
  /** What restores the picture. */
  readonly method: Method;
  /** How fast the network is, where that was measured before. */
  readonly pace?: Pace | undefined;
}

/** A picture or measurement with its size settled. */
export interface SettledSize {
  /** It, with its longest side inside the network and what the user should know of that. */
  readonly input: PictureInput | ReadMeasurement;
  /** How the network sees it. */
  readonly setting: NetworkSetting;
  /** How fast the network is, where that was measured. */
  readonly pace?: Pace;
  /** How long it would take at its own size, where it is restored at another for that. */
  readonly ownSeconds?: number;
}

/** Pictures that take longer are restored at a smaller size where none is asked for. */
export const PATIENCE_SECONDS = 120;

/**
 * Settles the size of a picture and the windows of the network. A size or windows that are given hold. Else a picture is
 * restored at its own size if that takes less than two minutes at the pace that one evaluation shows, and at the largest
 * size that does otherwise. Pictures up to a window with context, near 256 pixels, are never made smaller and nothing is
 * measured for them: a size below theirs limits the windows instead, down to the training size. A measurement has the
 * size it has.
 * @param runtime where the pace is measured, without drawing noise
 * @throws {RangeError} as `networkFor`
 */
export async function planSize(
  runtime: Runtime,
  model: OpenedModel,
  input: PictureInput | ReadMeasurement,
  { method, pace: known, ...given }: SizeRequest,
): Promise<SettledSize> {
  if (!("source" in input)) {
    const window = given.window ??
      (isSeenWhole(model, method) ? undefined : defaultWindow(model, input.imageShape, runtime, {
        ...given,
        needsContext: needsContext(input.task),
      }));
    return { input, setting: { ...given, window } };
  }
  if (isSeenWhole(model, method)) return { input, setting: given };
  if (given.window) return { input: { ...input, size: input.size ?? Infinity }, setting: given };
  const { inChannels: channels } = model.config;
  const options: ViewOptions = {
    ...given,
    gradient: takesGradients(method),
    needsContext: needsContext(input.task),
  };
  const kept = defaultSide(model, true);
  const { natural } = canvasOf(model, input, Infinity);
  const own = Math.max(natural.width, natural.height);
  const viewAt = (size: number): { readonly shape: Shape; readonly window: NetworkSetting["window"] } => {
    const { padded: { height, width } } = canvasOf(model, input, size);
    const shape = [height, width, channels];
    return { shape, window: defaultWindow(model, shape, runtime, options) };
  };
  const settled = (size: number, rest: Partial<SettledSize> = {}, notes: readonly string[] = []): SettledSize => ({
    input: { ...input, size, source: { ...input.source, notes: [...input.source.notes ?? [], ...notes] } },
    setting: { ...given, window: viewAt(size).window },
    ...rest,
  });
  const { size } = input;
  if (size !== undefined && size < own && own <= kept && input.noise === undefined) {
    const { imageSize } = model.config;
    const side = Math.max(1, Math.floor(size / imageSize)) * imageSize;
    return {
      ...settled(own, {}, [
        `A picture of ${formatSize(natural)} is not made smaller: --size ${size} limits the windows in which the ` +
        `network sees it, to no less than its training size ${imageSize}`,
      ]),
      setting: { ...given, window: { side, form: "overlapping" } },
    };
  }
  if (size !== undefined) return settled(size);
  const mostPixels = runtime.maxTensorBytes / (4 * channels);
  const isHeld = ({ width, height }: Size): boolean => width * height <= mostPixels;
  const isKept = own <= kept || keepsSize(input);
  if (isKept || (method.evaluations.actual === 0 && isHeld(natural))) return settled(own);
  const evaluationAt = (size: number): Evaluation => {
    const { shape, window } = viewAt(size);
    return evaluationOf(model, shape, options, window);
  };
  const whole = evaluationAt(own);
  const pace = method.evaluations.actual === 0
    ? { flops: 1, seconds: 0 }
    : known ?? await measurePace(runtime, representative(runtime, model, whole, options));
  const ownSeconds = secondsOf(method, whole, pace);
  if (ownSeconds <= PATIENCE_SECONDS && isHeld(natural)) return settled(own, { pace });
  const isQuick = (size: number): boolean =>
    isHeld(canvasOf(model, input, size).padded) && secondsOf(method, evaluationAt(size), pace) <= PATIENCE_SECONDS;
  const taken = largestSize(own, { least: kept, step: model.config.imageSize, isQuick });
  const seconds = secondsOf(method, evaluationAt(taken), pace);
  const reason = isHeld(natural)
    ? `takes ${formatPrediction(ownSeconds)}, at ${taken} pixels ${formatPrediction(seconds)}`
    : `needs ${
      Math.ceil(natural.width * natural.height * 4 * channels / 1e6)
    } MB in one piece, more than this device binds, and ` +
      formatPrediction(ownSeconds);
  return settled(taken, { pace, ownSeconds }, [
    `Restoring the whole picture at ${formatSize(natural)} ${reason}; --size ${own} restores it whole`,
  ]);
}

/** Whose results follow from what lies near: all that is restored is there, only coarse. */
const NEARBY: ReadonlySet<Task["kind"]> = new Set(["super_resolution", "deblurring", "compression"]);

/** The operator that hides whole parts, whatever its kind. */
const FILLED = "hdr";

/** Whether a task invents what lies far from what is known, or colours, which a whole picture shares. */
function needsContext(task: Task): boolean {
  return !partsOf(task).every(({ kind, operator }) => NEARBY.has(kind) && operator !== FILLED);
}

/** What shows the pace: what is to be done itself, or on the CPU, which is slow and as slow at any size, the least of it. */
export function representative(
  runtime: Runtime,
  model: OpenedModel,
  evaluation: Evaluation,
  options: EvaluationOptions,
): Evaluation {
  const { imageSize, inChannels } = model.config;
  return "plan" in runtime ? evaluation : evaluationOf(model, [imageSize, imageSize, inChannels], options);
}

/** The network of an upsampler and attention that is taken over from other steps need the whole picture. */
function isSeenWhole({ config }: OpenedModel, { options }: Method): boolean {
  return config.superResolution === true || ("injectedSteps" in options && Number(options.injectedSteps) > 0);
}

/**
 * The largest size below a picture's own, a multiple of a step, that is quick enough; coarse, so that it is the same when
 * the pace differs a little.
 * @param own size of the picture
 * @param least what is taken where nothing is
 */
export function largestSize(own: number, { least, step, isQuick }: {
  readonly least: number;
  readonly step: number;
  readonly isQuick: (size: number) => boolean;
}): number {
  let [quick, slow] = [Math.floor(least / step), Math.ceil(own / step)];
  while (slow - quick > 1) {
    const middle = Math.floor((quick + slow) / 2);
    if (isQuick(middle * step)) quick = middle;
    else slow = middle;
  }
  return quick * step;
}
