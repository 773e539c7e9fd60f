// deno-lint-ignore-file no-console -- examples print
/** Enlarges a picture that was reduced before: `restore.ts IN.png OUT.png`. */
import { createOperator, degrade, openModel, readPicture, restore } from "@shortcut/shortcut";
import { SAMPLERS, WebGpuRuntime, writePicture } from "@shortcut/shortcut";

const [input = "models/default/sample.png", output = "restored.png"] = Deno.args;
const runtime = await WebGpuRuntime.open();
const model = await openModel(runtime);
const x = await readPicture(input, { side: 64 });
const operator = createOperator("sr_average", x.shape, { scale: 4 });
const y = await degrade(runtime, operator, x, { sigma: 0.05, seed: 1 });
const problem = { model, operator, y, sigmaY: 0.05 };
for await (const step of restore(runtime, SAMPLERS.ddnm_plus, problem, { steps: 20, seed: 0 })) {
  console.log(step.name, step.nfe);
  if (step.image) await writePicture(output, step.image);
}
runtime.destroy();
