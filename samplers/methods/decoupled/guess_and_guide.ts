/**
 * Guess & Guide: at one middle noise level the image is predicted, brought to the measurement and noised again, round
 * after round, until there is a guess; the same then happens at few levels on the way down. The network is never
 * differentiated. Shtanchaev, Ilina, Janati, Asadulaev, Takac, Moulines, Guess & Guide: Gradient-Free Zero-Shot Diffusion
 * Guidance, ICLR workshops 2026. The constants, the spacing of the levels and the solver are this project's.
 */
import { type DeviceTensor, elementCount, type Runtime, scope, type Tensor } from "../../../engine/mod.ts";
import {
  add,
  addRatio,
  fill,
  mul,
  reciprocal,
  relu,
  sampleDot,
  scaleSamples,
  sqrt,
  sub,
  weightedSum,
} from "../../../kernels/mod.ts";
import type { LinearOperator } from "../../../operators/mod.ts";
import { integer, type Parameter, type ValuesOf } from "../../../parameters/mod.ts";
import { etaMixCoefficients, type Level, respace, sigmaOf } from "../../coefficients.ts";
import { clipDenoised, partialSteps, shortcutTimestep } from "../../common_parameters.ts";
import { sampler } from "../../entry.ts";
import type { Problem, Progress, Sampler } from "../../sampler.ts";
import { moveBy, noised, START, trajectory } from "../../steps/run.ts";
import { networkStep } from "../../steps/step.ts";
import { ssdTimesteps } from "../../timesteps.ts";

/** The parameters of `guess_and_guide`. */
export const PARAMETERS = {
  t0: shortcutTimestep(400, "timestep of the guess") as Parameter<number>,
  guesses: integer(6, { min: 0, max: 1000 }, "rounds of the guess, one evaluation each") as Parameter<number>,
  steps: partialSteps(24) as Parameter<number>,
  dataSteps: integer(20, { min: 1, max: 1000 }, "steps towards the measurement at each level") as Parameter<number>,
  clipDenoised,
};

/** Parameters of Guess & Guide. */
export type GuessAndGuideOptions = ValuesOf<typeof PARAMETERS>;

/** Guess & Guide. */
export const guessAndGuide: Sampler<GuessAndGuideOptions> = sampler({
  name: "guess_and_guide",
  paper: "Shtanchaev et al., Guess & Guide: Gradient-Free Zero-Shot Diffusion Guidance, ICLR workshops 2026",
  about: "a guess at one noise level, then few levels below it (--noise-level)",
  handlesNoise: true,
  parameters: PARAMETERS,
  evaluations: ({ guesses, steps }) => ({ nominal: guesses + steps, actual: guesses + steps }),
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const { model, operator, sigmaY } = problem;
    const { t0, guesses, steps, dataSteps, clipDenoised, noise } = options;
    const down = respace(model.alphaBar, ssdTimesteps(t0, steps)).toReversed();
    const { alphaBar } = down[0]!;
    const staying: Level = { ...down[0]!, alphaBarPrevious: alphaBar };
    const { image, y } = await measured(runtime, problem);
    const data = { squares: noiseSquares(problem), steps: dataSteps };
    const step = networkStep(runtime, model, {
      name: "guess_and_guide",
      noise,
      inputs: { y },
      clipDenoised,
      scalars(level: Level): Record<"guided" | "free" | "fromX0" | "fromNoise", number> {
        const { xtFromX0: fromX0, xtFromNoise: fromNoise } = etaMixCoefficients(level, 1);
        // What is taken over of the noise of y must be less than the fresh noise, or no later level removes it.
        const guided = sigmaOf(level.alphaBarPrevious) >= sigmaY ? 1 : 0;
        return { guided, free: 1 - guided, fromX0, fromNoise };
      },
      project: ({ x0, y }, c) => weightedSum([[c.free, x0], [c.guided, explained(operator, { x: x0, y }, data)]]),
      update: ({ x0, z }, c) => ({ x0, xt: weightedSum([[c.fromX0, x0], [c.fromNoise, z]]) }),
    });
    const start = await noised(runtime, image, { alphaBar, noise, draw: START });
    image.free();
    const places = [...Array.from({ length: guesses }, () => staying), ...down];
    const stages = [step, { release: (): void => y.free() }];
    return yield* trajectory({ start, places, stages }, moveBy(step));
  },
});

/** The image A^+ y, and A A^+ y, what an image can explain of y; the caller frees both. */
async function measured(
  runtime: Runtime,
  { operator, y }: Problem,
): Promise<Readonly<Record<"image" | "y", DeviceTensor>>> {
  const stage = runtime.stage<"y", never, "image" | "y">("range", ({ y }) => {
    const image = operator.pseudoInverse(y);
    return { image, y: operator.forward(image) };
  });
  const made = await stage({ y }, {});
  const kept = { image: made.image.keep(), y: made.y.keep() };
  stage.release();
  return kept;
}

/** The expected |A A^+ n|^2 of the noise: sigma^2 times the rank of A, or the size of y where the rank is not known. */
function noiseSquares({ operator, sigmaY }: Problem): number {
  const form = operator.spectral?.();
  const rank = form && Array.from(form.singularValues.data).filter((s) => s > 0).length;
  return sigmaY ** 2 * (rank ?? elementCount(operator.measurementShape));
}

/**
 * Conjugate gradients on |y - A u|^2 from an image, every sample its own. A step that would take |y - A u|^2 below what
 * the noise leaves ends where it is that much, and all after it stay. Where A has one singular value besides 0, one step
 * leads to the nearest image with |y - A u|^2 <= squares.
 * @param x [N, H, W, C]
 * @param y [N, ...operator.measurementShape], in the range of A
 * @param data.squares what |y - A u|^2 falls to, at least 0
 * @returns [N, H, W, C]
 */
function explained(
  operator: LinearOperator,
  { x, y }: { readonly x: Tensor; readonly y: Tensor },
  { squares, steps }: { readonly squares: number; readonly steps: number },
): Tensor {
  return scope("data", () => {
    let image = x;
    let missing = sub(y, operator.forward(x));
    let slope = operator.adjoint(missing);
    let direction = slope;
    let steepness = sampleDot(slope, slope);
    for (let k = 0; k < steps; k++) {
      const seen = operator.forward(direction);
      const length = stepLength({ missing, steepness, bend: sampleDot(seen, seen) }, squares);
      image = weightedSum([[1, image], [1, scaleSamples(direction, length)]]);
      if (k === steps - 1) break;
      missing = sub(missing, scaleSamples(seen, length));
      slope = operator.adjoint(missing);
      const next = sampleDot(slope, slope);
      direction = addRatio(
        { x: slope, direction, numerator: next, denominator: steepness },
        { sign: 1, floor: NOTHING },
      );
      steepness = next;
    }
    return image;
  });
}

/** Squares below which nothing is missing any more: the reciprocal of less could leave f32. */
const NOTHING = 1e-30;

/**
 * How far a step goes, [N]: to the minimum of |missing - t seen|^2, or to the first t at which that is `squares`, with
 * the steepness <missing, seen> [N] and the bend |seen|^2 [N].
 */
function stepLength(
  { missing, steepness, bend }: Readonly<Record<"missing" | "steepness" | "bend", Tensor>>,
  squares: number,
): Tensor {
  const filled = (value: number): Tensor => fill(steepness.shape, value);
  const inverse = reciprocal(add(bend, filled(NOTHING)));
  // The root of an exact measurement is 0, and its rounding would count.
  if (squares === 0) return mul(steepness, inverse);
  const above = relu(sub(sampleDot(missing, missing), filled(squares)));
  const root = sqrt(relu(sub(mul(steepness, steepness), mul(bend, above))));
  return mul(sub(steepness, root), inverse);
}
