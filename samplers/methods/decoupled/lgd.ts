/**
 * LGD-MC: after every step the state follows the gradient of the length of the residual, taken through the network, not
 * of the predicted image alone but of several around it, which scatter as much as the image is unsure. Song, Zhang, Yin,
 * Mardani, Liu, Kautz, Chen, Vahdat, Loss-Guided Diffusion Models for Plug-and-Play Controllable Generation, ICML 2023.
 */
import type { DeviceTensor, Runtime, Tensor } from "../../../engine/mod.ts";
import { add, gradient, sampleSquares, sliceChannels, sqrt, sub, weightedSum } from "../../../kernels/mod.ts";
import { choice, integer, number, type Parameter, type ValuesOf } from "../../../parameters/mod.ts";
import { gradientScale } from "../../common_parameters.ts";
import { sampler } from "../../entry.ts";
import type { NoiseSource } from "../../noise_source.ts";
import type { GeneralProblem, Progress, Sampler } from "../../sampler.ts";
import { overLevels } from "../../steps/noise_levels.ts";
import { ddimCoefficients } from "../../steps/plain_coefficients.ts";
import { pureNoise, stateShape, trajectory } from "../../steps/run.ts";
import { networkStep, type NoisyStage, noisyStage } from "../../steps/step.ts";
import { type DriftLevel, driftLevels, vpProcess, vpTimes } from "./vp_levels.ts";

/** The parameters of `lgd`. */
export const PARAMETERS = {
  steps: integer(1000, { min: 2, max: 10000 }, "number of steps") as Parameter<number>,
  samples: integer(
    3,
    { min: 1, max: 64, option: "loss-samples" },
    "images around the predicted one over which the loss is averaged",
  ) as Parameter<number>,
  // Published for scientific problems: 0.003.
  scale: gradientScale(0.3) as Parameter<number>,
  // DDIM with eta = 1 is what few steps want: there Euler's leave too much noise.
  stepRule: choice(
    "sde",
    ["sde", "ode", "ddim"],
    {},
    "steps of the reverse diffusion, of the probability flow, or of DDIM",
  ) as Parameter<"sde" | "ode" | "ddim">,
  sigmaMin: number(0.01048, { min: 1e-6 }, "least noise level sigma") as Parameter<number>,
  sigmaMax: number(152.17, { min: 1e-6, max: 1e6 }, "greatest noise level sigma") as Parameter<number>,
};

/** Parameters of LGD-MC. It does not read the deviation of the noise. */
export type LgdOptions = ValuesOf<typeof PARAMETERS>;

/** The noise level at which a run ends, as the program has it; its state counts as the image. */
const END = 0.01;

/** LGD-MC. */
export const lgd: Sampler<LgdOptions> = sampler({
  name: "lgd",
  paper: "Song et al., Loss-Guided Diffusion Models for Plug-and-Play Controllable Generation, ICML 2023",
  about: "the gradient of |y - A(x)| over images around the prediction, through the network",
  needs: ["gradient"],
  makesLevels: true,
  parameters: PARAMETERS,
  nonlinear: {},
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const { operator, y } = problem;
    const { noise, samples, stepRule } = options;
    const places = levelsOf(options);
    const model = overLevels("lgd", problem.model, places.map(({ alphaBar }) => alphaBar));
    const around = scatter(runtime, problem, options);
    const step = networkStep(runtime, model, {
      name: "guided step",
      noise,
      inputs: { y },
      scalars: (level: GuidedPlace) => ({ ...weightsOf(level, stepRule), pull: -options.scale / samples }),
      tensors: ({ offsets }) => ({ tensors: { offsets }, free: () => {} }),
      update({ xt, x0, z, y, offsets }, c): Readonly<Record<"x0" | "xt" | "losses", Tensor>> {
        const channels = x0.shape[3]!;
        const squares = Array.from({ length: samples }, (_, i) => {
          const image = add(x0, sliceChannels(offsets, i * channels, (i + 1) * channels));
          return sampleSquares(sub(operator.forward(image), y));
        });
        const losses = squares.reduce((sum, square) => add(sum, square));
        const grad = gradient(sqrt(losses), [xt])[0]!;
        const moved = weightedSum([[c.fromXt, xt], [c.fromX0, x0], [c.fromNoise, z], [c.pull, grad]]);
        return { x0, xt: moved, losses };
      },
    });
    const start = await pureNoise(runtime, problem, noise, Math.sqrt(1 - places[0]!.alphaBar));
    return yield* trajectory({ start, places, stages: [around, step] }, async (state, level, k) => {
      const width = Math.sqrt(1 - level.alphaBar);
      const { offsets } = await around({ name: `mc.${k}`, ordinal: 2 * k + 1 }, {}, { width });
      const draw = { name: String(k), ordinal: 2 * k + 2 };
      const { x0, xt, losses } = await step(state, { ...level, offsets }, draw);
      return { name: draw.name, x0, xt, parts: { losses } };
    });
  },
});

/** A level, with what is added to its prediction. */
interface GuidedPlace extends DriftLevel {
  /** [N, H, W, samples C] */
  readonly offsets: DeviceTensor;
}

function levelsOf({ steps, stepRule, ...range }: LgdOptions): readonly DriftLevel[] {
  const process = vpProcess(range);
  return driftLevels(process, vpTimes(steps), { end: process.time(END), isFlow: stepRule === "ode" });
}

type StepWeights = Pick<DriftLevel, "fromXt" | "fromX0" | "fromNoise">;

function weightsOf(level: DriftLevel, rule: LgdOptions["stepRule"]): StepWeights {
  const { fromXt, fromX0, fromNoise } = level;
  if (rule !== "ddim") return { fromXt, fromX0, fromNoise };
  const { xtFromXt, xtFromX0, xtFromNoise } = ddimCoefficients(level, 1);
  return { fromXt: xtFromXt, fromX0: xtFromX0, fromNoise: xtFromNoise };
}

/** Prepares r z of every image, r = sigma/sqrt(1 + sigma^2) = sqrt(1 - alphaBar), one image behind the other in the channels. */
function scatter(
  runtime: Runtime,
  problem: GeneralProblem,
  { samples, noise }: LgdOptions & { readonly noise: NoiseSource },
): NoisyStage<never, "width", "offsets"> {
  const [count, height, width, channels] = stateShape(problem) as [number, number, number, number];
  const shape = [count, height, width, channels * samples];
  return noisyStage(runtime, "samples", noise, (_inputs, c, normal): Readonly<Record<"offsets", Tensor>> => ({
    offsets: weightedSum([[c.width, normal(shape)]]),
  }));
}
