/**
 * One step of a sampler on the way up or down the noise levels, as one stage: network, clamp, projection, update and
 * noise. Every step replays the same plan, so one arena serves a whole run; what differs is a handful of numbers.
 */
import { type DeviceTensor, type Runtime, scope, type Tensor, type Tensors } from "../engine/mod.ts";
import { clamp, weightedSum } from "../kernels/mod.ts";
import type { AttentionExchange } from "../models/mod.ts";
import { project } from "../operators/mod.ts";
import type { PredictionCoefficients, UpdateCoefficients } from "./coefficients.ts";
import type { Draw, NoiseSource } from "./noise_source.ts";
import { predictX0 } from "./predict.ts";
import type { Problem } from "./sampler.ts";

/** The numbers of one step. */
export interface StepNumbers extends PredictionCoefficients, UpdateCoefficients {
  /** Training timestep that the network is given. */
  readonly timestep: number;
  /** Whether x0 is made consistent with the measurement. */
  readonly projected: boolean;
}

/** A named state of a trajectory; its tensors are valid until the next step. */
export interface State {
  readonly name: string;
  readonly x0: DeviceTensor;
  readonly xt: DeviceTensor;
  /** Network evaluations that it took; default 1. */
  readonly evaluations?: number;
  /** Further tensors of the step, by name. */
  readonly parts?: Readonly<Record<string, DeviceTensor>>;
  /** What the attentions of the network looked at, if the step was to show it. */
  readonly maps?: AttentionMaps;
}

/** Queries and keys of the attentions of one network evaluation, by module name. */
export type AttentionMaps = Readonly<Record<string, DeviceTensor>>;

type StepScalar =
  | "timestep"
  | "fromPredicted"
  | "fromConsistent"
  | keyof PredictionCoefficients
  | keyof UpdateCoefficients;

/** One traced step of a run. */
export interface RestorationStep {
  /** Runs the step from the state x_t [N, H, W, C]; the draw names the state that it makes. */
  (xt: DeviceTensor, numbers: StepNumbers, draw: Draw, maps?: AttentionMaps): Promise<State>;
  /** Gives the memory of the step back; the states that it made become stale. */
  release(): void;
}

/**
 * Prepares the step: eps = model(x_t, timestep); x0 = clamp(x0(x_t, eps)); if projected,
 * x0 <- x0 - A^+ A x0 + A^+ y; x_t <- xtFromX0 x0 + xtFromEps eps + xtFromNoise z. eps stays what the network gave.
 * @param options.clipDenoised whether x0 is clamped to [-1, 1] before the projection
 * @param options.attention `show`: states tell what the attentions looked at; `inject`: they look at what each call gives
 */
export function restorationStep(
  runtime: Runtime,
  { model, operator, y }: Problem,
  { clipDenoised, noise, attention }: {
    readonly clipDenoised: boolean;
    readonly noise: NoiseSource;
    readonly attention?: "show" | "inject";
  },
): RestorationStep {
  const stage = runtime.stage<string, StepScalar, string>(
    "restoration step",
    (tensors, c) => {
      const inputs = tensors as Tensors<"xt" | "y"> & Readonly<Record<string, Tensor>>;
      const shown: Record<string, Tensor> = {};
      const exchange: AttentionExchange = (module, own) =>
        attention === "inject" ? inputs[mapName(module)]! : shown[mapName(module)] = own;
      const eps = scope("network", () => model.predictEps(inputs.xt, c.timestep, attention && exchange));
      const predicted = scope("predict", () => {
        const x0 = predictX0(inputs.xt, eps, c);
        return clipDenoised ? clamp(x0, -1, 1) : x0;
      });
      const x0 = scope("projection", () => {
        const consistent = project(operator, predicted, inputs.y);
        return weightedSum([[c.fromPredicted, predicted], [c.fromConsistent, consistent]]);
      });
      const z = scope("noise", () => noise.normal(inputs.xt.shape, inputs));
      const xt = scope("update", () => weightedSum([[c.xtFromX0, x0], [c.xtFromEps, eps], [c.xtFromNoise, z]]));
      return { x0, xt, ...shown };
    },
  );
  const takeStep = async (
    xt: DeviceTensor,
    { projected, ...numbers }: StepNumbers,
    draw: Draw,
    maps: AttentionMaps = {},
  ): Promise<State> => {
    const drawn = noise.supply(draw);
    // 1 and 0 select exactly: one product is the image itself, the other adds zero.
    const choice = { fromPredicted: projected ? 0 : 1, fromConsistent: projected ? 1 : 0 };
    const { x0, xt: next, ...shown } = await stage(
      { xt, y, ...maps, ...drawn.inputs },
      { ...numbers, ...choice, ...drawn.scalars },
    );
    return { name: draw.name, x0: x0!, xt: next!, ...(attention === "show" ? { maps: shown } : {}) };
  };
  return Object.assign(takeStep, { release: stage.release });
}

/** Name of a map among the tensors of the stage. */
function mapName(module: string): string {
  return `attention ${module}`;
}
