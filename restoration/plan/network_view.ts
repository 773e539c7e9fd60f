/** How a network sees pictures of a size: whole, or in windows; and what one evaluation of it computes. */
import {
  DeviceLimitError,
  type PlanningDevice,
  type Runtime,
  type Shape,
  type Tensor,
  trace,
} from "../../engine/mod.ts";
import { gradient, sampleDot } from "../../kernels/mod.ts";
import { type NoiseModelOptions, type OpenedModel, windowGrid } from "../../models/mod.ts";
import { batchOfWindows, networkFor, type WindowSetting } from "../restore.ts";

/** What is asked of a network besides the noise. */
export interface EvaluationOptions {
  /** Class of the pictures, for class-conditional networks. */
  readonly label?: number | undefined;
  /** Whether gradients compute blocks again instead of keeping them. */
  readonly recompute?: boolean;
  /** Whether the gradient by the state is taken, too. */
  readonly gradient?: boolean;
}

/** One evaluation of a network on a picture, as far as cost is concerned. */
export interface Evaluation {
  /** What goes through the network at once [N, H, W, C]: the picture with its padding, or a batch of windows. */
  readonly shape: Shape;
  /** Windows of the picture, 1 where it is seen whole. */
  readonly windows: number;
  /** How often that is done for the picture; a part of a batch counts as such. */
  readonly times: number;
  /** Floating-point operations of all of it. */
  readonly flops: number;
  /** Records it once. */
  record(xt: Tensor, timestep: number | { readonly scalar: string }): Tensor;
}

/** What decides how a network sees a picture where nothing else is said. */
export interface ViewOptions extends EvaluationOptions {
  /** Whether what is restored follows from what lies far from it, as the inside of a hole and colours do. */
  readonly needsContext?: boolean;
}

/**
 * Least side of windows. A network has learned pictures of its training size: of windows of that size it makes pictures
 * within 0.2 dB of the whole, and attention makes larger ones cost more by the pixel. Of windows smaller than 64 pixels
 * what overlaps and what lies beside a border are too large a part.
 */
const LEAST_SIDE = 64;

/** Sides of windows lie near it where a picture needs context: larger ones restore better, smaller ones take less memory. */
const CONTEXT_SIDE = 256;

/** Pictures with more than so many times the pixels of a window with context are not seen whole: memory grows with them. */
const WHOLE_WINDOWS = 4;

/**
 * The side of windows where nothing else is said: the least multiple of the training size from 64 pixels on; where the
 * picture needs context, the one that is nearest to 256 pixels.
 */
export function defaultSide({ config: { imageSize } }: OpenedModel, needsContext = false): number {
  const times = needsContext ? Math.round(CONTEXT_SIDE / imageSize) : Math.ceil(LEAST_SIDE / imageSize);
  return Math.max(1, times) * imageSize;
}

/**
 * The windows in which a network sees a picture where nothing else is said; undefined if it sees it whole, as it does
 * pictures of at most four windows with context, but those without need of it only where windows compute no less.
 * @param imageShape [H, W, C] of the picture
 * @param device asked whether it can hold the network for a whole picture that is larger than a window with context, where
 *   it can be asked
 */
export function defaultWindow(
  model: OpenedModel,
  imageShape: Shape,
  device?: Runtime | PlanningDevice,
  options: ViewOptions = {},
): WindowSetting | undefined {
  const [height = 0, width = 0] = imageShape;
  const { needsContext } = options;
  const usual = defaultSide(model, needsContext);
  if (Math.max(height, width) <= usual) return undefined;
  // Windows of a narrow picture need not be higher than it is.
  const { imageSize } = model.config;
  const side = Math.min(usual, Math.ceil(Math.min(height, width) / imageSize) * imageSize);
  const window = { side, form: "overlapping" } as const;
  const large = defaultSide(model, true);
  if (height * width > WHOLE_WINDOWS * large ** 2) return window;
  const whole = evaluationOf(model, imageShape, options);
  const isDearer = !needsContext && whole.flops > evaluationOf(model, imageShape, options, window).flops;
  const isHeld = Math.max(height, width) <= large || isPossible(device, whole);
  return isDearer || !isHeld ? window : undefined;
}

function isPossible(device: Runtime | PlanningDevice | undefined, { shape, record }: Evaluation): boolean {
  if (device === undefined || !("plan" in device)) return true;
  try {
    device.plan(trace("one evaluation", { xt: { shape, dtype: "f32" } }, ({ xt }) => ({ out: record(xt!, 0) })));
    return true;
  } catch (error) {
    if (error instanceof DeviceLimitError) return false;
    throw error;
  }
}

/** What one evaluation of a network on a picture [H, W, C] is made of. */
export function evaluationOf(
  model: OpenedModel,
  imageShape: Shape,
  { label, recompute = false, gradient: isGradient = false }: EvaluationOptions = {},
  window?: WindowSetting,
): Evaluation {
  const [height = 0, width = 0, channels = 0] = imageShape;
  const isWhole = window === undefined || window.side >= Math.max(height, width);
  const seen = isWhole ? imageShape : [window.side, window.side, channels];
  const covered = isWhole ? seen : [Math.max(window.side, height), Math.max(window.side, width), channels];
  const windows = isWhole ? 1 : windowGrid(covered, window.side, window.form).windows;
  const batch = isWhole ? 1 : Math.min(windows, batchOfWindows(model, covered, window));
  const options: NoiseModelOptions = { ...(label === undefined ? {} : { label }), checkpoint: recompute };
  const network = networkFor(model, seen, options);
  const record: Evaluation["record"] = (xt, timestep) => {
    const eps = network.predictEps(xt, timestep);
    return isGradient ? gradient(sampleDot(eps, eps), [xt])[0]! : eps;
  };
  const shape = [batch, ...seen];
  const times = windows / batch;
  const { calls } = trace("cost", { xt: { shape, dtype: "f32" } }, ({ xt }) => ({ out: record(xt!, 0) }));
  return {
    shape,
    windows,
    times,
    record,
    flops: times * calls.reduce((sum, call) => sum + call.op.cost(call).flops, 0),
  };
}
