/** Published parameters and numbers of evaluations of the methods of these families, task by task. */
import { assertEquals } from "@std/assert";
import { type RestorationTask, type Sampler, type SamplerName, SAMPLERS } from "../../../samplers/mod.ts";

const TASKS: readonly RestorationTask[] = [
  "super_resolution",
  "deblurring",
  "inpainting",
  "colorization",
  "phase_retrieval",
];

/** The parameters of most tasks, and what is different in some. */
interface Published {
  readonly parameters: object;
  readonly of?: Partial<Record<RestorationTask, object>>;
}

const ANCESTRAL = { clipDenoised: true, fixedVariance: "small" };
const DPS = { steps: 1000, scale: 0.3, likelihood: "gaussian", ...ANCESTRAL };
const DPS_SCALES = { inpainting: { scale: 0.5 }, "phase_retrieval": { scale: 1 } };
const DIFFPIR = { lambda: 1, eta: 0, guidance: 1, dataStep: "exact", gamma: 0.01, iterations: 20 };

const PUBLISHED: Partial<Record<SamplerName, Published>> = {
  dps: { parameters: DPS, of: DPS_SCALES },
  mcg: {
    parameters: { steps: 1000, scale: 1, level: "current", noiseIn: "image", ...ANCESTRAL },
    of: { colorization: { scale: 0.1 } },
  },
  pigdm: {
    parameters: { steps: 100, eta: 1, scale: 1, guidanceForm: "published", clipDenoised: true, iterations: 20 },
  },
  dmps: { parameters: { steps: 1000, scale: 1.75, point: "after", iterations: 20, ...ANCESTRAL } },
  "dps_dmps": {
    parameters: {
      steps: 100,
      rule: "share",
      share: 0.5,
      threshold: 20,
      leastSteps: 5,
      latestShare: 0.7,
      scale: 0.3,
      likelihoodScale: 1.75,
      iterations: 20,
      ...ANCESTRAL,
    },
    of: DPS_SCALES,
  },
  dds: { parameters: { steps: 50, eta: 0.85, iterations: 5, gamma: 1, system: "auto", plainArrival: true } },
  diffpir: {
    parameters: { ...DIFFPIR, steps: 100, zeta: 0.25, countsNoise: false },
    of: {
      deblurring: { zeta: 0.1, countsNoise: true },
      inpainting: { steps: 20, zeta: 1, countsNoise: true },
    },
  },
  repaint: { parameters: { steps: 250, travelLength: 10, travelRepeat: 10, noiseIn: "image", ...ANCESTRAL } },
  ilvr: {
    parameters: { steps: 100, factor: 4, freeSteps: 0, reference: "published", ...ANCESTRAL },
    of: { "super_resolution": { factor: 0 } },
  },
  "score_sde": { parameters: { steps: 1000, level: "current", noiseIn: "image", ...ANCESTRAL } },
  "pnp_admm": { parameters: { steps: 12, rho: 0.2, sigma: 0.1, iterations: 20 } },
  "admm_tv": {
    parameters: { steps: 100, lambda: 0.027, rho: 0.01, iterations: 10 },
    of: { deblurring: { rho: 0.14 } },
  },
};

Deno.test("the methods have the published parameters of every task", () => {
  for (const [name, { parameters, of = {} }] of Object.entries(PUBLISHED)) {
    const sampler = SAMPLERS[name as SamplerName] as Sampler<object>;
    for (const task of TASKS) {
      assertEquals({ ...sampler.defaultsFor(task) }, { ...parameters, ...of[task] }, `${name}, ${task}`);
    }
    const common = name === "ilvr" ? { ...parameters, ...of["super_resolution"] } : parameters;
    assertEquals({ ...sampler.defaults }, common, name);
  }
});

/** Nominal and actual evaluations of 1000 training timesteps: published parameters, or some that round. */
const COUNTS: readonly (readonly [SamplerName, object, nominal: number, actual: number])[] = [
  ["dps", {}, 1000, 1000],
  ["mcg", {}, 1000, 1000],
  ["pigdm", {}, 100, 100],
  ["dmps", {}, 1000, 1000],
  ["dps_dmps", {}, 100, 100],
  ["dds", {}, 49, 50],
  ["dds", { steps: 30 }, 29, 31],
  ["diffpir", {}, 100, 99],
  ["diffpir", { steps: 20 }, 20, 19],
  ["repaint", {}, 2410, 2410],
  ["repaint", { travelRepeat: 3 }, 730, 730],
  ["ilvr", {}, 100, 100],
  ["score_sde", {}, 1000, 1000],
  ["pnp_admm", {}, 12, 12],
  ["admm_tv", {}, 0, 0],
];

Deno.test("the methods count their evaluations as the papers do", () => {
  for (const [name, options, nominal, actual] of COUNTS) {
    const sampler = SAMPLERS[name] as Sampler<object>;
    const found = sampler.evaluations({ ...sampler.defaults, ...options });
    assertEquals(found, { nominal, actual }, `${name} ${JSON.stringify(options)}`);
  }
});
