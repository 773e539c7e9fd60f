/** What the runs of samplers share: counting their steps, and the images and states that they start from. */
import type { DeviceTensor, Runtime, Shape, Tensors } from "../engine/mod.ts";
import { copy } from "../kernels/mod.ts";
import type { Draw, NoiseSource } from "./noise_source.ts";
import type { State } from "./restoration_step.ts";
import type { Problem, Progress } from "./sampler.ts";

/** The draw that makes the state a run starts from. */
export const START: Draw = { name: "xT", ordinal: 0 };

/**
 * Names step k of a run: the draw "k" with ordinal k + 1, behind the draw of the start.
 * @param k counts from 0
 */
export function drawOf(k: number): Draw {
  return { name: String(k), ordinal: k + 1 };
}

/**
 * Numbers the states of a run and adds up its network evaluations.
 * @param states the run; it is ended when the caller stops early
 * @param steps number of states in all
 */
export async function* counted(
  states: AsyncGenerator<State, DeviceTensor>,
  steps: number,
): AsyncGenerator<Progress, DeviceTensor> {
  let nfe = 0;
  try {
    for (let step = 1;; step++) {
      const next = await states.next();
      if (next.done) return next.value;
      const { evaluations = 1, maps: _, ...state } = next.value;
      nfe += evaluations;
      yield { ...state, step, steps, nfe };
    }
  } finally {
    // A caller that stops early lets the run free what it holds.
    await states.return(undefined as never);
  }
}

/** [N, H, W, C] of the states of a problem. */
export function stateShape({ model, y }: Problem): Shape {
  return [y.shape[0] as number, ...model.imageShape];
}

/**
 * The image A^+ y of a problem.
 * @returns [N, H, W, C]; the caller frees it
 */
export async function pseudoInverseOf(runtime: Runtime, { operator, y }: Problem): Promise<DeviceTensor> {
  const stage = runtime.stage("pseudo-inverse", (inputs: Tensors<"y">) => ({
    image: operator.pseudoInverse(inputs.y),
  }));
  const image = (await stage({ y }, {})).image.keep();
  stage.release();
  return image;
}

/**
 * A state of pure noise.
 * @returns [N, H, W, C]; the caller frees it
 */
export async function pureNoise(runtime: Runtime, problem: Problem, noise: NoiseSource): Promise<DeviceTensor> {
  const shape = stateShape(problem);
  // A copy and not the noise itself: an input of a stage cannot be its output.
  const stage = runtime.stage<string, string, "xt">("start", (inputs) => ({ xt: copy(noise.normal(shape, inputs)) }));
  const drawn = noise.supply(START);
  const xt = (await stage(drawn.inputs, drawn.scalars)).xt.keep();
  stage.release();
  return xt;
}
