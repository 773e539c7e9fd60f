/** Euler's steps along the probability flow dx_hat/dsigma = (x_hat - x0)/sigma, which are DDIM without fresh noise. */
import type { Runtime } from "../../engine/mod.ts";
import { weightedSum } from "../../kernels/mod.ts";
import type { NoiseModel } from "../../models/mod.ts";
import type { Level } from "../coefficients.ts";
import { silence } from "../noise_source.ts";
import { ddimCoefficients } from "./plain_coefficients.ts";
import { networkStep, type Step } from "./step.ts";

/** Where a step is taken. */
export interface FlowPlace extends Level {
  /** What the next state is multiplied by; default 1. */
  readonly scale?: number;
}

/**
 * Prepares a step down from a level to the next.
 * @param options.name of the stage, for profiles
 * @param options.clipDenoised whether predicted images are clamped to [-1, 1]; default no
 */
export function flowStep(
  runtime: Runtime,
  model: NoiseModel,
  options: { readonly name: string; readonly clipDenoised?: boolean },
): Step<FlowPlace, "x0" | "xt"> {
  return networkStep(runtime, model, {
    ...options,
    noise: silence,
    scalars({ scale = 1, ...level }: FlowPlace): Record<"xtFromX0" | "xtFromXt", number> {
      const { xtFromX0, xtFromXt } = ddimCoefficients(level, 0);
      return { xtFromX0: scale * xtFromX0, xtFromXt: scale * xtFromXt };
    },
    update: ({ x0, xt }, c) => ({ x0, xt: weightedSum([[c.xtFromX0, x0], [c.xtFromXt, xt]]) }),
  });
}
