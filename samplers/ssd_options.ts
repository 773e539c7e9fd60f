/** Parameters of Shortcut Sampling, the published presets, and their limits. */
import { INVERSION_VARIANTS, type InversionVariant } from "./coefficients.ts";
import type { InversionOptions } from "./inversion.ts";
import { optionChecks } from "./option_checks.ts";
import type { RestorationTask } from "./sampler.ts";

/** Parameters of Shortcut Sampling. */
export interface SsdOptions extends InversionOptions {
  /** Shortcut timestep t0: inversion ends and generation starts at training timestep t0 - 1; 2..T. Published: 550. */
  readonly t0: number;
  /** Length of the inversion list, 2..t0; one transition less is made. Published: 5 (30 NFE), 15 (100 NFE). */
  readonly inversionSteps: number;
  /** Length of the generation list, 2..t0. Published: 25 (30 NFE), 85 (100 NFE). */
  readonly generationSteps: number;
  /** How the image is inverted. Published: "da". */
  readonly inversion: InversionVariant;
  /** Share of fresh noise in Distortion Adaptive inversion, 0..1. Published: 0.4, colorization 0.8. */
  readonly eta: number;
  /** Whether generation mixes eps and fresh noise by `ddimEta`; otherwise it makes DDPM steps. Published: true. */
  readonly useDdim: boolean;
  /** Share of fresh noise in generation, 0..1: sqrt(1 - ddimEta^2) eps + ddimEta z. Published: 0.8. */
  readonly ddimEta: number;
  /** Whether predicted images are clamped to [-1, 1]. Published: true. */
  readonly clipDenoised: boolean;
  /**
   * First generation steps whose attentions look at what those of the last inversion steps looked at, the last of these
   * first; 0..inversionSteps - 1. Published: 0, no injection.
   */
  readonly injectedSteps: number;
}

/** Parameters of SSD+, for noisy measurements. */
export interface SsdPlusOptions extends SsdOptions {
  /** Training timestep below which x0 is no longer made consistent with the measurement, 0..t0. Published: 200. */
  readonly tStop: number;
}

/** The published presets by their nominal number of network evaluations. */
export type SsdPreset = "ssd-30" | "ssd-100";

/** Names of the presets. */
export const SSD_PRESETS: readonly SsdPreset[] = ["ssd-30", "ssd-100"];

/** Timestep where the published SSD+ stops its projection. */
export const SSD_PLUS_STOP = 200;

/** Published parameters: colorization starts higher, with more fresh noise; the rest shares one setting. */
export function ssdPreset(preset: SsdPreset, task: RestorationTask): SsdOptions {
  const steps = {
    "ssd-30": { inversionSteps: 5, generationSteps: 25 },
    "ssd-100": { inversionSteps: 15, generationSteps: 85 },
  }[preset];
  const shortcut = task === "colorization" ? { t0: 750, eta: 0.8 } : { t0: 550, eta: 0.4 };
  return { ...shortcut, ...steps, inversion: "da", useDdim: true, ddimEta: 0.8, clipDenoised: true, injectedSteps: 0 };
}

/**
 * Number of generation steps that project: floor((t0 - tStop)/t0 generationSteps), counted from the noisiest.
 * @returns generationSteps for tStop = 0, 0 for tStop = t0
 */
export function projectedSteps({ t0, generationSteps, tStop }: SsdPlusOptions): number {
  return Math.trunc((t0 - tStop) / t0 * generationSteps);
}

/**
 * Checks every parameter.
 * @param sampler name for the message
 * @param timesteps number T of training timesteps of the model
 * @throws {RangeError} naming the first parameter that is out of range
 */
export function checkSsdOptions(sampler: string, options: SsdOptions | SsdPlusOptions, timesteps: number): void {
  const { t0, inversionSteps, generationSteps, inversion, eta, ddimEta, injectedSteps } = options;
  const check = optionChecks(sampler);
  check.integer("t0", t0, 2, timesteps);
  check.integer("inversionSteps", inversionSteps, 2, t0);
  check.integer("generationSteps", generationSteps, 2, t0);
  check.integer("injectedSteps", injectedSteps, 0, Math.min(inversionSteps - 1, generationSteps));
  check.number("eta", eta, 0, 1);
  check.number("ddimEta", ddimEta, 0, 1);
  if ("tStop" in options) check.number("tStop", options.tStop, 0, t0);
  check.choice("inversion", inversion, INVERSION_VARIANTS);
}
