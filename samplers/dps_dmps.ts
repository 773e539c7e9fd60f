/**
 * The switch from DPS to DMPS: the gradient through the network guides the noisy part of the way, where it decides the
 * layout; the closed form of DMPS, which costs no backward pass, goes on from there. The switch comes after a share of
 * the steps, or where consecutive predictions agree.
 */
import type { DeviceTensor, Runtime, Tensors } from "../engine/mod.ts";
import { add, clamp, copy, sampleSquares, scaleSamples, sub } from "../kernels/mod.ts";
import { choice, integer, number, type ValuesOf } from "../parameters/mod.ts";
import { type Level, respace } from "./coefficients.ts";
import { clipDenoised, fixedVariance, gradientScale, iterations, steps } from "./common_parameters.ts";
import { DPS_SCALES } from "./dps.ts";
import { sampler } from "./entry.ts";
import { gradientNumbers, gradientStep } from "./gradient_step.ts";
import { ancestralStep } from "./guided_walk.ts";
import { likelihoodCorrection } from "./likelihood.ts";
import { ancestralNumbers, learnsVariance } from "./network_step.ts";
import type { NoiseSource } from "./noise_source.ts";
import type { State } from "./restoration_step.ts";
import { counted, drawOf, pureNoise } from "./run.ts";
import type { Problem, Sampler } from "./sampler.ts";
import { spaceTimesteps } from "./timesteps.ts";

/** What decides the switch: a share of the steps, or the PSNR of consecutive predictions. */
export type SwitchRule = "share" | "psnr";

/** The rules by name. */
export const SWITCH_RULES: readonly SwitchRule[] = ["share", "psnr"];

const PARAMETERS = {
  steps: steps(100),
  rule: choice("share", SWITCH_RULES, { option: "switch-rule" }, "switch after a share of the steps, or by PSNR"),
  share: number(0.5, { min: 0, max: 1, option: "switch-share" }, "rule share: share of the steps that are dps"),
  threshold: number(20, { option: "switch-psnr" }, "rule psnr: dB from which consecutive predictions agree"),
  // Consecutive predictions of fine steps agree from the start.
  leastSteps: integer(5, { min: 0, option: "switch-least" }, "rule psnr: steps that are dps in any case"),
  latestShare: number(
    0.7,
    { min: 0, max: 1, option: "switch-latest" },
    "rule psnr: highest timestep of a switch, as a share of all",
  ),
  scale: gradientScale(0.3),
  likelihoodScale: number(1.75, { min: 0 }, "length of the dmps step"),
  clipDenoised,
  fixedVariance,
  iterations: iterations(20),
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
  restore: (runtime, problem, options) => counted(walk(runtime, problem, options), options.steps),
});

async function* walk(
  runtime: Runtime,
  problem: Problem,
  { noise, ...options }: DpsDmpsOptions & { readonly noise: NoiseSource },
): AsyncGenerator<State, DeviceTensor> {
  const { clipDenoised, fixedVariance, scale, likelihoodScale } = options;
  const { alphaBar } = problem.model;
  const levels = respace(alphaBar, spaceTimesteps(alphaBar.length, String(options.steps))).toReversed();
  const isLearned = learnsVariance(problem);
  const setting = { clipDenoised, learnsVariance: isLearned, noise };
  const guided = gradientStep(runtime, problem, { ...setting, likelihood: "gaussian" });
  const plain = ancestralStep(runtime, problem, setting);
  const correct = likelihoodCorrection(runtime, problem, options);
  const choose = chooser(runtime);
  const decide = decision(runtime, problem, levels, options);
  const start = await pureNoise(runtime, problem, noise);
  try {
    let xt = start;
    for (const [k, level] of levels.entries()) {
      const draw = drawOf(k);
      const switched = decide.switched(k);
      if (switched.every((is) => is)) {
        const numbers = ancestralNumbers(level, isLearned, fixedVariance);
        const moved = await plain({ xt, level, numbers, draw, extra: {} });
        xt = await correct({ moved: moved.xt, at: moved.xt, level, scale: likelihoodScale });
        yield { name: draw.name, x0: moved.x0, xt };
        continue;
      }
      const numbers = gradientNumbers(level, { learnsVariance: isLearned, fixedVariance, scale });
      const moved = await guided({ xt, level, numbers, draw, extra: {} });
      xt = moved.xt;
      if (switched.includes(true)) {
        const { ancestral } = moved;
        const corrected = await correct({ moved: ancestral, at: ancestral, level, scale: likelihoodScale });
        xt = await choose(moved.xt, corrected, switched);
      }
      await decide.see(moved.x0, k);
      yield { name: draw.name, x0: moved.x0, xt };
    }
    return xt.keep();
  } finally {
    for (const stage of [guided, plain, correct, choose, decide]) stage.release();
    start.free();
  }
}

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

/** Takes every sample from one of two states. */
interface Choice {
  (dps: DeviceTensor, dmps: DeviceTensor, switched: readonly boolean[]): Promise<DeviceTensor>;
  release(): void;
}

function chooser(runtime: Runtime): Choice {
  const stage = runtime.stage(
    "choice",
    ({ dps, dmps, first, second }: Tensors<"dps" | "dmps" | "first" | "second">) => ({
      // 1 and 0 select exactly: one product is the state itself, the other adds zero.
      xt: add(scaleSamples(dps, first), scaleSamples(dmps, second)),
    }),
  );
  const run = async (dps: DeviceTensor, dmps: DeviceTensor, switched: readonly boolean[]): Promise<DeviceTensor> => {
    const gate = (wanted: boolean): DeviceTensor =>
      runtime.upload(Float32Array.from(switched, (is) => is === wanted ? 1 : 0), [switched.length]);
    const [first, second] = [gate(false), gate(true)];
    try {
      return (await stage({ dps, dmps, first, second }, {})).xt;
    } finally {
      first.free();
      second.free();
    }
  };
  return Object.assign(run, { release: stage.release });
}
