/**
 * Plain sampling along the probability flow dx_hat/dsigma = (x_hat - x0)/sigma by two evaluations a step, with as much
 * fresh noise before each as one wants: Karras et al., Elucidating the Design Space of Diffusion-Based Generative Models,
 * NeurIPS 2022, algorithm 2.
 */
import type { DeviceTensor, Runtime } from "../../engine/mod.ts";
import { weightedSum } from "../../kernels/mod.ts";
import { integer, number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import type { Level } from "../coefficients.ts";
import { clipDenoised } from "../common_parameters.ts";
import type { SamplerDefinition } from "../description.ts";
import { plainSampler } from "../entry.ts";
import { type NoiseSource, silence } from "../noise_source.ts";
import type { PlainProblem, PlainSampler } from "../plain_sampler.ts";
import type { Progress } from "../sampler.ts";
import { refuseGuidance } from "../steps/class_guidance.ts";
import { flowStep } from "../steps/flow_step.ts";
import { alphaBarOf, KARRAS_LEVELS, karrasGrid, levelAt, noiseRange, overLevels } from "../steps/noise_levels.ts";
import { plainStart } from "../steps/plain_trajectory.ts";
import { type NoiseWeights, noising, trajectory } from "../steps/run.ts";
import { networkStep, type Place, type Step } from "../steps/step.ts";

/** The parameters of `heun`. */
export const PARAMETERS = {
  steps: integer(18, { min: 1, max: 1000 }, "number of noise levels") as Parameter<number>,
  ...KARRAS_LEVELS,
  // Published for ImageNet: 40, with sTmin 0.05, sTmax 50, sNoise 1.003.
  sChurn: number(0, { min: 0 }, "S_churn: fresh noise of the whole run, 0 for none") as Parameter<number>,
  sTmin: number(0, { min: 0 }, "least sigma at which noise is added") as Parameter<number>,
  sTmax: number(undefined, { min: 0 }, "greatest sigma at which noise is added (any)") as Parameter<number | undefined>,
  sNoise: number(1, { min: 0 }, "deviation of that noise") as Parameter<number>,
  clipDenoised,
};

/** Parameters of the samplers of second order over noise levels. */
export type HeunOptions = ValuesOf<typeof PARAMETERS>;

/** Where the second evaluation of a step is, and how much its slope counts against the first one's. */
interface Rule {
  /** sigma of the second evaluation; there is none at 0. */
  middle(from: number, to: number): number;
  /** Share of the second slope, 0 to 1. */
  readonly share: number;
}

/** The trapezoidal rule: the mean of the slopes at both ends. */
const TRAPEZOID: Rule = { middle: (_from, to) => to, share: 1 / 2 };

/** The midpoint rule, in the middle of the cube roots. */
const MIDPOINT: Rule = { middle: (from, to) => ((Math.cbrt(from) + Math.cbrt(to)) / 2) ** 3, share: 1 };

const shared: Pick<SamplerDefinition<typeof PARAMETERS>, "makesLevels" | "parameters" | "draws"> = {
  makesLevels: true,
  parameters: PARAMETERS,
  draws: ({ actual }) => Math.ceil(actual / 2) + 1,
};

/** Heun's method; the step to the image is one of Euler's. */
export const heun: PlainSampler<HeunOptions> = plainSampler({
  ...shared,
  name: "heun",
  paper: "Karras et al., Elucidating the Design Space of Diffusion-Based Generative Models, NeurIPS 2022, algorithm 2",
  about: "plain sampling along the probability flow by Heun's method, for upsample",
  evaluations: ({ steps }) => ({ nominal: 2 * steps - 1, actual: 2 * steps - 1 }),
  sample: (runtime, problem, options) => descend(runtime, "heun", problem, options, TRAPEZOID),
});

/** The midpoint method. */
export const dpm: PlainSampler<HeunOptions> = plainSampler({
  ...shared,
  name: "dpm",
  paper: "Lu et al., DPM-Solver, NeurIPS 2022 (second order), as in the program of Song et al., Consistency Models, " +
    "ICML 2023",
  about: "plain sampling along the probability flow by the midpoint method, for upsample",
  evaluations: ({ steps }) => ({ nominal: 2 * steps, actual: 2 * steps }),
  sample: (runtime, problem, options) => descend(runtime, "dpm", problem, options, MIDPOINT),
});

/** Weights of the state after both evaluations. */
type BothWeights = Readonly<Record<"xtFromBefore" | "xtFromFirst" | "xtFromXt" | "xtFromX0", number>>;

/** One step of a run. */
interface HeunPlace {
  readonly name: string;
  /** Weights of the state and of fresh noise before the first evaluation, where some is added. */
  readonly churn: NoiseWeights | undefined;
  /** The first evaluation, and the level that it leads to. */
  readonly first: Level;
  /** The second one, where there is one. */
  readonly second: (Place & BothWeights) | undefined;
}

/** The second evaluation with the state and the prediction of the first. */
interface SecondPlace extends Place, BothWeights {
  readonly before: DeviceTensor;
  readonly predicted: DeviceTensor;
}

/** From the noisiest level to the image. */
function descend(
  runtime: Runtime,
  name: string,
  problem: PlainProblem,
  options: HeunOptions & { readonly noise: NoiseSource },
  rule: Rule,
): AsyncGenerator<Progress, DeviceTensor> {
  refuseGuidance(name, problem.guidance);
  const sigmas = [...karrasGrid(options.steps, noiseRange(name, problem.model, options)), 0];
  const { places, calls } = heunPlaces(sigmas, options, rule);
  const model = overLevels(name, problem.model, calls.map(alphaBarOf));
  // Without scale the state is sigma z: in x_vp the deviation is a little less than 1.
  const startDeviation = Math.sqrt(1 - alphaBarOf(sigmas[0]!));
  return sampledTwice(runtime, { ...problem, model }, { ...options, places, startDeviation });
}

/**
 * Takes the steps; every state has the draw of its step, `gen.k`. Steps show what they made besides: `churned`, the state
 * with fresh noise, and `middle`, that of the second evaluation.
 */
async function* sampledTwice(
  runtime: Runtime,
  problem: PlainProblem,
  { places, startDeviation, clipDenoised, noise }: {
    readonly places: readonly HeunPlace[];
    readonly startDeviation: number;
    readonly clipDenoised: boolean;
    readonly noise: NoiseSource;
  },
): AsyncGenerator<Progress, DeviceTensor> {
  const { model } = problem;
  const churn = noising(runtime, "churn", noise);
  const predictor = flowStep(runtime, model, { name: "predictor", clipDenoised });
  const corrector: Step<SecondPlace, "x0" | "xt"> = networkStep(runtime, model, {
    name: "corrector",
    noise: silence,
    clipDenoised,
    scalars: ({ xtFromBefore, xtFromFirst, xtFromXt, xtFromX0 }: SecondPlace) => {
      return { xtFromBefore, xtFromFirst, xtFromXt, xtFromX0 };
    },
    tensors: ({ before, predicted }) => ({ tensors: { before, first: predicted }, free: () => {} }),
    update: ({ x0, xt, before, first }, c) => ({
      x0,
      xt: weightedSum([[c.xtFromBefore, before], [c.xtFromFirst, first], [c.xtFromXt, xt], [c.xtFromX0, x0]]),
    }),
  });
  const start = await plainStart(runtime, problem, { deviation: startDeviation, noise });
  const run = { start, places, stages: [churn, predictor, corrector] };
  return yield* trajectory(run, async (state, place, k) => {
    const draw = { name: place.name, ordinal: k + 1 };
    const before = place.churn ? await churn(state, place.churn, draw) : state;
    const churned = place.churn ? { churned: before } : {};
    const first = await predictor(before, place.first, draw);
    if (!place.second) return { name: place.name, ...first, parts: churned };
    const next = await corrector(first.xt, { ...place.second, before, predicted: first.x0 }, draw);
    return { name: place.name, ...next, evaluations: 2, parts: { ...churned, middle: first.xt } };
  });
}

/**
 * The steps over a list of noise levels, and the levels of all evaluations in their order.
 * @param sigmas from the noisiest down to 0
 */
function heunPlaces(
  sigmas: readonly number[],
  { sChurn, sTmin, sTmax = Infinity, sNoise }: HeunOptions,
  rule: Rule,
): { readonly places: readonly HeunPlace[]; readonly calls: readonly number[] } {
  const calls: number[] = [];
  const call = (sigma: number): number => calls.push(sigma) - 1;
  const places = sigmas.slice(0, -1).map((sigma, k, { length }): HeunPlace => {
    const to = sigmas[k + 1]!;
    const gamma = sigma >= sTmin && sigma <= sTmax ? Math.min(sChurn / length, Math.SQRT2 - 1) : 0;
    const from = sigma * (1 + gamma);
    const middle = rule.middle(from, to);
    const scale = Math.sqrt(alphaBarOf(from));
    return {
      name: `gen.${k}`,
      churn: gamma > 0
        ? { keep: scale / Math.sqrt(alphaBarOf(sigma)), fresh: scale * sNoise * Math.sqrt(from ** 2 - sigma ** 2) }
        : undefined,
      first: levelAt(call(from), from, middle),
      second: middle > 0
        ? { timestep: call(middle), alphaBar: alphaBarOf(middle), ...bothWeights({ from, middle, to }, rule.share) }
        : undefined,
    };
  });
  return { places, calls };
}

/**
 * x_hat' = x_hat + (to - from) ((1 - share) d + share d'), with the slopes d = (x_hat - x0)/from and d' of the second
 * evaluation, in states x_vp.
 */
function bothWeights(
  { from, middle, to }: { readonly from: number; readonly middle: number; readonly to: number },
  share: number,
): BothWeights {
  const scale = Math.sqrt(alphaBarOf(to));
  const [first, second] = [(1 - share) * (to - from) / from, share * (to - from) / middle];
  return {
    xtFromBefore: scale / Math.sqrt(alphaBarOf(from)) * (1 + first),
    xtFromFirst: -scale * first,
    xtFromXt: scale / Math.sqrt(alphaBarOf(middle)) * second,
    xtFromX0: -scale * second,
  };
}
