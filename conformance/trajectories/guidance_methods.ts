/** Trajectories of DDPG, IDPG, CM4IR and DeqIR, which project every prediction in a way of their own. */
import {
  alphaBarOf,
  DEFAULT_PROCESS,
  type DiffusionProcess,
  noiseLevelProcess,
  type OutputWeights,
  PUBLISHED_LEVELS,
} from "../../models/mod.ts";
import { ddnmTimesteps, SAMPLERS } from "../../samplers/mod.ts";
import type { Settings, StoredTensor } from "../reference_file.ts";
import { NotSupportedError } from "../row.ts";
import { circularBlur } from "./circular_blur.ts";
import { LEVEL_LIMIT, listValues } from "./denoiser_runs.ts";
import { COEFFICIENTS, extrapolationOf, withMixtures } from "./fitting_methods.ts";
import { numberedDraws, storedDraw, type TrajectoryMethod, valuesOf } from "./method.ts";
import { posteriorTrajectory, type RecordedRun, showing, type Steps } from "./posterior.ts";

const T = DEFAULT_PROCESS.diffusion_steps;

/** What the program calls the lengths of the guidance. */
const STEP_SIZES = ["constant", "falling", "falling_gradient"] as const;

/** Both; `x0.last` is the last prediction. */
const DDPG = posteriorTrajectory({
  pattern: /^(DDPG|IDPG)$/,
  timesteps: (config) => ddnmTimesteps(T, config.number("steps")),
  sigmaY: (config) => 2 * config.number("sigma_y"),
  operatorFor: (file, description) => circularBlur(file, description),
  restore(run): Steps {
    const { runtime, file, config, problem, noise } = run;
    const options = {
      steps: config.number("steps"),
      gamma: config.number("gamma"),
      etaTilde: config.number("eta_tilde"),
      noise,
    };
    if (file.metadata.text("method") === "IDPG") {
      return withLastPrediction(run, SAMPLERS.idpg.restore(runtime, problem, options));
    }
    const zeta = config.number("zeta");
    const stepSize = stepSizeOf(config);
    return withLastPrediction(run, SAMPLERS.ddpg.restore(runtime, problem, { ...options, zeta, stepSize }));
  },
  isFinalState: true,
});

function stepSizeOf(config: Settings): typeof STEP_SIZES[number] {
  const mode = config.number("step_size_mode");
  const stepSize = STEP_SIZES[mode];
  if (stepSize && config.number("scale_ls", 1) === 1) return stepSize;
  throw new NotSupportedError(`there is no DDPG with step size mode ${mode} and scale ${config.number("scale_ls", 1)}`);
}

/** The run, with its last prediction as `x0.last`. */
function withLastPrediction({ states }: RecordedRun, run: Steps): Steps {
  return showing(run, async ({ step, steps, x0 }) => {
    if (step === steps) states.set("x0.last", await valuesOf(x0));
  });
}

/** What every step of CM4IR is told of its noise level: its own, a greater one, or that and all that follows from it. */
interface ToldLevels {
  /** sigma of the states. */
  readonly sigmas: readonly number[];
  /** sigma that the network is told. */
  readonly told: readonly number[];
  /** Whether the weights of the network are those of what it is told. */
  readonly isWhole: boolean;
}

function toldLevels(config: Settings): ToldLevels {
  const first = PUBLISHED_LEVELS[config.number("iN") + 1]!;
  const deltas = config.has("deltas") ? config.numbers("deltas") : [];
  const growth = 1 + config.number("gamma");
  const sigmas = Array.from({ length: config.number("steps") }, (_, k) => {
    return Math.max(0.002, Math.sqrt(1 - Math.min(first * growth ** k, 0.9999)));
  });
  const told = sigmas.map((sigma, k) => (1 + (deltas[k] ?? 0)) * sigma);
  return { sigmas, told, isWhole: config.number("deltas_injection_type", 0) === 1 };
}

/** A consistency model that is told the levels of a run. */
function toldProcess({ sigmas, told, isWhole }: ToldLevels): DiffusionProcess {
  const consistency = noiseLevelProcess("consistency");
  const at = (alphaBar: number): OutputWeights => {
    const distances = sigmas.map((sigma) => Math.abs(alphaBarOf(sigma) - alphaBar));
    const other = alphaBarOf(told[distances.indexOf(Math.min(...distances))]!);
    const [own, { noise, ...weights }] = [consistency.at(alphaBar), consistency.at(other)];
    if (!isWhole) return { ...own, noise };
    // Weights are those of states with a scale, which is that of the level itself.
    const scale = Math.sqrt(other / alphaBar);
    return { ...weights, noise, input: scale * weights.input, x0FromXt: scale * weights.x0FromXt };
  };
  return { ...consistency, at };
}

/** CM4IR; `net_in.k` is what the network is given. */
const CM4IR = posteriorTrajectory({
  pattern: /^CM4IR$/,
  inputs: /^x_start$/,
  timesteps: () => [],
  listsOfRun: ["timesteps_seen_by_network"],
  limit: (quantity) => quantity === "timesteps_seen_by_network" ? 1e-6 : quantity === "sigmas" ? LEVEL_LIMIT : 1e-4,
  process: (config) => toldProcess(toldLevels(config)),
  sigmaY: (config) => 2 * config.number("sigma_y"),
  async restore(run): Promise<Steps> {
    const { runtime, file, config, problem, noise, states } = run;
    const levels = toldLevels(config);
    const inputOf = (x: StoredTensor, k: number): StoredTensor => {
      const { input } = toldProcess(levels).at(alphaBarOf(levels.sigmas[k]!));
      return { data: x.data.map((value) => input * value), shape: x.shape };
    };
    states.set("sigmas", listValues(levels.sigmas));
    states.set("timesteps_seen_by_network", listValues(levels.told.map((sigma) => 250 * Math.log(sigma))));
    const [image, fresh] = [await file.readChannelsLast("x_start"), await file.readChannelsLast("noise.init")];
    const scale = Math.sqrt(alphaBarOf(levels.sigmas[0]!));
    const noisy = image.data.map((value, i) => scale * (value + levels.sigmas[0]! * fresh.data[i]!));
    states.set("net_in.0", inputOf({ data: noisy, shape: image.shape }, 0));
    const restored = SAMPLERS.cm4ir.restore(runtime, problem, {
      steps: config.number("steps"),
      sigmaStart: levels.sigmas[0]!,
      growth: config.number("gamma"),
      eta: config.number("eta"),
      zeta: config.number("zeta"),
      noise,
    });
    return showing(restored, async ({ step, steps, xt }) => {
      if (step < steps) states.set(`net_in.${step}`, inputOf(await valuesOf(xt), step));
    });
  },
  draws: (file, config) => numberedDraws(file, config.number("steps")),
  isFinalState: true,
});

/** DeqIR; `f.i` is the last row of sweep i, `all.i` are all of its rows, one batch. */
const DEQIR = posteriorTrajectory({
  pattern: /^DeqIR$/,
  timesteps: (config) => ddnmTimesteps(T, config.number("timesteps")),
  listsOfRun: ["timesteps_seen_by_network"],
  // Systems of few equations, whose inner products are sums in f32.
  limit: (quantity) => /^(seq|timesteps_\w+)$/.test(quantity) ? 0 : 1e-3,
  sigmaY: (config) => config.number("sigma_y"),
  draws: (file) => [
    storedDraw(file, "noise.xT", "xT", false),
    storedDraw(file, "noise.shared", "shared", false),
  ],
  restore({ runtime, config, problem, noise, states }): Steps {
    if (config.number("lam") !== 1e-3 || config.number("beta") !== 1) {
      throw new NotSupportedError("there is no other regularisation or damping of the mixture");
    }
    const timesteps = ddnmTimesteps(T, config.number("timesteps"));
    states.set("seq", listValues(timesteps));
    const restored = SAMPLERS.deqir.restore(runtime, problem, {
      steps: timesteps.length,
      sweeps: config.number("max_iter"),
      history: config.number("m"),
      tolerance: config.number("tol"),
      eta: config.number("etw"),
      noiseWeight: config.number("nw"),
      noise,
    });
    return showing(restored, async ({ name, step, x0, xt, parts = {} }) => {
      states.set(`f.${name}`, await valuesOf(x0));
      const rows = await Promise.all(timesteps.map((_, k) => valuesOf(parts[`row${k}`]!)));
      const data = Float32Array.from(rows.flatMap(({ data }) => [...data]));
      states.set(`all.${name}`, { data, shape: [rows.length, ...rows[0]!.shape.slice(1)] });
      states.set("final", await valuesOf(xt));
      states.set("timesteps_seen_by_network", listValues(new Array<number>(step).fill(timesteps.at(-1)!)));
    });
  },
  isFinalState: true,
});

/** DDNM with learned linear extrapolation. */
const LLE = posteriorTrajectory({
  pattern: /^LLE with DDNM$/,
  inputs: COEFFICIENTS,
  timesteps: (config) => ddnmTimesteps(T, config.number("steps")),
  limit: () => 1e-4,
  sigmaY: (config) => config.number("sigma_0"),
  async restore(run): Promise<Steps> {
    const { runtime, config, problem, noise } = run;
    const steps = config.number("steps");
    const extrapolation = await extrapolationOf(run, steps);
    const restored = SAMPLERS.ddnm.restore(runtime, problem, {
      steps,
      eta: config.number("eta"),
      ...extrapolation,
      noise,
    });
    return withMixtures(run, restored, "predicted");
  },
  isFinalState: true,
});

/** All of them. */
export const GUIDANCE_METHODS: readonly TrajectoryMethod[] = [DDPG, CM4IR, DEQIR, LLE];
