/** How far the noise that the network predicts during inversion is from normal: figure S1 of Shortcut Sampling. */
import type { DeviceTensor, Runtime, Scalars, Stage, Tensors } from "../engine/mod.ts";
import { noiseStatistics } from "../metrics/mod.ts";
import type { NoiseModel, OpenedModel } from "../models/mod.ts";
import { createOperator } from "../operators/mod.ts";
import { grayToRgb, type Raster } from "../raster/mod.ts";
import { networkFor } from "../restoration/mod.ts";
import {
  invert,
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

/** Follows a run and looks at the noise predicted for each state on the way up, by evaluating the network once more. */
export class NoiseStudy implements Disposable {
  readonly #timesteps: readonly number[];
  readonly #stage: Stage<"xt", "timestep", "eps">;
  readonly #rows: StepNoise[][];
  #state: DeviceTensor;

  /**
   * @param start the image that is inverted [N, H, W, C]
   * @param timesteps those of the inversion
   */
  constructor(runtime: Runtime, model: NoiseModel, start: DeviceTensor, timesteps: readonly number[]) {
    this.#timesteps = timesteps;
    this.#state = start.keep();
    this.#rows = Array.from({ length: start.shape[0] ?? 0 }, () => []);
    this.#stage = runtime.stage("predicted noise", ({ xt }: Tensors<"xt">, { timestep }: Scalars<"timestep">) => ({
      eps: model.predictEps(xt, timestep),
    }));
  }

  /** Takes a step of the run in; those after the inversion count for nothing. */
  async add({ name, step, xt }: Pick<Progress, "name" | "step" | "xt">): Promise<void> {
    const timestep = this.#timesteps[step - 1];
    if (!name.startsWith("inv.") || timestep === undefined) return;
    const next = xt.keep();
    const eps = await (await this.#stage({ xt: this.#state }, { timestep })).eps.read();
    const size = eps.length / this.#rows.length;
    this.#rows.forEach((rows, sample) => {
      rows.push({ timestep, ...noiseStatistics(eps.subarray(sample * size, (sample + 1) * size)) });
    });
    this.#state.free();
    this.#state = next;
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
      using study = new NoiseStudy(runtime, network, image, timesteps);
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
    const mean = (key: "mean" | "variance" | "divergence"): number =>
      found.reduce((sum, rows) => sum + rows[step]![key], 0) / found.length;
    return { ...row, mean: mean("mean"), variance: mean("variance"), divergence: mean("divergence") };
  });
}

/** A line for each step. */
export function formatNoise(rows: readonly InversionNoise[]): string {
  const line = (first: string, ...cells: readonly string[]): string =>
    first.padEnd(9) + cells.map((cell) => cell.padStart(12)).join("");
  return [
    line("inversion", "timestep", "mean", "variance", "KL"),
    ...rows.map(({ inversion, timestep, mean, variance, divergence }) =>
      line(inversion, String(timestep), mean.toFixed(5), variance.toFixed(5), divergence.toFixed(6))
    ),
  ].join("\n");
}
