/** The sampler of a command line: method, preset and every published parameter as an option. */
import type { DeviceTensor } from "../engine/mod.ts";
import {
  type DdpmOptions,
  INVERSION_VARIANTS,
  type InversionVariant,
  PLAIN_SAMPLERS,
  type PlainSamplerName,
  type Progress,
  type RestorationTask,
  SAMPLERS,
  SSD_PLUS_STOP,
  SSD_PRESETS,
  type SsdOptions,
  type SsdPlusOptions,
  type SsdPreset,
  ssdPreset,
} from "../samplers/mod.ts";
import { NONLINEAR_OPERATORS } from "../operators/mod.ts";
import { type Arguments, type OptionSpec, UsageError } from "./arguments.ts";
import { choosePosterior, POSTERIOR_METHODS, POSTERIOR_OPTIONS, refusePosteriorOptions } from "./posterior_methods.ts";
import type { Method } from "./method.ts";
import { type Task, UPSAMPLE } from "./tasks.ts";

/** The options that choose a method and its parameters. */
export const METHOD_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  method: {
    kind: "choice",
    value: "NAME",
    choices: ["ssd", "ssd+", ...POSTERIOR_METHODS.keys(), "ddpm", "ddim"],
    help: "Sampler, see below; upsample: ddpm (default) or ddim",
  },
  preset: { kind: "choice", choices: SSD_PRESETS, help: "Published parameters: ssd-30 (default) or ssd-100" },
  steps: {
    kind: "integer",
    min: 4,
    max: 2000,
    help: "Nominal network evaluations, split as in the paper; other methods: noise levels or iterations",
  },
  "inversion-steps": { kind: "integer", min: 2, help: "Length of the inversion list (5 of 30, 15 of 100)" },
  "generation-steps": { kind: "integer", min: 2, help: "Length of the generation list (25 of 30, 85 of 100)" },
  shortcut: {
    kind: "integer",
    min: 2,
    help: "Timestep t0 where inversion ends and generation begins (550; colorize 750); sdedit 500, ccdf 200",
  },
  inversion: { kind: "choice", choices: INVERSION_VARIANTS, help: "Distortion Adaptive (da, default), ddim or ddpm" },
  eta: {
    kind: "number",
    min: 0,
    max: 1,
    help: "Share of fresh noise in da inversion (0.4; colorize 0.8), other methods: in a step",
  },
  "ddim-eta": { kind: "number", min: 0, max: 1, help: "Share of fresh noise in generation (0.8; ddim 0)" },
  "ddpm-steps": { kind: "flag", help: "Generate with DDPM steps instead of the eta mix" },
  "inject-attention": {
    kind: "integer",
    min: 0,
    help: "First generation steps that attend to what the last inversion steps attended to (0)",
  },
  "no-clip": { kind: "flag", help: "Do not clamp predicted pictures to the value range" },
  "stop-timestep": {
    kind: "integer",
    min: 0,
    help: `ssd+: timestep below which data are not enforced (${SSD_PLUS_STOP})`,
  },
  ...POSTERIOR_OPTIONS,
};

/** Nominal share of the inversion in the published 100-evaluation setting; 30 evaluations round to their 5. */
const INVERSION_SHARE = 0.15;

/** The options that plain samplers have. */
const PLAIN_OPTIONS: readonly string[] = ["method", "steps", "ddim-eta", "no-clip"];

/**
 * The method of a command line: the published parameters for the task, overridden option by option.
 * @throws {UsageError} if options contradict each other, or the task
 */
export function chooseMethod(args: Arguments, task: Task): Method {
  const isUpsampling = task.name === UPSAMPLE.name;
  const refusal = methodRefusal(args, task);
  const wanted = methodName(args, task);
  if (refusal !== undefined) throw new UsageError(`--method is ${wanted}, the task is "${task.name}": ${refusal}`);
  if (wanted !== undefined && wanted in PLAIN_SAMPLERS !== isUpsampling) {
    const fitting = isUpsampling ? "ddpm or ddim" : `one of ${["ssd", "ssd+", ...POSTERIOR_METHODS.keys()].join(", ")}`;
    throw new UsageError(`--method is ${wanted}, the task is "${task.name}": ${fitting} is needed`);
  }
  if (wanted !== undefined && POSTERIOR_METHODS.has(wanted)) {
    return choosePosterior(args, wanted, task.kind, Object.keys(METHOD_OPTIONS));
  }
  refusePosteriorOptions(args);
  return isUpsampling ? choosePlain(args) : chooseShortcut(args, task.kind);
}

/** The method that is named; DPS where none is and the operator of the task is not linear. */
function methodName(args: Arguments, { operator }: Task): string | undefined {
  return args.text("method") ?? (NONLINEAR_OPERATORS.has(operator) ? "dps" : undefined);
}

/** Why the method of a command line does not go with a task whose operator is not linear; undefined if it does. */
export function methodRefusal(args: Arguments, task: Task): string | undefined {
  if (!NONLINEAR_OPERATORS.has(task.operator)) return undefined;
  const wanted = methodName(args, task);
  if (wanted === "dps" || (wanted === "diffpir" && args.text("data-step") === "first_order")) return undefined;
  return "what is not linear needs dps, or diffpir with --data-step first_order";
}

/** Plain sampling with the published parameters. */
function choosePlain(args: Arguments): Method {
  const foreign = Object.keys(METHOD_OPTIONS).find((option) => args.has(option) && !PLAIN_OPTIONS.includes(option));
  if (foreign !== undefined) {
    throw new UsageError(`--${foreign} belongs to Shortcut Sampling, the task is "${UPSAMPLE.name}"; leave it out`);
  }
  const name: PlainSamplerName = args.text("method") === "ddim" ? "ddim" : "ddpm";
  if (name === "ddpm" && args.has("ddim-eta")) {
    throw new UsageError(`--ddim-eta belongs to --method ddim for the task "${UPSAMPLE.name}"; leave it out`);
  }
  const { defaults } = PLAIN_SAMPLERS[name];
  const steps = args.number("steps") ?? defaults.steps;
  const base: DdpmOptions = { steps, clipDenoised: !args.flag("no-clip") };
  const eta = args.number("ddim-eta") ?? PLAIN_SAMPLERS.ddim.defaults.eta;
  const evaluations = { nominal: steps, actual: steps };
  return {
    name,
    options: name === "ddim" ? { ...base, eta } : base,
    evaluations,
    draws: steps + 1,
    timesteps: { option: "--steps", least: steps },
    run(runtime, { model, y }, noise): AsyncGenerator<Progress, DeviceTensor> {
      const problem = { model, count: y.shape[0]! };
      return name === "ddim"
        ? PLAIN_SAMPLERS.ddim.sample(runtime, problem, { ...base, eta, noise })
        : PLAIN_SAMPLERS.ddpm.sample(runtime, problem, { ...base, noise });
    },
  };
}

function chooseShortcut(args: Arguments, kind: RestorationTask): Method {
  const preset = (args.text("preset") ?? "ssd-30") as SsdPreset;
  const base = ssdPreset(preset, kind);
  const total = args.number("steps");
  if (total !== undefined && (args.has("inversion-steps") || args.has("generation-steps"))) {
    throw new UsageError("--steps splits by itself; give either --steps, or --inversion-steps and --generation-steps");
  }
  const inverted = total === undefined ? base.inversionSteps : Math.max(2, Math.round(total * INVERSION_SHARE));
  const options: SsdOptions = {
    t0: args.number("shortcut") ?? base.t0,
    inversionSteps: args.number("inversion-steps") ?? inverted,
    generationSteps: args.number("generation-steps") ?? (total === undefined ? base.generationSteps : total - inverted),
    inversion: (args.text("inversion") ?? base.inversion) as InversionVariant,
    eta: args.number("eta") ?? base.eta,
    useDdim: !args.flag("ddpm-steps"),
    ddimEta: args.number("ddim-eta") ?? base.ddimEta,
    clipDenoised: !args.flag("no-clip"),
    injectedSteps: args.number("inject-attention") ?? base.injectedSteps,
  };
  checkLengths(args, options);
  const most = Math.min(options.inversionSteps - 1, options.generationSteps);
  if (options.injectedSteps > most) {
    throw new UsageError(
      `--inject-attention is ${options.injectedSteps}, at most ${most} is possible with an inversion of ` +
        `${options.inversionSteps} steps and a generation of ${options.generationSteps}`,
    );
  }
  const isPlus = args.text("method") === "ssd+";
  const stop = args.number("stop-timestep");
  if (stop !== undefined && !isPlus) throw new UsageError("--stop-timestep belongs to --method ssd+; leave it out");
  if (stop !== undefined && stop > options.t0) {
    throw new UsageError(`--stop-timestep is ${stop}, at most the shortcut timestep ${options.t0} is needed`);
  }
  // A published stop beyond a small shortcut timestep would mean the same as that timestep.
  const tStop = isPlus ? stop ?? Math.min(SSD_PLUS_STOP, options.t0) : 0;
  const sampler = isPlus ? SAMPLERS.ssd_plus : SAMPLERS.ssd;
  const all: SsdPlusOptions = { ...options, tStop };
  const evaluations = sampler.evaluations(all);
  return {
    name: sampler.name,
    preset,
    options: all,
    evaluations,
    draws: evaluations.actual,
    timesteps: { option: "--shortcut", least: options.t0 },
    run: (runtime, problem, noise) => sampler.restore(runtime, problem, { ...all, noise }),
  };
}

/** Refuses lists that are longer than the timesteps they are taken from. */
function checkLengths(args: Arguments, { t0, inversionSteps, generationSteps }: SsdOptions): void {
  const total = args.number("steps");
  const longest = Math.max(inversionSteps, generationSteps);
  if (longest <= t0) return;
  const option = total !== undefined
    ? `--steps is ${total}`
    : generationSteps > t0
    ? `--generation-steps is ${generationSteps}`
    : `--inversion-steps is ${inversionSteps}`;
  throw new UsageError(
    `${option}, the longest list has ${longest} of the ${t0} timesteps up to --shortcut; choose fewer steps`,
  );
}
