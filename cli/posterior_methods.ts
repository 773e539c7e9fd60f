/** The samplers besides Shortcut Sampling on a command line: which there are, and their parameters as options. */
import {
  DDNM_PLUS_FORMS,
  DDNM_UPDATES,
  DDS_SYSTEMS,
  DIFFPIR_DATA_STEPS,
  DMPS_POINTS,
  FIXED_VARIANCES,
  GUIDE_LEVELS,
  ILVR_REFERENCES,
  LIKELIHOODS,
  PIGDM_FORMS,
  type RestorationTask,
  type Sampler,
  type SamplerName,
  SAMPLERS,
  SWITCH_RULES,
} from "../samplers/mod.ts";
import { type Arguments, type OptionSpec, UsageError } from "./arguments.ts";
import type { Method } from "./method.ts";

/** The methods by the name that --method takes, with what each is. */
export const POSTERIOR_METHODS: ReadonlyMap<string, { readonly sampler: SamplerName; readonly description: string }> =
  new Map([
    ["pseudo-inverse", { sampler: "pseudo_inverse", description: "A^+ y, without any network" }],
    ["bicubic", { sampler: "bicubic", description: "the measurement enlarged, without any network: for sr tasks" }],
    ["ddnm", { sampler: "ddnm", description: "null-space model: replaces the measured part at every step" }],
    ["ddnm+", { sampler: "ddnm_plus", description: "the same for noisy measurements (--noise-level)" }],
    ["ddrm", { sampler: "ddrm", description: "sampling in the singular vectors of the operator (--noise-level)" }],
    ["dmps", { sampler: "dmps", description: "ancestral steps and the gradient of the likelihood (--noise-level)" }],
    ["dps", { sampler: "dps", description: "ancestral steps and the gradient of |y - A(x0)| through the network" }],
    ["mcg", { sampler: "mcg", description: "the same, and then a projection onto the noised measurement" }],
    ["pigdm", { sampler: "pigdm", description: "DDIM guided by A^+ through the network (--noise-level)" }],
    ["dps-dmps", { sampler: "dps_dmps", description: "dps for the first steps, dmps for the rest (--noise-level)" }],
    ["dds", { sampler: "dds", description: "conjugate gradients from every prediction (--noise-level)" }],
    ["diffpir", { sampler: "diffpir", description: "half-quadratic splitting (--noise-level)" }],
    ["repaint", { sampler: "repaint", description: "replaces what is known and goes back up again and again" }],
    ["ilvr", { sampler: "ilvr", description: "replaces the low frequencies by those of A^+ y" }],
    ["score-sde", { sampler: "score_sde", description: "projects every state onto the noised measurement" }],
    ["sdedit", { sampler: "sdedit", description: "noises A^+ y half way and denoises it, several times" }],
    ["ccdf", { sampler: "ccdf", description: "noises A^+ y a little and projects on the way back" }],
    ["pnp-admm", { sampler: "pnp_admm", description: "plug-and-play: data step and network in turn" }],
    ["admm-tv", { sampler: "admm_tv", description: "total variation, without any network" }],
  ]);

/** The methods with their meaning, for help texts. */
export const METHOD_LIST = {
  title: "Methods",
  rows: [
    ["ssd", "Shortcut Sampling, for exact measurements (default)"],
    ["ssd+", "the same for noisy measurements"],
    ...Array.from(POSTERIOR_METHODS, ([name, { description }]) => [name, description] as const),
  ],
} as const;

/** The parameter that an option sets, for options of several methods. */
const SHARED: Readonly<Record<string, string>> = {
  steps: "steps",
  shortcut: "t0",
  eta: "eta",
  "no-clip": "clipDenoised",
};

/** Options of the methods of this file alone, with the parameter that each sets. */
const PARAMETERS: Readonly<Record<string, { readonly key: string; readonly spec: OptionSpec }>> = {
  "travel-length": {
    key: "travelLength",
    spec: { kind: "integer", min: 1, help: "ddnm, ddnm+, repaint: levels that a jump goes up (1; repaint 10)" },
  },
  "travel-repeat": {
    key: "travelRepeat",
    spec: { kind: "integer", min: 1, max: 1000, help: "ddnm, ddnm+, repaint: walks over each stretch (1; repaint 10)" },
  },
  update: { key: "update", spec: { kind: "choice", choices: DDNM_UPDATES, help: "ddnm: rule of the next state" } },
  form: { key: "form", spec: { kind: "choice", choices: DDNM_PLUS_FORMS, help: "ddnm+: rule (simplified)" } },
  "eta-a": {
    key: "etaA",
    spec: { kind: "number", min: 0, max: 1, help: "ddrm: fresh noise where the measurement is worse (0.85)" },
  },
  "eta-b": {
    key: "etaB",
    spec: { kind: "number", min: 0, max: 1, help: "ddrm: share of the measurement where it is better (1)" },
  },
  "gradient-scale": {
    key: "scale",
    spec: {
      kind: "number",
      min: 0,
      help: "Length of the gradient step: dmps 1.75, dps and dps-dmps 0.3 (inpaint 0.5, phase 1), mcg 1, pigdm 1",
    },
  },
  likelihood: {
    key: "likelihood",
    spec: { kind: "choice", choices: LIKELIHOODS, help: "dps: noise of the measurement (gaussian)" },
  },
  "switch-rule": {
    key: "rule",
    spec: { kind: "choice", choices: SWITCH_RULES, help: "dps-dmps: switch after a share of the steps, or by PSNR" },
  },
  "switch-share": {
    key: "share",
    spec: { kind: "number", min: 0, max: 1, help: "dps-dmps: share of the steps that are dps (0.5)" },
  },
  "switch-psnr": {
    key: "threshold",
    spec: { kind: "number", help: "dps-dmps, rule psnr: dB from which consecutive predictions agree (20)" },
  },
  "switch-least": {
    key: "leastSteps",
    spec: { kind: "integer", min: 0, help: "dps-dmps, rule psnr: steps that are dps in any case (5)" },
  },
  "switch-latest": {
    key: "latestShare",
    spec: { kind: "number", min: 0, max: 1, help: "dps-dmps, rule psnr: highest timestep of a switch, of all (0.7)" },
  },
  "likelihood-scale": {
    key: "likelihoodScale",
    spec: { kind: "number", min: 0, help: "dps-dmps: length of the dmps step (1.75)" },
  },
  point: {
    key: "point",
    spec: { kind: "choice", choices: DMPS_POINTS, help: "dmps: gradient after the step or before" },
  },
  system: { key: "system", spec: { kind: "choice", choices: DDS_SYSTEMS, help: "dds: what is solved (auto)" } },
  gamma: { key: "gamma", spec: { kind: "number", min: 0, help: "dds: weight of the data (1); diffpir: step length" } },
  lambda: {
    key: "lambda",
    spec: { kind: "number", min: 0, help: "diffpir: weight of the prior (1); admm-tv: of the variation (0.027)" },
  },
  zeta: {
    key: "zeta",
    spec: { kind: "number", min: 0, max: 1, help: "diffpir: share of fresh noise (0.25; deblur 0.1, inpaint 1)" },
  },
  guidance: { key: "guidance", spec: { kind: "number", min: 0, help: "diffpir: share of the data step (1)" } },
  "data-step": {
    key: "dataStep",
    spec: { kind: "choice", choices: DIFFPIR_DATA_STEPS, help: "diffpir: how the data step is done (exact)" },
  },
  rho: { key: "rho", spec: { kind: "number", min: 1e-9, help: "pnp-admm, admm-tv: weight of the agreement" } },
  "denoiser-sigma": { key: "sigma", spec: { kind: "number", min: 0, help: "pnp-admm: noise that is removed (0.1)" } },
  iterations: {
    key: "iterations",
    spec: { kind: "integer", min: 1, max: 1000, help: "Conjugate gradient iterations of methods that use them" },
  },
  level: {
    key: "level",
    spec: { kind: "choice", choices: GUIDE_LEVELS, help: "score-sde, ccdf: noise level of the measurement" },
  },
  repeats: { key: "repeats", spec: { kind: "integer", min: 1, max: 100, help: "sdedit: number of passes (3)" } },
  "filter-factor": {
    key: "factor",
    spec: { kind: "integer", min: 0, help: "ilvr: reduction of its low-pass filter (that of the task)" },
  },
  "ilvr-reference": {
    key: "reference",
    spec: { kind: "choice", choices: ILVR_REFERENCES, help: "ilvr: noise of the reference, as in program or paper" },
  },
  "pigdm-form": {
    key: "guidanceForm",
    spec: { kind: "choice", choices: PIGDM_FORMS, help: "pigdm: as in the program, or in the paper (--noise-level)" },
  },
  "fixed-variance": {
    key: "fixedVariance",
    spec: {
      kind: "choice",
      choices: FIXED_VARIANCES,
      help: "Ancestral steps where the network learns no variance: posterior's (small) or beta",
    },
  },
  "free-steps": { key: "freeSteps", spec: { kind: "integer", min: 0, help: "ilvr: last steps without condition (0)" } },
};

/** Options that the methods of this file add to the command line. */
export const POSTERIOR_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  "noise-level": {
    kind: "number",
    min: 0,
    max: 10,
    help: "Standard deviation of the noise that the method reckons with (default: --sigma-y)",
  },
  ...Object.fromEntries(Object.entries(PARAMETERS).map(([name, { spec }]) => [name, spec])),
};

/** The parameter of an option; undefined if it sets none of these methods. */
function keyOf(option: string): string | undefined {
  return SHARED[option] ?? PARAMETERS[option]?.key;
}

/**
 * Refuses options of these methods beside another one.
 * @throws {UsageError} naming the methods that take the option
 */
export function refusePosteriorOptions(args: Arguments): void {
  const given = Object.keys(POSTERIOR_OPTIONS).find((option) => args.has(option));
  if (given !== undefined) refuse(given);
}

function refuse(option: string): never {
  const key = keyOf(option);
  const owners = Array.from(POSTERIOR_METHODS)
    .filter(([, { sampler }]) => key !== undefined && key in SAMPLERS[sampler].defaults)
    .map(([name]) => name);
  const methods = option === "noise-level" ? [...NOISY].join(", ") : owners.join(", ") || "ssd, ssd+";
  throw new UsageError(`--${option} belongs to --method ${methods}; leave it out`);
}

/**
 * A method of this file with the published parameters of a task, overridden option by option.
 * @param name of `POSTERIOR_METHODS`
 * @param methodOptions names of all options that belong to methods
 * @throws {UsageError} if an option belongs to another method, or a number of steps is out of range
 */
export function choosePosterior(
  args: Arguments,
  name: string,
  task: RestorationTask,
  methodOptions: readonly string[],
): Method {
  const chosen = POSTERIOR_METHODS.get(name)!;
  const sampler = SAMPLERS[chosen.sampler] as Sampler<object>;
  const defaults: Readonly<Record<string, unknown>> = { ...sampler.defaultsFor(task) };
  const overrides: Record<string, unknown> = {};
  for (const option of methodOptions.filter((option) => args.has(option))) {
    if (option === "method" || (option === "noise-level" && NOISY.has(name))) continue;
    const key = keyOf(option);
    if (key === undefined || !(key in defaults)) refuse(option);
    overrides[key] = option === "no-clip" ? false : args.number(option) ?? args.text(option);
  }
  // A walk from a lower timestep visits all below it unless told otherwise.
  if ("t0" in overrides && !("steps" in overrides)) overrides["steps"] = overrides["t0"];
  const options: Readonly<Record<string, unknown>> = { ...defaults, ...overrides };
  const [steps, t0] = [Number(options["steps"] ?? 0), options["t0"]];
  const isIterative = ["pnp-admm", "admm-tv"].includes(name);
  const most = isIterative ? Infinity : Number(t0 ?? TRAINING_TIMESTEPS);
  if (steps > most) throw new UsageError(`--steps is ${steps}, at most ${most} is needed`);
  return {
    name: sampler.name,
    options,
    evaluations: sampler.evaluations(options),
    timesteps: t0 === undefined
      ? { option: "--steps", least: isIterative ? 0 : steps }
      : { option: "--shortcut", least: Number(t0) },
    run: (runtime, problem, noise) => sampler.restore(runtime, problem, { ...options, noise }),
  };
}

/** Methods that reckon with noise in the measurement. */
const NOISY: ReadonlySet<string> = new Set(["ddnm+", "ddrm", "dmps", "dds", "diffpir", "pigdm", "dps-dmps"]);

/** Training timesteps of the published models. */
const TRAINING_TIMESTEPS = 1000;
