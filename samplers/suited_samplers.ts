/** Which plain samplers are made for what a network predicts. */
import type { PredictionType } from "../models/mod.ts";
import { isPlain, registeredSamplers } from "./register.ts";

/** By what the network predicts, in the order of preference; a list of timesteps goes with the first ones. */
const SUITED: Readonly<Record<PredictionType, readonly string[]>> = {
  epsilon: ["ddim", "ddpm"],
  "v_prediction": ["ddim", "ddpm"],
  sample: ["ddim", "ddpm"],
  ve: ["heun", "euler", "euler_ancestral", "dpm"],
  edm: ["heun", "euler", "euler_ancestral", "dpm"],
  consistency: ["consistency"],
  flow: ["flow_euler"],
};

/**
 * The plain samplers that suit a network, of those that are registered; all others run on it as well.
 * @param type what it predicts
 * @returns names in the order of preference, those of the program's own samplers
 */
export function suitedSamplers(type: PredictionType): readonly string[] {
  const plain = registeredSamplers().filter(isPlain).map(({ name }) => name);
  const suited = SUITED[type].filter((name) => plain.includes(name));
  return suited.length > 0 ? suited : plain;
}
