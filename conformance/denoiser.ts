/** Denoisers around a network that is told noise levels, with their gradients: what files of kind `unet-edm` hold. */
import type { Runtime, Scalars, Tensors } from "../engine/mod.ts";
import { gradient, sampleDot, weightedSum } from "../kernels/mod.ts";
import { alphaBarOf, type Network, noiseLevelProcess, noiseModel, type Precision } from "../models/mod.ts";
import { findings } from "./findings.ts";
import { loadNetwork, NETWORK_LIMITS } from "./network.ts";
import { denoiserForm } from "./parametrisations.ts";
import type { ReferenceFile, StoredTensor } from "./reference_file.ts";
import type { Finding, Values } from "./row.ts";
import { Uploads, valuesOf } from "./trajectories/method.ts";

/** Relative error of weights that were computed in f32. */
const WEIGHT_LIMIT = 1e-5;

/** The denoisers that a file may hold, by the prefix of their tensors. */
const FORMS = ["edm", "consistency"] as const;

/** Names of what the denoisers give. */
const RESULTS = new RegExp(`^(${FORMS.join("|")})\\.(D|grad\\.x|c_skip|c_out|c_in)$`);

/**
 * Compares, for each form that the file has, the denoised images of `x` at the noise levels `sigma`, one for each item,
 * the gradient of their products with `grad.v` with respect to `x`, and the weights.
 * @param runtime where the network runs
 * @param file with a network that is told noise levels
 * @param precision how the weights are kept
 */
export async function* verifyDenoisers(
  runtime: Runtime,
  file: ReferenceFile,
  precision: Precision,
): AsyncGenerator<Finding, void> {
  if (file.names(RESULTS).length === 0) return;
  file.declareInputs(/^(x|sigma)$/);
  const expectations = file.names(RESULTS).map((quantity) => {
    return { quantity, limit: /\.c_\w+$/.test(quantity) ? WEIGHT_LIMIT : NETWORK_LIMITS[precision] };
  });
  yield* findings(file, expectations, async () => {
    using loaded = await loadNetwork(runtime, file, precision);
    const results = new Map<string, Values>();
    for (const form of FORMS.filter((form) => expectations.some(({ quantity }) => quantity.startsWith(`${form}.`)))) {
      for (const [name, values] of await denoise(runtime, file, loaded.network, form)) {
        results.set(`${form}.${name}`, values);
      }
    }
    return results;
  });
}

async function denoise(
  runtime: Runtime,
  file: ReferenceFile,
  network: Network,
  form: typeof FORMS[number],
): Promise<ReadonlyMap<string, Values>> {
  const x = await file.readChannelsLast("x");
  const v = await file.readChannelsLast("grad.v");
  const levels = Float64Array.from(Array.from(await file.readNumbers("sigma")), alphaBarOf);
  const labels = file.has("input.y") ? Array.from(await file.readNumbers("input.y")) : undefined;
  const process = noiseLevelProcess(form);
  const [, height, width] = x.shape as readonly [number, number, number, number];
  const [images, gradients]: [StoredTensor[], StoredTensor[]] = [[], []];
  // A noise model has one level and one class for all items.
  for (const [item, alphaBar] of levels.entries()) {
    const label = labels ? { label: labels[item]! } : {};
    const model = noiseModel(network, process, { height, width, levels, ...label });
    const stage = runtime.stage("denoiser", ({ x, v }: Tensors<"x" | "v">, c: Scalars<"timestep" | "scale">) => {
      const { x0 } = model.predict!(weightedSum([[c.scale, x]]), c.timestep);
      return { x0, dx: gradient(sampleDot(x0, v), [x])[0]! };
    });
    using uploads = new Uploads(runtime);
    const inputs = { x: uploads.add(itemOf(x, item)), v: uploads.add(itemOf(v, item)) };
    const { x0, dx } = await stage(inputs, { timestep: item, scale: Math.sqrt(alphaBar) });
    images.push(await valuesOf(x0));
    gradients.push(await valuesOf(dx));
    stage.release();
  }
  const forms = Array.from(levels, (alphaBar) => denoiserForm(process.at(alphaBar), alphaBar));
  return new Map<string, Values>([
    ["D", joined(images)],
    ["grad.x", joined(gradients)],
    ...["c_skip", "c_out", "c_in"].map((name, k): [string, Values] => {
      return [name, { data: forms.map((weights) => weights[k]!), shape: [levels.length] }];
    }),
  ]);
}

/** One item of a batch, as a batch of one. */
function itemOf({ data, shape }: StoredTensor, item: number): StoredTensor {
  const size = data.length / shape[0]!;
  return { data: data.slice(item * size, (item + 1) * size), shape: [1, ...shape.slice(1)] };
}

/** Batches one after the other. */
function joined(batches: readonly StoredTensor[]): StoredTensor {
  const shape = [batches.reduce((sum, { shape }) => sum + shape[0]!, 0), ...batches[0]!.shape.slice(1)];
  return { data: Float32Array.from(batches.flatMap(({ data }) => Array.from(data))), shape };
}
