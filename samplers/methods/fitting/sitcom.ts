/**
 * SITCOM: at every level Adam moves the input of the network until its prediction agrees with the measurement as far as
 * the noise lets it, and the prediction is noised to the next level. Alkhouri, Liang, Huang, Dai, Qu, Ravishankar, Wang,
 * SITCOM: Step-wise Triple-Consistent Diffusion Sampling for Inverse Problems, ICML 2025.
 */
import { type DeviceTensor, elementCount, type Runtime, type Tensor } from "../../../engine/mod.ts";
import { clamp, copy, gradient, sampleSquares, sub, weightedSum } from "../../../kernels/mod.ts";
import { integer, number, type Parameter, type ValuesOf } from "../../../parameters/mod.ts";
import { type Level, respace } from "../../coefficients.ts";
import { steps } from "../../common_parameters.ts";
import { sampler } from "../../entry.ts";
import { type NoiseSource, silence } from "../../noise_source.ts";
import type { GeneralProblem, Progress, Sampler } from "../../sampler.ts";
import { misfitGradient } from "../../steps/likelihood.ts";
import { drawOf, pureNoise, stateShape, trajectory, weightsAt } from "../../steps/run.ts";
import { sampleChoice } from "../../steps/sample_choice.ts";
import { networkStep, type NoisyStage, noisyStage } from "../../steps/step.ts";
import { ddnmTimesteps } from "../../timesteps.ts";
import { type AdamDecay, adamScalars, type AdamStep, adamStep, learningRate, type Moments, noMoments } from "./adam.ts";

/** The parameters of `sitcom`. */
export const PARAMETERS = {
  steps: steps(20, 1) as Parameter<number>,
  innerSteps: integer(30, { min: 1, max: 1000 }, "most network evaluations of a step") as Parameter<number>,
  learningRate: learningRate(0.02) as Parameter<number>,
  correction: number(
    0,
    { min: 0 },
    "how far the prediction of a step follows the measurement afterwards, 0.5 for all the way where A keeps pixels",
  ) as Parameter<number>,
};

/** Parameters of SITCOM. */
export type SitcomOptions = ValuesOf<typeof PARAMETERS>;

const DECAY: AdamDecay = { first: 0.9, second: 0.999 };

/** Added to the deviation of the noise where a residual is compared with it. */
const SLACK = 1e-3;

/** SITCOM. */
export const sitcom: Sampler<SitcomOptions> = sampler({
  name: "sitcom",
  paper: "Alkhouri et al., SITCOM: Step-wise Triple-Consistent Diffusion Sampling for Inverse Problems, ICML 2025",
  about: "Adam on the input of the network, then fresh noise (--noise-level)",
  needs: ["gradient"],
  handlesNoise: true,
  parameters: PARAMETERS,
  published: { inpainting: { correction: 0.5 } },
  nonlinear: {},
  // At most: a step ends where the residual is that of the noise.
  evaluations: ({ steps, innerSteps }) => ({ nominal: steps * innerSteps, actual: steps * innerSteps }),
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const { y, model: { alphaBar } } = problem;
    const places = respace(alphaBar, ddnmTimesteps(alphaBar.length, options.steps)).toReversed();
    const fit = fitting(runtime, problem, options);
    const noised = renoising(runtime, problem, options);
    const start = await pureNoise(runtime, problem, options.noise);
    return yield* trajectory({ start, places, stages: [fit, noised] }, async (state, level, k) => {
      const { prediction, evaluations } = await fit(state, level);
      const draw = drawOf(k);
      return {
        name: draw.name,
        evaluations,
        ...await noised(draw, { x: prediction, y }, weightsAt(level.alphaBarPrevious)),
      };
    });
  },
});

/** Where the network is evaluated, and what Adam knows. */
interface FitPlace extends Level {
  readonly j: number;
  readonly moments: Moments<DeviceTensor>;
}

/** The fitting of the input at one level. */
interface Fitting {
  /** The prediction that agrees with the measurement, or the last one, and the evaluations until then. */
  (state: DeviceTensor, level: Level): Promise<{ readonly prediction: DeviceTensor; readonly evaluations: number }>;
  release(): void;
}

/**
 * Prepares the fitting. Every sample of a batch ends by itself: once its residual is short enough its prediction is
 * kept, while the others go on.
 */
function fitting(
  runtime: Runtime,
  problem: GeneralProblem,
  { innerSteps, learningRate }: SitcomOptions,
): Fitting {
  const { model, operator, y, sigmaY } = problem;
  const longest = (sigmaY + SLACK) ** 2 * elementCount(operator.measurementShape);
  const common = { noise: silence, inputs: { y }, clipDenoised: true };
  const move = networkStep(runtime, model, {
    ...common,
    name: "sitcom",
    scalars: ({ j }: FitPlace) => adamScalars(learningRate, DECAY, j),
    tensors: ({ moments }) => ({ tensors: moments, free: () => {} }),
    update({ xt: x, x0, y, first, second }, c): AdamStep & Readonly<Record<"x0" | "loss", Tensor>> {
      const loss = sampleSquares(sub(operator.forward(x0), y));
      return { x0, loss, ...adamStep({ x, gradient: gradient(loss, [x])[0]!, first, second }, c, DECAY) };
    },
  });
  // What Adam made of the last prediction would not be looked at.
  const last = networkStep(runtime, model, { ...common, name: "sitcom prediction", update: ({ x0 }) => ({ x0 }) });
  const choose = sampleChoice(runtime);
  const zero = noMoments(runtime, stateShape(problem));
  const samples = y.shape[0]!;
  const run = async (state: DeviceTensor, level: Level): ReturnType<Fitting> => {
    let [input, moments]: [DeviceTensor, Moments<DeviceTensor>] = [state, zero.tensors];
    let prediction: DeviceTensor | undefined;
    let isOver: readonly boolean[] = new Array<boolean>(samples).fill(false);
    const draw = drawOf(0);
    for (let j = 0; j < innerSteps - 1; j++) {
      const { x0, loss, moved, ...means } = await move(input, { ...level, j, moments }, draw);
      prediction = await choose(x0, prediction ?? x0, isOver);
      const losses = await loss.read();
      isOver = isOver.map((is, sample) => is || losses[sample]! < longest);
      if (isOver.every((is) => is)) return { prediction, evaluations: j + 1 };
      [input, moments] = [moved, means];
    }
    const { x0 } = await last(input, level, draw);
    return { prediction: await choose(x0, prediction ?? x0, isOver), evaluations: innerSteps };
  };
  const release = (): void => {
    for (const stage of [move, last, choose]) stage.release();
    zero.free();
  };
  return Object.assign(run, { release });
}

/** Prepares the correction of a prediction, and the state sqrt(alphaBar') x0 + sqrt(1 - alphaBar') z that it leads to. */
function renoising(
  runtime: Runtime,
  { operator }: GeneralProblem,
  { correction, noise }: SitcomOptions & { readonly noise: NoiseSource },
): NoisyStage<"x" | "y", "keep" | "fresh", "x0" | "xt"> {
  return noisyStage(runtime, "renoising", noise, ({ x, y }, c, normal) => {
    const x0 = correction === 0
      ? copy(x)
      : clamp(weightedSum([[1, x], [-2 * correction, misfitGradient(operator, x, y)]]), -1, 1);
    return { x0, xt: weightedSum([[c.keep, x0], [c.fresh, normal(x.shape)]]) };
  });
}
