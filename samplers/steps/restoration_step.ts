/** The step of Shortcut Sampling, up or down the noise levels: projection onto the measurement where it is wanted. */
import type { DeviceTensor, Runtime, Tensor } from "../../engine/mod.ts";
import { weightedSum } from "../../kernels/mod.ts";
import { project, trustAt } from "../../operators/mod.ts";
import type { UpdateCoefficients } from "../coefficients.ts";
import type { Draw, NoiseSource } from "../noise_source.ts";
import type { State } from "./run.ts";
import type { Problem } from "../sampler.ts";
import { networkStep, type Place } from "./step.ts";

/** Where a step is taken, and what it makes. */
export interface RestorationPlace extends Place, UpdateCoefficients {
  /** Whether x0 is made consistent with the measurement. */
  readonly projected: boolean;
}

/** Queries and keys of the attentions of one network evaluation, by module name. */
export type AttentionMaps = Readonly<Record<string, DeviceTensor>>;

/** One traced step of a run. */
export interface RestorationStep {
  /** Takes the step from the state x_t [N, H, W, C]; the draw names the state that it makes. */
  (xt: DeviceTensor, at: RestorationPlace, draw: Draw, maps?: AttentionMaps): Promise<RestorationState>;
  /** Gives the memory of the step back; the states that it made become stale. */
  release(): void;
}

/** A state, and what the attentions of the network looked at, if the step was to show it. */
export interface RestorationState extends State {
  /** What each attention looked at. */
  readonly maps?: AttentionMaps;
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
  let shown: Record<string, Tensor> = {};
  const step = networkStep(runtime, model, {
    name: "restoration step",
    noise,
    inputs: { y },
    clipDenoised,
    exchange: attention && ((inputs) => {
      shown = {};
      return (module, own) => attention === "inject" ? inputs[mapName(module)]! : shown[mapName(module)] = own;
    }),
    // 1 and 0 select exactly: one product is the image itself, the other adds zero.
    scalars: ({ alphaBar, projected, xtFromX0, xtFromEps, xtFromNoise }: InjectedPlace) => ({
      fromPredicted: projected ? 0 : 1,
      fromConsistent: projected ? 1 : 0,
      xtFromX0,
      xtFromEps,
      xtFromNoise,
      ...trustAt(alphaBar),
    }),
    tensors: ({ maps }) => ({ tensors: maps, free: () => {} }),
    project({ y, x0 }, c): Tensor {
      const consistent = project(operator, x0, y, c);
      return weightedSum([[c.fromPredicted, x0], [c.fromConsistent, consistent]]);
    },
    update: ({ x0, eps, z }, c): Readonly<Record<"x0" | "xt", Tensor>> => ({
      ...shown,
      x0,
      xt: weightedSum([[c.xtFromX0, x0], [c.xtFromEps, eps], [c.xtFromNoise, z]]),
    }),
  });
  const take: (...args: Parameters<RestorationStep>) => Promise<RestorationState> = async (xt, at, draw, maps = {}) => {
    const { x0, xt: next, ...shown } = await step(xt, { ...at, maps }, draw);
    return { name: draw.name, x0, xt: next, ...(attention === "show" ? { maps: shown } : {}) };
  };
  return Object.assign(take, { release: step.release });
}

/** A place with maps to inject; their names, which the network decides, are read by the exchange alone. */
interface InjectedPlace extends RestorationPlace {
  readonly maps: Readonly<Record<never, DeviceTensor>>;
}

/** Name of a map among the tensors of the stage. */
function mapName(module: string): string {
  return `attention ${module}`;
}
