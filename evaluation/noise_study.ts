/**
 * How far the noise of an inversion is from normal: what the network predicts (figure S1 of Shortcut Sampling, Liu et al.
 * 2024), and what a step puts on, the effective noise of its theorem 1.
 */
import type { DeviceTensor, Runtime, Scalars, Stage, Tensors } from "../engine/mod.ts";
import { type NoiseStatistics, noiseStatistics } from "../metrics/mod.ts";
import type { NoiseModel, OpenedModel } from "../models/mod.ts";
import { createOperator } from "../operators/mod.ts";
import { grayToRgb, type Raster } from "../raster/mod.ts";
import { networkFor } from "../restoration/mod.ts";
import {
  invert,
  type Level,
  type Progress,
  respace,
  restorationStep,
  seededNoise,
  ssdPreset,
  ssdTimesteps,
} from "../samplers/mod.ts";
import type { StepNoise } from "./store.ts";

/** Timesteps of the inversion of a method with these options; undefined if it inverts nothing. */
export function inversionTimesteps(options: object): readonly number[] | undefined {
  const { t0, inversionSteps }: { t0?: unknown; inversionSteps?: unknown } = options;
  return typeof t0 === "number" && typeof inversionSteps === "number" ? ssdTimesteps(t0, inversionSteps) : undefined;
}

/** An inversion that is looked at. */
interface Inversion {
  /** Timesteps of its states, ascending. */
  readonly timesteps: readonly number[];
  /** Whether it clamps the predicted image to [-1, 1]; true by default, as in Shortcut Sampling. */
  readonly clipDenoised?: boolean;
}

/**
 * Follows a run and looks at the noise of each step on the way up. The predicted noise `eps` of the state before a step
 * is had by evaluating the network once more. The effective noise is what the step put on the predicted image `x0`:
 * `(x' - sqrt(alphaBar') x0)/sqrt(1 - alphaBar')`. Distortion Adaptive inversion mixes it of `eps` and fresh noise; if
 * `eps` has mean `mu` and variance `s^2`, it has `sqrt(1 - r) mu` and `(1 - r) s^2 + r`, `r = eta beta'/(1 - alphaBar')`.
 */
export class NoiseStudy implements Disposable {
  readonly #levels: readonly Level[];
  readonly #clipDenoised: boolean;
  readonly #stage: Stage<"xt", "timestep", "eps">;
  readonly #rows: StepNoise[][];
  #state: DeviceTensor;

  /**
   * @param start the image that is inverted [N, H, W, C]
   */
  constructor(
    runtime: Runtime,
    model: NoiseModel,
    start: DeviceTensor,
    { timesteps, clipDenoised = true }: Inversion,
  ) {
    this.#levels = respace(model.alphaBar, timesteps);
    this.#clipDenoised = clipDenoised;
    this.#state = start.keep();
    this.#rows = Array.from({ length: start.shape[0] ?? 0 }, () => []);
    this.#stage = runtime.stage("predicted noise", ({ xt }: Tensors<"xt">, { timestep }: Scalars<"timestep">) => ({
      eps: model.predictEps(xt, timestep),
    }));
  }

  /** Takes a step of the run in; those after the inversion count for nothing. */
  async add({ name, step, xt }: Pick<Progress, "name" | "step" | "xt">): Promise<void> {
    const [level, after] = this.#levels.slice(step - 1, step + 1);
    if (!name.startsWith("inv.") || !level || !after) return;
    const next = xt.keep();
    const { timestep } = level;
    const eps = await (await this.#stage({ xt: this.#state }, { timestep })).eps.read();
    const effective = this.#effectiveNoise(eps, {
      level,
      after,
      before: await this.#state.read(),
      state: await next.read(),
    });
    const size = eps.length / this.#rows.length;
    this.#rows.forEach((rows, sample) => {
      const statistics = (noise: Float32Array): NoiseStatistics =>
        noiseStatistics(noise.subarray(sample * size, (sample + 1) * size));
      rows.push({ timestep, ...statistics(eps), effective: statistics(effective) });
    });
    this.#state.free();
    this.#state = next;
  }

  /** What a step from `before` to `state` put on the image that `eps` implies. */
  #effectiveNoise(
    eps: Float32Array,
    { level, after, before, state }: {
      readonly level: Level;
      readonly after: Level;
      readonly before: Float32Array;
      readonly state: Float32Array;
    },
  ): Float32Array {
    const [signal, noise] = [Math.sqrt(level.alphaBar), Math.sqrt(1 - level.alphaBar)];
    const [signalAfter, noiseAfter] = [Math.sqrt(after.alphaBar), Math.sqrt(1 - after.alphaBar)];
    return state.map((value, index) => {
      const x0 = (before[index]! - noise * eps[index]!) / signal;
      return (value - signalAfter * (this.#clipDenoised ? Math.min(1, Math.max(-1, x0)) : x0)) / noiseAfter;
    });
  }

  /** What was found of one sample. */
  of(sample: number): readonly StepNoise[] {
    return this.#rows[sample] ?? [];
  }

  [Symbol.dispose](): void {
    this.#state.free();
    this.#stage.release();
  }
}

/** The inversions that the figure compares. */
const INVERSIONS = ["ddim", "da"] as const;

/** What was found at one step of an inversion. */
export interface InversionNoise extends StepNoise {
  /** How the picture was inverted. */
  readonly inversion: "ddim" | "da";
}

/**
 * Inverts a picture with the published 15 steps, by DDIM and by Distortion Adaptive inversion, and looks at the noise
 * that is predicted at each step.
 * @param picture values in [-1, 1], 1 or 3 channels, any size
 * @param options class of the picture, for class-conditional networks, and the seed of the noise (default 0)
 */
export async function inversionNoise(
  runtime: Runtime,
  model: OpenedModel,
  picture: Raster,
  { label, seed = 0 }: { readonly label?: number | undefined; readonly seed?: number | undefined } = {},
): Promise<readonly InversionNoise[]> {
  const { width, height, data } = grayToRgb(picture);
  const imageShape = [height, width, 3];
  const network = networkFor(model, imageShape, label === undefined ? {} : { label });
  const { t0, inversionSteps, eta } = ssdPreset("ssd-100", "super_resolution");
  const timesteps = ssdTimesteps(t0, inversionSteps);
  const levels = respace(network.alphaBar, timesteps);
  const image = runtime.upload(data, [1, ...imageShape]);
  const problem = { model: network, operator: createOperator("identity", imageShape), y: image, sigmaY: 0 };
  const step = restorationStep(runtime, problem, { clipDenoised: true, noise: seededNoise([seed]) });
  const rows: InversionNoise[] = [];
  try {
    for (const inversion of INVERSIONS) {
      using study = new NoiseStudy(runtime, network, image, { timesteps });
      let done = 0;
      for await (const { xt } of invert(step, image, { levels, inversion, eta })) {
        await study.add({ name: "inv.", step: ++done, xt });
      }
      rows.push(...study.of(0).map((row) => ({ inversion, ...row })));
    }
    return rows;
  } finally {
    step.release();
    image.free();
  }
}

/** The mean over pictures of what `inversionNoise` found of each, step by step. */
export function meanNoise(found: readonly (readonly InversionNoise[])[]): readonly InversionNoise[] {
  return (found[0] ?? []).map((row, step) => {
    const meanOf = (statisticsOf: (row: InversionNoise) => NoiseStatistics): NoiseStatistics => {
      const mean = (key: keyof NoiseStatistics): number =>
        found.reduce((sum, rows) => sum + statisticsOf(rows[step]!)[key], 0) / found.length;
      return { mean: mean("mean"), variance: mean("variance"), divergence: mean("divergence") };
    };
    return { ...row, ...meanOf((row) => row), effective: meanOf(({ effective }) => effective) };
  });
}

function statisticsTexts({ mean, variance, divergence }: NoiseStatistics): readonly string[] {
  return [mean.toFixed(5), variance.toFixed(5), divergence.toFixed(6)];
}

/** A line for each step: the predicted noise, then the effective noise. */
export function formatNoise(rows: readonly InversionNoise[]): string {
  const line = (first: string, ...cells: readonly string[]): string =>
    first.padEnd(9) + cells.map((cell) => cell.padStart(12)).join("");
  return [
    line("inversion", "timestep", "mean", "variance", "KL", "effective", "variance", "KL"),
    ...rows.map(({ inversion, timestep, effective, ...predicted }) =>
      line(inversion, String(timestep), ...[predicted, effective].flatMap(statisticsTexts))
    ),
  ].join("\n");
}
