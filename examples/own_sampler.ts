/**
 * A sampler of one's own: DDIM steps from pure noise, and at every step the predicted picture is made to agree with the
 * measurement, x0 - A^+ (A x0 - y). The step is traced once and replayed at every level.
 */
import {
  createOperator,
  degrade,
  openModel,
  readPicture,
  restore,
  WebGpuRuntime,
  writePicture,
} from "@shortcut/shortcut";
import type { DeviceTensor, Progress, Sampler } from "@shortcut/shortcut";
import { weightedSum } from "@shortcut/shortcut/kernels";
import { project } from "@shortcut/shortcut/operators";
import { integer } from "@shortcut/shortcut/parameters";
import { etaMixCoefficients, moveBy, networkStep, pureNoise } from "@shortcut/shortcut/samplers";
import { respace, sampler, ssdTimesteps, trajectory } from "@shortcut/shortcut/samplers";

/** Projected DDIM. */
export const projectedDdim: Sampler<{ readonly steps: number }> = sampler({
  name: "projected_ddim",
  paper: "an example",
  about: "DDIM that agrees with the measurement at every step",
  parameters: { steps: integer(10, { min: 2, max: "T" }, "number of steps") },
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  async *restore(runtime, problem, { steps, noise }): AsyncGenerator<Progress, DeviceTensor> {
    const { model, operator, y } = problem;
    const places = respace(model.alphaBar, ssdTimesteps(model.alphaBar.length, steps)).toReversed();
    const step = networkStep(runtime, model, {
      name: "projected DDIM",
      noise,
      inputs: { y },
      scalars: (level) => etaMixCoefficients(level, 0),
      project: ({ x0, y }) => project(operator, x0, y),
      update: ({ x0, eps }, c) => ({ x0, xt: weightedSum([[c.xtFromX0, x0], [c.xtFromEps, eps]]) }),
    });
    const start = await pureNoise(runtime, problem, noise);
    return yield* trajectory({ start, places, stages: [step] }, moveBy(step));
  },
});

if (import.meta.main) {
  const [input = "models/default/sample.png", output = "projected-ddim.png"] = Deno.args;
  const runtime = await WebGpuRuntime.open();
  const x = await readPicture(input, { side: 64 });
  const operator = createOperator("sr_average", x.shape, { scale: 4 });
  const y = await degrade(runtime, operator, x, { sigma: 0, seed: 1 });
  const problem = { model: await openModel(runtime), operator, y, sigmaY: 0 };
  await writePicture(output, await restore(runtime, projectedDdim, problem, { steps: 20, seed: 0 }));
  runtime.destroy();
}
