/** A method that a researcher would write in one file: the network predicts at falling levels, and A^+ y is mixed in. */
import type { DeviceTensor } from "../../engine/mod.ts";
import { weightedSum } from "../../kernels/mod.ts";
import { project } from "../../operators/mod.ts";
import { integer, type ValuesOf } from "../../parameters/mod.ts";
import { type Progress, type Sampler, sampler } from "../../samplers/mod.ts";

const PARAMETERS = { rounds: integer(12, { min: 2, max: "T", option: "own-rounds" }, "number of predictions") };

/** Its parameters. */
export type OwnRoundsOptions = ValuesOf<typeof PARAMETERS>;

/** x <- x0 - A^+ A x0 + A^+ y at timesteps spread from the noisiest to 0. */
export const ownRounds: Sampler<OwnRoundsOptions> = sampler({
  name: "own_rounds",
  paper: "none",
  about: "predicts and projects",
  parameters: PARAMETERS,
  evaluations: ({ rounds }) => ({ nominal: rounds, actual: rounds }),
  async *restore(runtime, { model, operator, y }, { rounds }): AsyncGenerator<Progress, DeviceTensor> {
    const step = runtime.stage<"x" | "y", "timestep", "x0">("own round", ({ x, y }, { timestep }) => {
      const predicted = weightedSum([[1, x], [-0.1, model.predictEps(x, timestep)]]);
      return { x0: project(operator, predicted, y) };
    });
    const size = [y.shape[0]!, ...model.imageShape];
    const zero = runtime.upload(new Float32Array(size.reduce((all, extent) => all * extent)), size);
    let x: DeviceTensor = zero;
    for (let k = 0; k < rounds; k++) {
      const { x0 } = await step({ x, y }, {
        timestep: Math.round((1 - (k + 1) / rounds) * (model.alphaBar.length - 1)),
      });
      x = x0;
      yield { name: String(k), step: k + 1, steps: rounds, nfe: k + 1, x0, xt: x0 };
    }
    const image = x.keep();
    step.release();
    zero.free();
    return image;
  },
});
