/** A noise model whose evaluations the runtime counts. */
import { type Counted, counted } from "../engine/mod.ts";
import type { NoiseModel } from "./noise_model.ts";

/** Evaluations of a network, and vector-Jacobian products with it, by what the runtime counts them as. */
export const NETWORK: Counted = { name: "network", reverse: "network vjp" };

/**
 * The model, whose evaluations count: each predicts for all items of a batch, in however many windows. A model that is
 * counted already is counted once.
 */
export function countedModel(model: NoiseModel): NoiseModel {
  const { predict, predictWithVariance, withLevels } = model;
  return {
    ...model,
    predictEps: (xt, timestep, exchange) =>
      counted(NETWORK, xt.shape[0]!, () => model.predictEps(xt, timestep, exchange)),
    ...(predict && {
      predict: (xt, timestep, exchange) =>
        counted(NETWORK, xt.shape[0]!, () => predict.call(model, xt, timestep, exchange)),
    }),
    ...(predictWithVariance && {
      predictWithVariance: (xt, timestep) =>
        counted(NETWORK, xt.shape[0]!, () => predictWithVariance.call(model, xt, timestep)),
    }),
    ...(withLevels && { withLevels: (levels) => countedModel(withLevels.call(model, levels)) }),
  };
}
