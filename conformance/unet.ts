/** Files of kind `unet-*`: one evaluation of a network, with the activations that leave its modules. */
import type { DeviceTensor, HostTensor, Runtime, Shape, Tensor, Tensors } from "../engine/mod.ts";
import { gradient, sampleDot } from "../kernels/mod.ts";
import type { Network, NetworkInputs, Precision } from "../models/mod.ts";
import { verifyDenoisers } from "./denoiser.ts";
import { type Expectation, findings } from "./findings.ts";
import { loadNetwork, NETWORK_LIMITS, WEIGHTS } from "./network.ts";
import type { ReferenceFile, StoredTensor } from "./reference_file.ts";
import { type Finding, measured, NotSupportedError, refusal, type Values } from "./row.ts";

/** Names of the tensors that are results of a network. */
const RESULTS = /^(output|emb|emb\.sinusoid|act\..+)$/;
const STATISTICS = /^actstat\./;
const GRADIENT = "grad.x";
/** The gradient is that of the sum of its products with the output. */
const COTANGENT = "grad.v";

/**
 * Compares the output, the embedding and its sinusoids, slices of activations and their statistics, and the gradient with
 * respect to the image, and the denoisers around the network.
 * @param runtime where the network runs
 * @param file of kind `unet-*`
 * @param precision how the weights are kept
 */
export async function* verifyNetwork(
  runtime: Runtime,
  file: ReferenceFile,
  precision: Precision,
): AsyncGenerator<Finding, void> {
  const limit = NETWORK_LIMITS[precision];
  file.declareInputs(WEIGHTS);
  file.declareInputs(/^input\.(x|t|y|low_res)$|^grad\.v$/);
  const quantities = ["output", ...file.names(RESULTS).filter((name) => name !== "output")];
  const expectations: Expectation[] = quantities.map((quantity) => ({ quantity, limit }));
  const statistics = file.names(STATISTICS);
  let activations: ReadonlyMap<string, Values> = new Map();
  let failure: unknown = new NotSupportedError("the engine gives no such activation");
  yield* findings(file, expectations, async () => {
    try {
      activations = await evaluate(runtime, file, precision);
    } catch (error) {
      failure = error;
      throw error;
    }
    const select = file.metadata.has("act_select") ? file.metadata.settings("act_select") : undefined;
    const [sample, stride] = [select?.number("sample", 0) ?? 0, select?.number("channel_stride", 1) ?? 1];
    const results = new Map(
      [...activations].map(([module, values]) => [`act.${module}`, slice(values, sample, stride)]),
    );
    for (const name of ["output", "emb", "emb.sinusoid"]) results.set(name, activations.get(name)!);
    return results;
  });
  for (const quantity of statistics) {
    const activation = activations.get(quantity.replace(STATISTICS, ""));
    try {
      if (!activation) throw failure;
      yield compareStatistics({ quantity, limit }, activation.data, await file.readNumbers(quantity));
    } catch (error) {
      yield refusal(quantity, error);
    }
  }
  if (file.has(GRADIENT)) {
    yield* findings(file, [{ quantity: GRADIENT, limit }], async () => {
      return new Map([[GRADIENT, await differentiate(runtime, file, precision)]]);
    });
  }
  yield* verifyDenoisers(runtime, file, precision);
}

/**
 * Runs the network and reads `output`, `emb`, the sinusoids as `emb.sinusoid`, and every module of which the file holds an
 * activation.
 */
async function evaluate(
  runtime: Runtime,
  file: ReferenceFile,
  precision: Precision,
): Promise<ReadonlyMap<string, Values>> {
  using loaded = await loadNetwork(runtime, file, precision);
  const { network } = loaded;
  const forward = await forwardOf(network, file);
  const wanted = new Set(file.names(/^(act|actstat)\./).map((name) => name.replace(/^\w+\./, "")));
  wanted.add("emb");
  const stage = runtime.stage("network", (tensors: Readonly<Record<string, Tensor>>) => {
    const observed: Record<string, Tensor> = {};
    const observe = (module: string, tensor: Tensor): void => {
      if (wanted.has(module)) observed[module] = tensor;
    };
    const output = forward(tensors, observe);
    return { ...observed, output };
  });
  const sinusoids = network.timestepTable(await file.readNumbers("input.t"));
  const inputs = await uploadInputs(runtime, file, sinusoids);
  const results = await stage(inputs, {});
  const values = new Map<string, Values>([["emb.sinusoid", sinusoids]]);
  for (const [module, tensor] of Object.entries(results)) {
    values.set(module, { data: await tensor.read(), shape: tensor.shape });
  }
  Object.values(inputs).forEach((tensor) => tensor.free());
  return values;
}

type Observe = NonNullable<NetworkInputs["observe"]>;

/** Records the network on the inputs of a stage, with the labels of the file. */
async function forwardOf(
  network: Network,
  file: ReferenceFile,
): Promise<(tensors: Readonly<Record<string, Tensor>>, observe?: Observe) => Tensor> {
  const labels = file.has("input.y") ? Array.from(await file.readNumbers("input.y")) : undefined;
  return (tensors, observe) => {
    const { x, timestepRows, lowRes } = tensors as Tensors<"x" | "timestepRows" | "lowRes">;
    return network.forward(x, {
      timestepRows,
      ...(observe && { observe }),
      ...(labels && { labels }),
      ...(lowRes && { lowRes }),
    });
  };
}

/** The gradient of the sum of v times the output with respect to the image. */
async function differentiate(runtime: Runtime, file: ReferenceFile, precision: Precision): Promise<Values> {
  using loaded = await loadNetwork(runtime, file, precision);
  const { network } = loaded;
  const forward = await forwardOf(network, file);
  const stage = runtime.stage("gradient", (tensors: Readonly<Record<string, Tensor>>) => {
    const [dx] = gradient(sampleDot(forward(tensors), tensors["v"]!), [tensors["x"]!]);
    return { dx: dx! };
  });
  const v = await file.readChannelsLast(COTANGENT);
  const inputs = {
    ...await uploadInputs(runtime, file, network.timestepTable(await file.readNumbers("input.t"))),
    v: runtime.upload(v.data, v.shape),
  };
  const { dx } = await stage(inputs, {});
  const values = { data: await dx.read(), shape: dx.shape };
  Object.values(inputs).forEach((tensor) => tensor.free());
  return values;
}

/** The image, the sinusoids of its timesteps, and the low-resolution image if there is one. */
async function uploadInputs(
  runtime: Runtime,
  file: ReferenceFile,
  sinusoids: HostTensor,
): Promise<Readonly<Record<string, DeviceTensor>>> {
  const upload = ({ data, shape }: StoredTensor): DeviceTensor => runtime.upload(data, shape);
  const x = await file.readChannelsLast("input.x");
  const lowRes = file.has("input.low_res") ? await file.readChannelsLast("input.low_res") : undefined;
  return {
    x: upload(x),
    timestepRows: runtime.upload(sinusoids.data, sinusoids.shape),
    ...(lowRes && { lowRes: upload(lowRes) }),
  };
}

/** One sample and every stride-th channel of an activation [N, ..., C], as [1, ..., ceil(C / stride)]. */
function slice({ data, shape }: Values, sample: number, stride: number): Values {
  const extents: Shape = shape.slice(1, -1);
  const channels = shape.at(-1)!;
  const size = data.length / shape[0]!;
  const picked: number[] = [];
  for (let i = 0; i < size; i++) if (i % channels % stride === 0) picked.push(data[sample * size + i]!);
  return { data: picked, shape: [1, ...extents, Math.ceil(channels / stride)] };
}

/**
 * Compares mean, population standard deviation, largest magnitude and L2 norm of an activation. The error is the
 * largest of the four, each relative to itself, the mean relative to the root mean square, as it may be near zero.
 */
function compareStatistics(
  { quantity, limit }: Expectation,
  data: ArrayLike<number>,
  expected: ArrayLike<number>,
): Finding {
  if (expected.length !== 4) {
    const reason = `the file holds ${expected.length} numbers, mean, deviation, largest magnitude and norm are needed`;
    return { quantity, status: "FAILED", limit, reason };
  }
  const actual = statisticsOf(data);
  const rms = expected[3]! / Math.sqrt(data.length);
  const scales = [rms, expected[1]!, expected[2]!, expected[3]!];
  const errors = actual.map((value, k) => Math.abs(value - expected[k]!) / (Math.abs(scales[k]!) || 1));
  return measured(quantity, errors.some(Number.isNaN) ? NaN : Math.max(...errors), limit);
}

function statisticsOf(data: ArrayLike<number>): readonly number[] {
  let [sum, squares, deviations, largest] = [0, 0, 0, 0];
  for (let i = 0; i < data.length; i++) {
    sum += data[i]!;
    squares += data[i]! ** 2;
    largest = Math.max(largest, Math.abs(data[i]!));
  }
  const mean = sum / data.length;
  for (let i = 0; i < data.length; i++) deviations += (data[i]! - mean) ** 2;
  return [mean, Math.sqrt(deviations / data.length), largest, Math.sqrt(squares)];
}
