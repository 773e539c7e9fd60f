/** What a network was trained with, in words. */
import type { DiffusionProcess } from "../diffusion_process.ts";
import type { Description } from "../family.ts";
import { DEFAULT_PROCESS } from "../model_description.ts";

/** A noise level in four digits, "infinity" where no image is left. */
function level(sigma: number): string {
  return Number.isFinite(sigma) ? String(Number(sigma.toPrecision(4))) : "infinity";
}

/**
 * The noise levels of a training, in a line.
 * @param process what the network was trained with
 */
export function describeProcess({ schedule, range: [least, greatest] }: DiffusionProcess): string {
  const of = schedule ? `${schedule.timesteps.length} timesteps` : "any level between";
  return `sigma ${level(least)} to ${level(greatest)} (${of})`;
}

/**
 * A description with what it means where it does not say it: the kind of prediction, and the list of timesteps where
 * there is one.
 * @param description of a network that predicts noise
 * @param process what it says of the training
 */
export function withProcess(description: Description, { predictionType, schedule }: DiffusionProcess): Description {
  const { value_range: range, ...list } = DEFAULT_PROCESS;
  return { prediction_type: predictionType, ...(schedule ? list : {}), value_range: range, ...description };
}
