/** The baseline A^+ y, which asks no network. */
import type { DeviceTensor } from "../engine/mod.ts";
import { pseudoInverseOf } from "./run.ts";
import { checkProblem, type Progress, type Sampler } from "./sampler.ts";

const DEFAULTS: Record<string, never> = {};

/** A^+ y. */
export const pseudoInverse: Sampler<Record<string, never>> = {
  name: "pseudo_inverse",
  paper: "the Moore-Penrose pseudo-inverse",
  needs: [],
  defaults: DEFAULTS,
  defaultsFor: () => DEFAULTS,
  evaluations: () => ({ nominal: 0, actual: 0 }),
  restore(runtime, problem): AsyncGenerator<Progress, DeviceTensor> {
    checkProblem("pseudo_inverse", problem);
    return (async function* (): AsyncGenerator<Progress, DeviceTensor> {
      const image = await pseudoInverseOf(runtime, problem);
      yield { name: "0", step: 1, steps: 1, nfe: 0, x0: image, xt: image };
      return image;
    })();
  },
};
