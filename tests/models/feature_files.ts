/** Files of feature networks as they are published, with drawn numbers. */
import {
  inceptionParameters,
  type InceptionVariant,
  perceptualNetwork,
  type PerceptualNetworkName,
  type SafetensorsFile,
  type TensorToWrite,
} from "../../models/mod.ts";
import { randomValues } from "../support/random.ts";
import { fileOf, randomTensorsOf } from "./random_checkpoint.ts";

/** Which numbers, and how much narrower than the published network. */
export interface DrawnFile {
  readonly seed: number;
  readonly divisor: number;
}

/** Tensors under names that begin with a prefix. */
function prefixed(prefix: string, tensors: readonly TensorToWrite[]): TensorToWrite[] {
  return tensors.map((tensor) => ({ ...tensor, name: prefix + tensor.name }));
}

/** A file of torchvision's VGG16 or AlexNet, with a layer of the classifier, which LPIPS does not use. */
export function perceptualTensors(name: PerceptualNetworkName, { seed, divisor }: DrawnFile): TensorToWrite[] {
  const { prefix, parameters } = perceptualNetwork(name, divisor);
  return [
    ...prefixed(prefix, randomTensorsOf(parameters, seed)),
    { name: "classifier.6.bias", dtype: "F32", shape: [1000], data: new Float32Array(1000) },
  ];
}

/** The linear weights of LPIPS for a network. */
export function linearTensors(name: PerceptualNetworkName, { seed, divisor }: DrawnFile): TensorToWrite[] {
  const parameters = new Map(
    perceptualNetwork(name, divisor).channels.map((channels, layer) =>
      [`${layer}.model.1.weight`, { shape: [1, channels, 1, 1], layout: "convolution" }] as const
    ),
  );
  return prefixed("lin", randomTensorsOf(parameters, seed));
}

/** A file of Inception v3 with its last layer and counters, variances between 0.7 and 1.3. */
export function inceptionTensors(variant: InceptionVariant, { seed, divisor }: DrawnFile): TensorToWrite[] {
  const tensors = randomTensorsOf(inceptionParameters(variant, divisor), seed).map((tensor) =>
    tensor.name.endsWith(".running_var")
      ? { ...tensor, data: (tensor.data as Float32Array).map((value) => 1 + 0.2 * value) }
      : tensor
  );
  const classes = variant === "fid" ? 1008 : 1000;
  return [
    ...tensors,
    { name: "fc.weight", dtype: "F32", shape: [classes, 2], data: randomValues(2 * classes, 1) },
    { name: "Mixed_5b.branch1x1.bn.num_batches_tracked", dtype: "I64", shape: [], data: BigInt64Array.of(7n) },
    { name: "AuxLogits.fc.bias", dtype: "F32", shape: [classes], data: new Float32Array(classes) },
  ];
}

/** The same as an open file. */
export async function inceptionFile(variant: InceptionVariant, drawn: DrawnFile): Promise<SafetensorsFile> {
  return await fileOf(inceptionTensors(variant, drawn));
}
