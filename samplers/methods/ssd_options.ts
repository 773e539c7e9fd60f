/** Parameters of Shortcut Sampling and the published presets. */
import { choice, defaultsOf, flag, integer, number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { INVERSION_VARIANTS, type InversionVariant } from "../coefficients.ts";
import { clipDenoised, freshNoise, shortcutTimestep } from "../common_parameters.ts";
import type { RestorationTask, Shorthand } from "../description.ts";

/** Parameters of SSD; inversion ends and generation starts at training timestep t0 - 1. */
export const SSD_PARAMETERS = {
  t0: shortcutTimestep(550, "timestep t0 where inversion ends and generation begins") as Parameter<number>,
  // One transition less than the list is long is made.
  inversionSteps: integer(5, { min: 2, max: "t0" }, "length of the inversion list") as Parameter<number>,
  generationSteps: integer(25, { min: 2, max: "t0" }, "length of the generation list") as Parameter<number>,
  inversion: choice(
    "da",
    INVERSION_VARIANTS,
    {},
    "Distortion Adaptive (da), ddim or ddpm",
  ) as Parameter<InversionVariant>,
  eta: freshNoise(0.4, "share of fresh noise in da inversion") as Parameter<number>,
  useDdim: flag(
    true,
    { option: "ddpm-steps" },
    "generate with DDPM steps instead of the eta mix",
  ) as Parameter<boolean>,
  // sqrt(1 - ddimEta^2) eps + ddimEta z.
  ddimEta: freshNoise(0.8, "share of fresh noise in generation") as Parameter<number>,
  clipDenoised,
  // The last inversion step first.
  injectedSteps: integer(
    0,
    { min: 0, max: "injectable", option: "inject-attention" },
    "first generation steps that attend to what the last inversion steps attended to",
  ) as Parameter<number>,
};

/** Parameters of Shortcut Sampling. */
export type SsdOptions = ValuesOf<typeof SSD_PARAMETERS>;

/** Timestep where the published SSD+ stops its projection. */
export const SSD_PLUS_STOP = 200;

/** Parameters of SSD+. */
export const SSD_PLUS_PARAMETERS = {
  ...SSD_PARAMETERS,
  tStop: number(
    SSD_PLUS_STOP,
    { min: 0, max: "t0", option: "stop-timestep" },
    "timestep below which data are not enforced",
  ) as Parameter<number>,
};

/** Parameters of SSD+, for noisy measurements. */
export type SsdPlusOptions = ValuesOf<typeof SSD_PLUS_PARAMETERS>;

/** The published presets by their nominal number of network evaluations. */
export type SsdPreset = "ssd-30" | "ssd-100";

/** What the presets set. */
export const PRESETS: Readonly<Record<SsdPreset, Pick<SsdOptions, "inversionSteps" | "generationSteps">>> = {
  "ssd-30": { inversionSteps: 5, generationSteps: 25 },
  "ssd-100": { inversionSteps: 15, generationSteps: 85 },
};

/**
 * What was measured to be better than `ssd-30` in as many evaluations: generation begins lower, and all noise that it adds
 * is fresh (docs/samplers.md). Colorization and compressed pictures keep their own timestep.
 */
export const MEASURED_PRESETS = {
  "measured-30": { ...PRESETS["ssd-30"], t0: 400, ddimEta: 1 },
} as const;

/** Names of the published presets. */
export const SSD_PRESETS: readonly SsdPreset[] = ["ssd-30", "ssd-100"];

/**
 * Colorization starts higher, with more fresh noise; the rest shares one setting. Compressed pictures are not in the paper:
 * at their own size much of them is right, and 1.5 dB are lost where generation starts as high as for the rest.
 */
export const SSD_PUBLISHED = {
  colorization: { t0: 750, eta: 0.8 },
  compression: { t0: 100, ddimEta: 1 },
  thumbnail: { ddimEta: 1 },
};

/** Published parameters of a task. */
export function ssdPreset(preset: SsdPreset, task: RestorationTask): SsdOptions {
  const published: Partial<Record<RestorationTask, Partial<SsdOptions>>> = SSD_PUBLISHED;
  return { ...defaultsOf(SSD_PARAMETERS), ...PRESETS[preset], ...published[task] };
}

/** Nominal share of the inversion in the published 100-evaluation setting; 30 evaluations round to their 5. */
const INVERSION_SHARE = 0.15;

/** `--steps`: both lists from the number of evaluations that the paper counts. */
export const SSD_SHORTHANDS: Readonly<Record<string, Shorthand<SsdOptions>>> = {
  steps: {
    parameter: integer(undefined, { min: 4, max: 2000 }, "nominal network evaluations, split as in the paper"),
    spread(total): Pick<SsdOptions, "inversionSteps" | "generationSteps"> {
      const inversionSteps = Math.max(2, Math.round(total * INVERSION_SHARE));
      return { inversionSteps, generationSteps: total - inversionSteps };
    },
  },
};

/** As many steps can be injected as the inversion makes, into as many as generation makes. */
export function ssdLimits({ inversionSteps, generationSteps }: SsdOptions): { readonly injectable: number } {
  return { injectable: Math.min(inversionSteps - 1, generationSteps) };
}

/**
 * Number of generation steps that project: floor((t0 - tStop)/t0 generationSteps), counted from the noisiest.
 * @returns generationSteps for tStop = 0, 0 for tStop = t0
 */
export function projectedSteps({ t0, generationSteps, tStop }: SsdPlusOptions): number {
  return Math.trunc((t0 - tStop) / t0 * generationSteps);
}
