import { elementCount, ReferenceRuntime, type Runtime } from "../../engine/mod.ts";
import { OPERATORS } from "../../operators/mod.ts";
import { SAMPLERS, seededNoise } from "../../samplers/mod.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { gaussianModel } from "./gaussian_model.ts";

gpuTest("ssd_plus gives the same on a GPU and on the CPU reference with every operator", async (gpu) => {
  for (const [name, { build, examples: [example] }] of OPERATORS) {
    const { imageShape, options } = example!;
    const operator = build(imageShape, options);
    const measurement = randomValues(2 * elementCount(operator.measurementShape), 1);
    const restore = async (runtime: Runtime): Promise<Float32Array> => {
      const problem = {
        model: gaussianModel(randomValues(elementCount(imageShape), 2), 0.3, imageShape),
        operator,
        y: runtime.upload(measurement, [2, ...operator.measurementShape]),
        sigmaY: 0,
      };
      const few = { ...SAMPLERS.ssd_plus.defaults, inversionSteps: 3, generationSteps: 4 };
      const run = SAMPLERS.ssd_plus.restore(runtime, problem, { ...few, noise: seededNoise([3, 4]) });
      for (;;) {
        const { done, value } = await run.next();
        if (done) return await value.read();
      }
    };
    assertClose(await restore(gpu), await restore(new ReferenceRuntime()), 1e-5, name);
  }
});
