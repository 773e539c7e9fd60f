/** Baselines: images that are computed from the measurement in one go, without any network. */
import type { DeviceTensor, Tensor, Tensors } from "../engine/mod.ts";
import { checkProblem, type Problem, type Progress, type Sampler } from "./sampler.ts";

const DEFAULTS: Record<string, never> = {};

/** What a baseline is. */
export interface Baseline {
  readonly name: string;
  readonly paper: string;
  /**
   * Traces the image [N, H, W, C] of measurements; also called once to be asked whether the problem suits it.
   * @throws {TypeError} if it does not
   */
  image(problem: Problem): (y: Tensor) => Tensor;
}

/** The sampler of a baseline: it has no parameters, takes no noise and ends after one step. */
export function baseline({ name, paper, image }: Baseline): Sampler<Record<string, never>> {
  return {
    name,
    paper,
    needs: [],
    defaults: DEFAULTS,
    defaultsFor: () => DEFAULTS,
    evaluations: () => ({ nominal: 0, actual: 0 }),
    restore(runtime, problem): AsyncGenerator<Progress, DeviceTensor> {
      checkProblem(name, problem);
      const trace = image(problem);
      return (async function* (): AsyncGenerator<Progress, DeviceTensor> {
        const stage = runtime.stage(name, (inputs: Tensors<"y">) => ({ x: trace(inputs.y) }));
        const x = (await stage({ y: problem.y }, {})).x.keep();
        stage.release();
        yield { name: "0", step: 1, steps: 1, nfe: 0, x0: x, xt: x };
        return x;
      })();
    },
  };
}
