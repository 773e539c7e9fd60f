/** Every sampler with few steps, and running one to its end. */
import { type DeviceTensor, ReferenceRuntime, type Runtime } from "../../engine/mod.ts";
import type { NoiseModel } from "../../models/mod.ts";
import type { LinearOperator } from "../../operators/mod.ts";
import {
  type NoiseSource,
  type Progress,
  type Sampler,
  type SamplerName,
  SAMPLERS,
  seededNoise,
} from "../../samplers/mod.ts";

/** Options of every sampler that make its runs short and use all that it does. */
export const FEW_STEPS: Readonly<Record<SamplerName, object>> = {
  "pseudo_inverse": {},
  bicubic: {},
  ssd: { inversionSteps: 3, generationSteps: 4 },
  "ssd_plus": { inversionSteps: 3, generationSteps: 4 },
  ddnm: { steps: 5, travelLength: 2, travelRepeat: 2 },
  "ddnm_plus": { steps: 5, travelLength: 2, travelRepeat: 2 },
  ddrm: { steps: 5 },
  dmps: { steps: 5 },
  dps: { steps: 5 },
  mcg: { steps: 5 },
  pigdm: { steps: 5 },
  "dps_dmps": { steps: 6, rule: "psnr", leastSteps: 2 },
  dds: { steps: 5 },
  diffpir: { steps: 5 },
  ddpg: { steps: 5 },
  idpg: { steps: 5 },
  "red_diff": { steps: 5 },
  sitcom: { steps: 3, innerSteps: 3, correction: 0.3 },
  cm4ir: { steps: 3, zeta: 0.5 },
  resample: { steps: 4, descents: 3 },
  lgd: { steps: 5, samples: 2 },
  daps: { steps: 4, flowSteps: 2, chainSteps: 3, chainRate: 1e-3, tau: 0.1, momentum: 0.4 },
  "guess_and_guide": { t0: 300, guesses: 2, steps: 3 },
  "pnp_dm": { steps: 3, levels: 6, couplingStart: 1 },
  ddsmc: { steps: 4, particles: 3, sigmaMin: 0.1, spreadMin: 0.02, spreadMax: 10 },
  "fps_smc": { steps: 5, particles: 3 },
  deqir: { steps: 4, sweeps: 4, history: 2, tolerance: 0, noiseWeight: 0.5 },
  "gibbs_ddrm": { steps: 4, taps: 3, kernelUpdates: 1, kernelSteps: 2, kernelRate: 1e-7 },
  repaint: { steps: 5, travelLength: 2, travelRepeat: 2 },
  ilvr: { steps: 5, freeSteps: 1 },
  "score_sde": { steps: 5 },
  sdedit: { steps: 3, repeats: 2 },
  ccdf: { steps: 4 },
  "pnp_admm": { steps: 4 },
  "admm_tv": { steps: 4 },
  "consistency_editing": { steps: 4 },
};

/** A sampler of the register with its defaults, which some options replace. */
export function sampler(
  name: SamplerName,
  options: object = {},
): { readonly sampler: Sampler<object>; readonly options: object } {
  const chosen = SAMPLERS[name] as Sampler<object>;
  return { sampler: chosen, options: { ...chosen.defaults, ...options } };
}

/** What is run. */
export interface Setting {
  readonly name: SamplerName;
  readonly options?: object;
  readonly model: NoiseModel;
  readonly operator: LinearOperator;
  /** Measurements, one after the other. */
  readonly y: Float32Array;
  readonly sigmaY?: number;
  /** One for each measurement. */
  readonly seeds: readonly number[];
  readonly runtime?: Runtime;
  readonly noise?: NoiseSource;
}

/** Starts a run. */
export function start(setting: Setting): AsyncGenerator<Progress, DeviceTensor> {
  const { name, model, operator, y, seeds, sigmaY = 0, runtime = new ReferenceRuntime() } = setting;
  const { sampler: chosen, options } = sampler(name, setting.options ?? FEW_STEPS[name]);
  const problem = { model, operator, y: runtime.upload(y, [seeds.length, ...operator.measurementShape]), sigmaY };
  return chosen.restore(runtime, problem, { ...options, noise: setting.noise ?? seededNoise(seeds) });
}

/** Runs a restoration to its end. */
export async function restored(setting: Setting): Promise<Float32Array> {
  const run = start(setting);
  for (;;) {
    const { done, value } = await run.next();
    if (done) return await value.read();
  }
}
