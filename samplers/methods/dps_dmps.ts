/**
 * The switch from DPS to DMPS: the gradient through the network guides the noisy part of the way, where it decides the
 * layout; the closed form of DMPS, which costs no backward pass, goes on from there. The switch comes after a share of
 * the steps, or where consecutive predictions agree.
 */
import type { DeviceTensor, Runtime, Tensors } from "../../engine/mod.ts";
import { clamp, copy, sampleSquares, sub } from "../../kernels/mod.ts";
import { choice, integer, number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { ancestralStep } from "../steps/ancestral_step.ts";
import type { Level } from "../coefficients.ts";
import { clipDenoised, fixedVariance, gradientScale, iterations, steps } from "../common_parameters.ts";
import { DPS_SCALES } from "./dps.ts";
import { sampler } from "../entry.ts";
import { sampleChoice } from "../steps/sample_choice.ts";
import { gradientStep } from "../steps/gradient_step.ts";
import { likelihoodCorrection } from "../steps/likelihood.ts";
import { drawOf, evenLevels, pureNoise, trajectory } from "../steps/run.ts";
import type { Problem, Progress, Sampler } from "../sampler.ts";

/** The parameters of `dps-dmps`. */
export const PARAMETERS = {
  steps: steps(100) as Parameter<number>,
  // By PSNR: of consecutive predictions.
  rule: choice(
    "share",
    ["share", "psnr"],
    { option: "switch-rule" },
    "switch after a share of the steps, or by PSNR",
  ) as Parameter<"share" | "psnr">,
  share: number(
    0.5,
    { min: 0, max: 1, option: "switch-share" },
    "rule share: share of the steps that are dps",
  ) as Parameter<number>,
  threshold: number(
    20,
    { option: "switch-psnr" },
    "rule psnr: dB from which consecutive predictions agree",
  ) as Parameter<number>,
  // Consecutive predictions of fine steps agree from the start.
  leastSteps: integer(
    5,
    { min: 0, option: "switch-least" },
    "rule psnr: steps that are dps in any case",
  ) as Parameter<number>,
  latestShare: number(
    0.7,
    { min: 0, max: 1, option: "switch-latest" },
    "rule psnr: highest timestep of a switch, as a share of all",
  ) as Parameter<number>,
  scale: gradientScale(0.3) as Parameter<number>,
  likelihoodScale: number(1.75, { min: 0 }, "length of the dmps step") as Parameter<number>,
  clipDenoised,
  fixedVariance,
  iterations: iterations(20) as Parameter<number>,
};

/** Parameters of the switch, of its DPS and of its DMPS part. */
export type DpsDmpsOptions = ValuesOf<typeof PARAMETERS>;

/** DPS, then DMPS. */
export const dpsDmps: Sampler<DpsDmpsOptions> = sampler({
  name: "dps_dmps",
  paper: "Chung et al., Diffusion Posterior Sampling for General Noisy Inverse Problems, ICLR 2023, then Meng, " +
    "Kabashima, Diffusion Model Based Posterior Sampling for Noisy Linear Inverse Problems, ACML 2024",
  about: "dps for the first steps, dmps for the rest (--noise-level)",
  needs: ["gradient"],
  handlesNoise: true,
  parameters: PARAMETERS,
  published: DPS_SCALES,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const places = evenLevels(problem.model, options.steps);
    const guided = gradientStep(runtime, problem, options);
    const plain = ancestralStep(runtime, problem.model, options);
    const correct = likelihoodCorrection(runtime, problem, options);
    const choose = sampleChoice(runtime);
    const decide = decision(runtime, problem, places, options);
    const start = await pureNoise(runtime, problem, options.noise);
    const stages = [guided, plain, correct, choose, decide];
    return yield* trajectory({ start, places, stages }, async (state, level, k) => {
      const { name } = drawOf(k);
      const corrected = (moved: DeviceTensor): Promise<DeviceTensor> =>
        correct({ moved, at: moved, level, scale: options.likelihoodScale });
      const switched = decide.switched(k);
      if (switched.every((is) => is)) {
        const moved = await plain(state, level, drawOf(k));
        return { name, x0: moved.x0, xt: await corrected(moved.xt) };
      }
      const { x0, xt, ancestral } = await guided(state, level, drawOf(k));
      const next = switched.includes(true) ? await choose(xt, await corrected(ancestral), switched) : xt;
      await decide.see(x0, k);
      return { name, x0, xt: next };
    });
  },
});

/** When each sample of the batch switches; once it has, it stays so. */
interface Decision {
  /** Whether step k of each sample is one of DMPS. */
  switched(k: number): readonly boolean[];
  /** Takes note of the images predicted at step k. */
  see(x0: DeviceTensor, k: number): Promise<void>;
  release(): void;
}

function decision(
  runtime: Runtime,
  { y, model }: Problem,
  levels: readonly Level[],
  { rule, share, threshold, leastSteps, latestShare }: DpsDmpsOptions,
): Decision {
  const samples = y.shape[0]!;
  if (rule === "share") {
    const first = Math.round(share * levels.length);
    return {
      switched: (k) => new Array<boolean>(samples).fill(k >= first),
      see: () => Promise.resolve(),
      release: () => {},
    };
  }
  const pixels = model.imageShape.reduce((product, extent) => product * extent, 1);
  // PSNR = 10 log10(2^2/MSE) of values in [-1, 1].
  const largest = (pixels * 4) / 10 ** (threshold / 10);
  const latest = latestShare * model.alphaBar.length;
  const compare = runtime.stage("agreement", ({ x0, before }: Tensors<"x0" | "before">) => {
    const seen = clamp(x0, -1, 1);
    return { distance: sampleSquares(sub(seen, before)), seen: copy(seen) };
  });
  let [before, known]: [DeviceTensor | undefined, readonly boolean[]] = [
    undefined,
    new Array<boolean>(samples).fill(false),
  ];
  return {
    switched: () => known,
    async see(x0: DeviceTensor, k: number): Promise<void> {
      const { distance, seen } = await compare({ x0, before: before ?? x0 }, {});
      const mayEnd = before !== undefined && k + 1 >= leastSteps && levels[k]!.timestep <= latest;
      before = seen;
      if (!mayEnd) return;
      const distances = await distance.read();
      known = known.map((is, sample) => is || distances[sample]! <= largest);
    },
    release: compare.release,
  };
}
