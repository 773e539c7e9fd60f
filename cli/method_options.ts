/** The sampler of a command line: method, preset and every published parameter as an option. */
import {
  INVERSION_VARIANTS,
  type InversionVariant,
  type RestorationTask,
  type Sampler,
  SAMPLERS,
  SSD_PLUS_STOP,
  SSD_PRESETS,
  type SsdOptions,
  type SsdPlusOptions,
  type SsdPreset,
  ssdPreset,
} from "../samplers/mod.ts";
import { type Arguments, type OptionSpec, UsageError } from "./arguments.ts";

/** A sampler with the parameters of one run. */
export interface Method {
  /** Published parameters that the others replace. */
  readonly preset: SsdPreset;
  readonly sampler: Pick<Sampler<SsdPlusOptions>, "name" | "evaluations" | "restore">;
  readonly options: SsdPlusOptions;
}

/** The options that choose a method and its parameters. */
export const METHOD_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  method: {
    kind: "choice",
    choices: ["ssd", "ssd+"],
    help: "Sampler: ssd for exact measurements (default), ssd+ for noisy ones",
  },
  preset: { kind: "choice", choices: SSD_PRESETS, help: "Published parameters: ssd-30 (default) or ssd-100" },
  steps: { kind: "integer", min: 4, max: 2000, help: "Nominal network evaluations, split as in the paper" },
  "inversion-steps": { kind: "integer", min: 2, help: "Length of the inversion list (5 of 30, 15 of 100)" },
  "generation-steps": { kind: "integer", min: 2, help: "Length of the generation list (25 of 30, 85 of 100)" },
  shortcut: {
    kind: "integer",
    min: 2,
    help: "Timestep t0 where inversion ends and generation begins (550; colorize 750)",
  },
  inversion: { kind: "choice", choices: INVERSION_VARIANTS, help: "Distortion Adaptive (da, default), ddim or ddpm" },
  eta: { kind: "number", min: 0, max: 1, help: "Share of fresh noise in da inversion (0.4; colorize 0.8)" },
  "ddim-eta": { kind: "number", min: 0, max: 1, help: "Share of fresh noise in generation (0.8)" },
  "ddpm-steps": { kind: "flag", help: "Generate with DDPM steps instead of the eta mix" },
  "no-clip": { kind: "flag", help: "Do not clamp predicted pictures to the value range" },
  "stop-timestep": {
    kind: "integer",
    min: 0,
    help: `ssd+: timestep below which data are not enforced (${SSD_PLUS_STOP})`,
  },
};

/** Nominal share of the inversion in the published 100-evaluation setting; 30 evaluations round to their 5. */
const INVERSION_SHARE = 0.15;

/**
 * The method of a command line: the preset of the task, overridden option by option.
 * @throws {UsageError} if options contradict each other
 */
export function chooseMethod(args: Arguments, kind: RestorationTask): Method {
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
  };
  checkLengths(args, options);
  const isPlus = args.text("method") === "ssd+";
  const stop = args.number("stop-timestep");
  if (stop !== undefined && !isPlus) throw new UsageError("--stop-timestep belongs to --method ssd+; leave it out");
  if (stop !== undefined && stop > options.t0) {
    throw new UsageError(`--stop-timestep is ${stop}, at most the shortcut timestep ${options.t0} is needed`);
  }
  // A published stop beyond a small shortcut timestep would mean the same as that timestep.
  const tStop = isPlus ? stop ?? Math.min(SSD_PLUS_STOP, options.t0) : 0;
  return { preset, sampler: isPlus ? SAMPLERS.ssd_plus : SAMPLERS.ssd, options: { ...options, tStop } };
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
