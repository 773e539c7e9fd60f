/** What is known of a method before it runs: a sampler with the parameters of one run. */
import type { DeviceTensor, Runtime } from "../../engine/mod.ts";
import type { Evaluations, GeneralProblem, NoiseSource, Progress } from "../../samplers/mod.ts";

/** A sampler with the parameters of one run. */
export interface Method {
  /** Name of the sampler. */
  readonly name: string;
  /** Published parameters that the others replace, for samplers that have several. */
  readonly preset?: string;
  /** Its parameters. */
  readonly options: object;
  /** Network evaluations of the run. */
  readonly evaluations: Evaluations;
  /** How many draws of noise a run takes, where that is known beforehand. */
  readonly draws?: number;
  /** Timesteps that the list of levels must have at least, and the option that decides it. */
  readonly timesteps: { readonly option: string; readonly least: number };
  /** What the timesteps count: published levels, for plain samplers those of the network's training, or its own. */
  readonly levels: "published" | "training" | "own";
  /** Runs the sampler; plain samplers leave operator and measurement alone, and give as many images as there are y. */
  run(runtime: Runtime, problem: GeneralProblem, noise: NoiseSource): AsyncGenerator<Progress, DeviceTensor>;
}
