// deno-lint-ignore-file no-console -- examples print
/** Restores one picture by several methods, and prints what each evaluation of the network bought: `[PICTURE]`. */
import {
  createOperator,
  degrade,
  openModel,
  psnr,
  readPicture,
  restore,
  SAMPLERS,
  WebGpuRuntime,
} from "@shortcut/shortcut";

const [input = "models/default/sample.png"] = Deno.args;
const runtime = await WebGpuRuntime.open();
const model = await openModel(runtime);
const x = await readPicture(input, { side: 64 });
const operator = createOperator("inpaint", x.shape, { missing: 0.5, seed: 3 });
const problem = { model, operator, y: await degrade(runtime, operator, x, { sigma: 0, seed: 1 }), sigmaY: 0 };

const runs = {
  "A^+ y": restore(runtime, SAMPLERS.pseudo_inverse, problem, { seed: 0 }),
  "SSD": restore(runtime, SAMPLERS.ssd, problem, { inversionSteps: 3, generationSteps: 9, seed: 0 }),
  "DDNM": restore(runtime, SAMPLERS.ddnm, problem, { steps: 11, seed: 0 }),
  "DDRM": restore(runtime, SAMPLERS.ddrm, problem, { steps: 11, seed: 0 }),
};
console.log("method  evaluations  PSNR");
for (const [name, run] of Object.entries(runs)) {
  let line = "";
  for await (const { nfe, image } of run) {
    if (!image) continue;
    const quality = psnr(image.data as Float32Array, x.data as Float32Array, { shape: x.shape, clamp: true });
    line = `${name.padEnd(8)}${String(nfe).padStart(11)}  ${quality.toFixed(2)} dB`;
  }
  console.log(line);
}
runtime.destroy();
