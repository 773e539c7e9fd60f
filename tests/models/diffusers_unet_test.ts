// deno-lint-ignore-file camelcase -- keys of configurations keep their published spelling
/** UNet2DModel against recordings of the library, and what each key of config.json changes. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { ReferenceRuntime, type Runtime, type Tensor } from "../../engine/mod.ts";
import { gradient, reshape, sampleDot } from "../../kernels/mod.ts";
import { type Description, FAMILIES, loadWeights, type NetworkPlan, type SafetensorsFile } from "../../models/mod.ts";
import { assertClose, relativeError } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { openGolden, readChannelsLast } from "./golden_file.ts";
import { fileOf, randomTensorsOf } from "./random_checkpoint.ts";
import { runNetwork } from "./run_network.ts";

/** Folders of tests/golden, the file with their weights, and what their attentions are called. */
const RECORDED = [
  ["diffusers-celebahq-tiny", "diffusion_pytorch_model", "query"],
  ["diffusers-heads-tiny", "unet/diffusion_pytorch_model.fp16", "to_q"],
] as const;

/** The published limit; a correct program reaches 1e-6, and 8e-6 for gradients. */
const LIMIT = 1e-5;

function planOf(keywords: Description): NetworkPlan {
  return FAMILIES.get("diffusers")!.plan(keywords);
}

function configurationOf(recording: SafetensorsFile): Description {
  return JSON.parse(recording.metadata.get("constructor")!);
}

/** The output of a recorded network, its gradient, and what the recording calls `emb` and `actstat.*`, by these names. */
async function evaluate(
  runtime: Runtime,
  plan: NetworkPlan,
  weightFile: SafetensorsFile,
  recording: SafetensorsFile,
): Promise<ReadonlyMap<string, Float32Array>> {
  const weights = await loadWeights(runtime, weightFile, plan.parameters);
  const network = plan.build(weights);
  const [image, v] = [await readChannelsLast(recording, "input.x"), await readChannelsLast(recording, "grad.v")];
  const rows = network.timestepTable(await recording.readFloat32("input.t"));
  const stage = runtime.stage<"x" | "rows" | "v", never, string>("network", ({ x, rows, v }) => {
    const shown: Record<string, Tensor> = {};
    const observe = (module: string, tensor: Tensor): void => {
      if (module === "emb" || recording.tensors.has(`actstat.${module}`)) shown[module] = tensor;
    };
    const output = network.forward(x, { timestepRows: rows, observe });
    const flat = (tensor: Tensor): Tensor => reshape(tensor, [x.shape[0]!, v.shape.slice(1).reduce((a, b) => a * b)]);
    return { ...shown, output, dx: gradient(sampleDot(flat(output), flat(v)), [x])[0]! };
  });
  const results = await stage({
    x: runtime.upload(image.data, image.shape),
    rows: runtime.upload(rows.data, rows.shape),
    v: runtime.upload(v.data, v.shape),
  }, {});
  const read = new Map<string, Float32Array>();
  for (const [name, tensor] of Object.entries(results)) read.set(name, await tensor.read());
  weights.free();
  return read;
}

/** Mean, standard deviation, greatest magnitude and L2 norm. */
function statistics(values: Float32Array): readonly number[] {
  let [sum, squares, greatest] = [0, 0, 0];
  for (const value of values) {
    sum += value;
    squares += value * value;
    greatest = Math.max(greatest, Math.abs(value));
  }
  const mean = sum / values.length;
  return [mean, Math.sqrt(squares / values.length - mean * mean), greatest, Math.sqrt(squares)];
}

for (const [folder, file, attention_names] of RECORDED) {
  gpuTest(`UNet2DModel reproduces the library's recording ${folder}`, async (runtime) => {
    const recording = await openGolden(`${folder}/reference`);
    const plan = planOf({ ...configurationOf(recording), attention_names });
    const found = await evaluate(runtime, plan, await openGolden(`${folder}/${file}`), recording);
    assertClose(found.get("output")!, (await readChannelsLast(recording, "output")).data, LIMIT, "output");
    assertClose(found.get("dx")!, (await readChannelsLast(recording, "grad.x")).data, LIMIT, "grad.x");
    assertClose(found.get("emb")!, await recording.readFloat32("emb"), LIMIT, "emb");
    const modules = [...recording.tensors.keys()].filter((name) => name.startsWith("actstat."));
    assert(modules.length >= 6);
    for (const name of modules) {
      const values = found.get(name.slice("actstat.".length));
      assert(values, `the network shows no "${name}"`);
      assertClose(statistics(values), await recording.readFloat32(name), LIMIT, name);
    }
  });
}
