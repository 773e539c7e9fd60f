/**
 * A sampler of one's own: DDIM steps from pure noise, and at every step the predicted picture is made to agree with the
 * measurement, x0 - A^+ (A x0 - y). The step is traced once and replayed; the loop is ordinary code.
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
import type { Tensors } from "@shortcut/shortcut/engine";
import { weightedSum } from "@shortcut/shortcut/kernels";
import { project } from "@shortcut/shortcut/operators";
import { integer } from "@shortcut/shortcut/parameters";
import { pureNoise, respace, sampler, ssdTimesteps } from "@shortcut/shortcut/samplers";

/** Projected DDIM. */
export const projectedDdim: Sampler<{ readonly steps: number }> = sampler({
  name: "projected_ddim",
  paper: "an example",
  about: "DDIM that agrees with the measurement at every step",
  parameters: { steps: integer(10, { min: 2, max: "T" }, "number of steps") },
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  async *restore(runtime, problem, { steps, noise }): AsyncGenerator<Progress, DeviceTensor> {
    const { model: { alphaBar, predictEps }, operator, y } = problem;
    const levels = respace(alphaBar, ssdTimesteps(alphaBar.length, steps)).toReversed();
    const step = runtime.stage("projected DDIM", ({ xt, y }: Tensors<"xt" | "y">, c) => {
      const eps = predictEps(xt, c["timestep"]!);
      const x0 = project(operator, weightedSum([[c["x0FromXt"]!, xt], [c["x0FromEps"]!, eps]]), y);
      return { x0, xt: weightedSum([[c["xtFromX0"]!, x0], [c["xtFromEps"]!, eps]]) };
    });
    const start = await pureNoise(runtime, problem, noise);
    let xt = start;
    try {
      for (const [k, { timestep, alphaBar: a, alphaBarPrevious: b }] of levels.entries()) {
        const out = await step({ xt, y }, {
          timestep,
          x0FromXt: 1 / Math.sqrt(a),
          x0FromEps: -Math.sqrt((1 - a) / a),
          xtFromX0: Math.sqrt(b),
          xtFromEps: Math.sqrt(1 - b),
        });
        xt = out.xt;
        yield { name: String(k), step: k + 1, steps: levels.length, nfe: k + 1, x0: out.x0, xt };
      }
      return xt.keep();
    } finally {
      step.release();
      start.free();
    }
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
