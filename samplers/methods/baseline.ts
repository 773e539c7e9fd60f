/** Baselines: images that are computed from the measurement in one go, without any network. */
import type { DeviceTensor, Runtime, Tensor, Tensors } from "../../engine/mod.ts";
import { sampler } from "../entry.ts";
import type { Problem, Progress, Sampler } from "../sampler.ts";

/** What a baseline is. */
export interface Baseline {
  readonly name: string;
  readonly paper: string;
  readonly about: string;
  /**
   * Traces the image [N, H, W, C] of measurements; also called once to be asked whether the problem suits it.
   * @throws {TypeError} if it does not
   */
  image(problem: Problem): (y: Tensor) => Tensor;
}

/** The sampler of a baseline: it has no parameters, takes no noise and ends after one step. */
export function baseline({ image, ...description }: Baseline): Sampler<object> {
  return sampler({
    ...description,
    parameters: {},
    evaluations: () => ({ nominal: 0, actual: 0 }),
    restore: (runtime, problem) => oneStep(description.name, runtime, problem, image(problem)),
  });
}

async function* oneStep(
  name: string,
  runtime: Runtime,
  { y }: Problem,
  trace: (y: Tensor) => Tensor,
): AsyncGenerator<Progress, DeviceTensor> {
  const stage = runtime.stage(name, (inputs: Tensors<"y">) => ({ x: trace(inputs.y) }));
  const x = (await stage({ y }, {})).x.keep();
  stage.release();
  yield { name: "0", step: 1, steps: 1, nfe: 0, x0: x, xt: x };
  return x;
}
