// deno-lint-ignore-file no-console -- examples print
/** Where the time of a step of any sampler goes: `[SAMPLER]`, by kernel. */
import {
  createOperator,
  degrade,
  openModel,
  readPicture,
  restore,
  type Sampler,
  SAMPLERS,
  WebGpuRuntime,
} from "@shortcut/shortcut";

const [name = "ddrm"] = Deno.args;
const sampler = (SAMPLERS as Readonly<Record<string, Sampler<object>>>)[name];
if (!sampler) {
  throw new RangeError(`There is no sampler "${name}", one of ${Object.keys(SAMPLERS).join(", ")} is needed`);
}
const runtime = await WebGpuRuntime.open();
const x = await readPicture("models/default/sample.png", { side: 64 });
const operator = createOperator("sr_average", x.shape, { scale: 4 });
const y = await degrade(runtime, operator, x, { sigma: 0.05, seed: 1 });
const problem = { model: await openModel(runtime), operator, y, sigmaY: 0.05 };

for await (const _ of restore(runtime, sampler, problem, { seed: 0 })) {
  for (const stage of runtime.stages) {
    const { kernels, kernelMilliseconds } = await runtime.profile(stage);
    console.log(`${stage}: ${kernels.length} dispatches, ${kernelMilliseconds.toFixed(1)} ms`);
    const times = Map.groupBy(kernels, ({ label }) => label);
    for (const [label, rows] of times) {
      const sum = rows.reduce((total, { milliseconds }) => total + milliseconds, 0);
      console.log(`  ${label.padEnd(32)}${String(rows.length).padStart(4)} x${sum.toFixed(2).padStart(9)} ms`);
    }
  }
  break;
}
runtime.destroy();
