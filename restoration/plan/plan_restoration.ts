/** What a restoration would take, without starting it. */
import {
  DeviceLimitError,
  type PlanningDevice,
  PlanningRuntime,
  ReferenceRuntime,
  type Runtime,
  type Shape,
} from "../../engine/mod.ts";
import { add } from "../../kernels/mod.ts";
import { evaluatedBy, type NoiseModel, type OpenedModel, predictionOf } from "../../models/mod.ts";
import type { Evaluations } from "../../samplers/mod.ts";
import { formatSize } from "../canvas.ts";
import type { Method } from "../options/method.ts";
import { canvasOf, type PreparedPicture, preparePicture } from "../prepare.ts";
import { restoreBy, type WindowSetting } from "../restore.ts";
import { evaluationOf } from "./network_view.ts";
import { formatPrediction, measurePace, secondsOf, takesGradients } from "./pace.ts";
import { representative, type SettledSize } from "./plan_size.ts";

/** A restoration that has not been started. */
export interface RestorationPlan {
  /** `640x480` of the result. */
  readonly result: string;
  /** At which it is restored. */
  readonly restored: string;
  /** What the network sees, padded. */
  readonly network: string;
  /** The windows of one evaluation: one, of no side, where the network sees the picture whole. */
  readonly windows: {
    readonly count: number;
    readonly side: number | null;
    readonly form: WindowSetting["form"] | "whole";
  };
  /** Of the network, for one result. */
  readonly evaluations: Evaluations;
  /** How long they take at the measured pace, of methods that take gradients at some steps at most; null if unknown. */
  readonly seconds: number | null;
  /** How long they would take at the picture's own size, where it is made smaller for that. */
  readonly ownSeconds: number | null;
  /** Most bytes on the device at once, weights included; null on the CPU, which has no limit of its own. */
  readonly deviceBytes: number | null;
  /** What the user should know, as sentences. */
  readonly notes: readonly string[];
}

/**
 * Plans a restoration: its steps are walked through with all their tensors, and nothing of them is computed. The network
 * is evaluated a few times on zeros where its pace is not known.
 * @param size as `planSize` gives it
 * @throws {DeviceLimitError} if the device cannot hold a part of it
 * @throws {RangeError | TypeError} as the sampler
 */
export async function planRestoration(
  runtime: Runtime,
  model: OpenedModel,
  { input, setting, pace: known, ownSeconds }: SettledSize,
  method: Method,
): Promise<RestorationPlan> {
  const planning = "plan" in runtime ? new PlanningRuntime(runtime as Runtime & PlanningDevice) : undefined;
  const weights = runtime.statistics().deviceBytes;
  const { window } = setting;
  const imageShape = shapeOf(model, input);
  const isUpsampler = model.config.superResolution === true;
  const options = { ...setting, gradient: takesGradients(method) };
  const evaluation = isUpsampler ? undefined : evaluationOf(model, imageShape, options, window);
  const sparing = evaluation && window ? sparingModel(model, Math.ceil(evaluation.times)) : model;
  const { canvas, notes } = await walk(planning, sparing, { input, setting, method });
  const isMeasured = evaluation !== undefined && method.evaluations.actual > 0;
  const pace = isMeasured
    ? known ?? await measurePace(runtime, representative(runtime, model, evaluation, options))
    : undefined;
  const windows = evaluation?.windows ?? 1;
  return {
    result: formatSize(canvas.natural),
    restored: formatSize(canvas.working),
    network: formatSize(canvas.padded),
    windows: windows === 1 ? { count: 1, side: null, form: "whole" } : { count: windows, ...window! },
    evaluations: method.evaluations,
    seconds: isUpsampler ? null : pace ? secondsOf(method, evaluation!, pace) : 0,
    ownSeconds: ownSeconds ?? null,
    deviceBytes: planning ? weights + planning.statistics().peakDeviceBytes : null,
    notes,
  };
}

/** [H, W, C] of what the operator acts on. */
function shapeOf(model: OpenedModel, input: SettledSize["input"]): Shape {
  if (!("source" in input)) return input.imageShape;
  const { padded: { height, width } } = canvasOf(model, input, input.size ?? Infinity);
  return [height, width, model.config.inChannels];
}

/** Goes through a restoration where nothing is computed; on the CPU, whose memory is not counted, only to its start. */
async function walk(
  planning: PlanningRuntime | undefined,
  model: OpenedModel,
  { input, setting, method }: Pick<SettledSize, "input" | "setting"> & { readonly method: Method },
): Promise<PreparedPicture> {
  const runtime = planning ?? new ReferenceRuntime();
  const name = "source" in input ? `"${input.source.name}"` : "the measurement";
  try {
    const picture = await preparePicture(runtime, model, input, setting);
    const { problem, sigmaY } = picture;
    if (planning) { for await (const _ of restoreBy(planning, method, { ...problem, sigmaY }, { seed: 0 })); }
    return picture;
  } catch (error) {
    if (!(error instanceof DeviceLimitError)) throw error;
    const smaller = "source" in input ? "give a smaller --size" : "degrade a smaller picture";
    throw new DeviceLimitError(`Cannot restore ${name} on this device: ${error.message}; ${smaller}`, { cause: error });
  }
}

/**
 * The network with one of every `batches` evaluations recorded as it is and the others as a sum: batches of windows come
 * one after the other and share their memory, so the plan of hundreds is as large as that of one.
 */
function sparingModel(model: OpenedModel, batches: number): OpenedModel {
  const sparing = (network: NoiseModel): NoiseModel => {
    let calls = 0;
    return evaluatedBy(
      network,
      network.imageShape,
      ({ xt, names, predict }) => calls++ % batches === 0 ? predict(xt) : predictionOf(names, () => add(xt, xt)),
    );
  };
  return { ...model, noiseModel: (options) => sparing(model.noiseModel(options)) };
}

/** A plan in lines for people. */
export function planSummary(plan: RestorationPlan): readonly string[] {
  const { windows, evaluations, seconds, deviceBytes } = plan;
  const padding = plan.network === plan.restored ? "" : `, padded to ${plan.network}`;
  const time = seconds === null
    ? "not predicted for networks that enlarge"
    : seconds === 0
    ? "no evaluation to wait for"
    : formatPrediction(seconds);
  return [
    `Size:        restored at ${plan.restored}${padding}, result ${plan.result}`,
    `Windows:     ${
      windows.side === null
        ? "none, the network sees the picture whole"
        : `${windows.count} for an evaluation, ${windows.form}, ${windows.side} x ${windows.side} pixels`
    }`,
    `Evaluations: ${evaluations.actual} (${evaluations.nominal} nominal)`,
    `Time:        ${time}`,
    `Memory:      ${
      deviceBytes === null ? "not counted on the CPU" : `${Math.ceil(deviceBytes / 1e6)} MB on the device`
    }`,
  ];
}
