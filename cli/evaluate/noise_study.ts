/** How far the noise that the network predicts during inversion is from normal: figure S1 of Shortcut Sampling. */
import type { DeviceTensor, Runtime, Scalars, Stage, Tensors } from "../../engine/mod.ts";
import { noiseStatistics } from "../../metrics/mod.ts";
import type { NoiseModel } from "../../models/mod.ts";
import { type Progress, ssdTimesteps } from "../../samplers/mod.ts";
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
  async add({ name, step, xt }: Progress): Promise<void> {
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
