/** A sampler that a program of its own would write: it pulls A^+ y towards 0, and is in no register until it is added. */
import { integer, number, type ValuesOf } from "../../parameters/mod.ts";
import { weightedSum } from "../../kernels/mod.ts";
import type { DeviceTensor, Tensors } from "../../engine/mod.ts";
import { type Progress, type Sampler, sampler } from "../../samplers/mod.ts";

const PARAMETERS = {
  steps: integer(4, { min: 1, max: "T" }, "number of times that it pulls"),
  pull: number(0.5, { min: 0, max: 1 }, "share that is taken away each time"),
};

/** Its parameters. */
export type FadingOptions = ValuesOf<typeof PARAMETERS>;

/** The image after k steps is (1 - pull)^k A^+ y. */
export const fading: Sampler<FadingOptions> = sampler({
  name: "own_fading",
  paper: "none",
  about: "fades to gray",
  handlesNoise: true,
  parameters: PARAMETERS,
  published: { inpainting: { pull: 0.25 } },
  evaluations: () => ({ nominal: 0, actual: 0 }),
  async *restore(runtime, { operator, y }, { steps, pull }): AsyncGenerator<Progress, DeviceTensor> {
    const start = runtime.stage("start", ({ y }: Tensors<"y">) => ({ x: operator.pseudoInverse(y) }));
    const step = runtime.stage("fade", ({ x }: Tensors<"x">) => ({ x: weightedSum([[1 - pull, x]]) }));
    let { x } = await start({ y }, {});
    for (let k = 1; k <= steps; k++) {
      ({ x } = await step({ x }, {}));
      yield { name: String(k - 1), step: k, steps, nfe: 0, x0: x, xt: x };
    }
    const image = x.keep();
    start.release();
    step.release();
    return image;
  },
});
