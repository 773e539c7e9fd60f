/** Trajectories of methods that fit something by descent: RED-diff, SITCOM and ReSample. */
import type { Tensors } from "../../engine/mod.ts";
import { DEFAULT_PROCESS, PUBLISHED_LEVELS } from "../../models/mod.ts";
import {
  ddnmTimesteps,
  type Extrapolation,
  type RedDiffWeighting,
  SAMPLERS,
  strideTimesteps,
} from "../../samplers/mod.ts";
import type { ReferenceFile, StoredTensor } from "../reference_file.ts";
import { type RecordedDraw, storedDraw, type TrajectoryMethod, valuesOf } from "./method.ts";
import { posteriorTrajectory, type RecordedRun, showing, type Steps } from "./posterior.ts";

const T = DEFAULT_PROCESS.diffusion_steps;

/** The first step of Adam is nearly the sign of the gradient, which rounding turns where it is near 0. */
const SIGN_LIMIT = 1e-3;

/** RED-diff; `final` is the image before the last update, whose evaluation the program makes for nothing. */
const RED_DIFF = posteriorTrajectory({
  pattern: /^RED-diff$/,
  timesteps: (config) => strideTimesteps(T, config.number("num_steps")),
  sigmaY: (config) => config.number("sigma_y"),
  limit: () => SIGN_LIMIT,
  restore(run): Promise<Steps> {
    const { runtime, config, problem, noise } = run;
    const steps = SAMPLERS.red_diff.restore(runtime, problem, {
      steps: config.number("num_steps"),
      learningRate: config.number("lr"),
      lambda: config.number("grad_term_weight"),
      dataWeight: config.number("obs_weight"),
      weighting: config.text("denoise_term_weight") as RedDiffWeighting,
      noise,
    });
    return withFirstAndFinal(run, steps);
  },
  isFinalState: true,
});

/** The run, with A^+ y as `x_init` and the state before the last one as `final`. */
async function withFirstAndFinal(
  { runtime, problem: { operator, y }, states }: RecordedRun,
  run: Steps,
): Promise<Steps> {
  const stage = runtime.stage("first image", ({ y }: Tensors<"y">) => ({ image: operator.pseudoInverse(y) }));
  states.set("x_init", await valuesOf((await stage({ y }, {})).image));
  stage.release();
  return showing(run, async ({ step, steps, xt }) => {
    if (step === steps - 1) states.set("final", await valuesOf(xt));
  });
}

/** SITCOM; `evaluations` lists those of each level. */
const SITCOM = posteriorTrajectory({
  pattern: /^SITCOM$/,
  timesteps: (config) => ddnmTimesteps(T, config.number("n_step")),
  listsOfRun: ["timesteps_seen_by_network"],
  sigmaY: (config) => config.number("noiselevel"),
  limit: (quantity) => /^(evaluations|timesteps_\w+)$/.test(quantity) ? 0 : quantity === "final" ? 1e-4 : SIGN_LIMIT,
  draws: (file, config) => sitcomDraws(file, config.number("n_step")),
  async restore(run): Promise<Steps> {
    const { runtime, file, config, problem, noise, states } = run;
    states.set("x_init", await startDraw(file));
    const steps = config.number("n_step");
    const timesteps = ddnmTimesteps(T, steps).toReversed();
    return withEvaluations(
      run,
      SAMPLERS.sitcom.restore(runtime, problem, {
        steps,
        innerSteps: config.number("num_steps"),
        learningRate: config.number("lr"),
        noise,
      }),
      timesteps,
    );
  },
  isFinalState: true,
});

/** The run, with the evaluations of its steps, and the timestep of each evaluation. */
function withEvaluations({ states }: RecordedRun, run: Steps, timesteps: readonly number[]): Steps {
  const [counts, seen]: [number[], number[]] = [[], []];
  return showing(run, ({ nfe }) => {
    const made = nfe - seen.length;
    seen.push(...Array<number>(made).fill(timesteps[counts.length]!));
    counts.push(made);
    states.set("evaluations", { data: counts, shape: [counts.length] });
    states.set("timesteps_seen_by_network", { data: seen, shape: [seen.length] });
  });
}

function sitcomDraws(file: ReferenceFile, steps: number): readonly RecordedDraw[] {
  const fresh = Array.from({ length: steps }, (_, k) => storedDraw(file, `noise.${k}`, String(k), k === steps - 1));
  return [...fresh, { name: "xT", isOptional: false, read: () => startDraw(file) }];
}

/** sqrt(alphaBar) a + sqrt(1 - alphaBar) b of the noisiest level: the program noises noise. */
async function startDraw(file: ReferenceFile): Promise<StoredTensor> {
  const alphaBar = PUBLISHED_LEVELS.at(-1)!;
  const [a, b] = [await file.readChannelsLast("noise.xT.a"), await file.readChannelsLast("noise.xT.b")];
  const data = a.data.map((value, i) => Math.sqrt(alphaBar) * value + Math.sqrt(1 - alphaBar) * b.data[i]!);
  return { data, shape: a.shape };
}

/** Names of the coefficients of learned linear extrapolation. */
export const COEFFICIENTS = /^coeff_(obs|free)\.\d+$/;

/** The coefficients of a file, where it is of learned linear extrapolation. */
export async function extrapolationOf(
  { file }: RecordedRun,
  steps: number,
): Promise<{ readonly extrapolation?: Extrapolation }> {
  if (!file.has("coeff_obs.0")) return {};
  const lists = async (kind: string): Promise<readonly (readonly number[])[]> =>
    await Promise.all(
      Array.from({ length: steps }, async (_, k) => Array.from(await file.readNumbers(`coeff_${kind}.${k}`))),
    );
  return { extrapolation: { observed: await lists("obs"), free: await lists("free") } };
}

/**
 * The run, whose predictions are mixed where the file has coefficients: `x0mix.k` then, and `x0.k` before that.
 * @param before the part of a step that the mixture begins with
 */
export function withMixtures({ file, states }: RecordedRun, run: Steps, before: string): Steps {
  if (!file.has("coeff_obs.0")) return run;
  return showing(run, async ({ name, x0, parts }) => {
    states.set(`x0mix.${name}`, await valuesOf(x0));
    states.set(`x0.${name}`, await valuesOf(parts![before]!));
  });
}

/** ReSample in the program of learned linear extrapolation; `x0.k` is where the descent ends. */
const RESAMPLE = posteriorTrajectory({
  pattern: /^(LLE with )?ReSample$/,
  inputs: COEFFICIENTS,
  timesteps: (config) => strideTimesteps(T, config.number("steps")),
  limit: () => 1e-4,
  sigmaY: (config) => config.number("sigma_0"),
  draws(file, config): readonly RecordedDraw[] {
    const count = strideTimesteps(T, config.number("steps")).length;
    const each = Array.from(
      { length: count },
      (_, k) => ["a", "b"].map((kind) => storedDraw(file, `noise.${kind}.${k}`, `${kind}.${k}`, k === count - 1)),
    );
    return [...each.flat(), storedDraw(file, "noise.xT", "xT", false)];
  },
  async restore(run): Promise<Steps> {
    const { runtime, config, problem, noise } = run;
    const steps = config.number("steps");
    const restored = SAMPLERS.resample.restore(runtime, problem, {
      steps,
      eta: config.number("eta"),
      resampleVariance: config.number("gamma"),
      ...await extrapolationOf(run, strideTimesteps(T, steps).length),
      noise,
    });
    return withMixtures(run, restored, "fitted");
  },
  isFinalState: true,
});

/** All of them. */
export const FITTING_METHODS: readonly TrajectoryMethod[] = [RED_DIFF, SITCOM, RESAMPLE];
