/** Seeded weights for networks that are measured and not looked at. */
import { elementCount, type Runtime } from "../engine/mod.ts";
import {
  type GuidedUnetConfig,
  guidedUnetParameters,
  type Parameter,
  type UploadOptions,
  uploadWeights,
  type Weights,
} from "../models/mod.ts";
import { randomValues } from "./random_values.ts";

/** A parameter with its values in the layout of a checkpoint. */
export interface RandomParameter {
  readonly name: string;
  readonly parameter: Parameter;
  readonly data: Float32Array;
}

/**
 * The parameters of a network, one at a time, so that host memory holds one; the same values everywhere. Scales of norms
 * are around 1, the rest so small that activations stay near 1.
 * @param config the network
 */
export function* randomParameters(config: GuidedUnetConfig): Generator<RandomParameter, void> {
  let seed = 0;
  for (const [name, parameter] of guidedUnetParameters(config)) {
    yield { name, parameter, data: randomParameter(name, parameter, { seed: seed++ }) };
  }
}

/**
 * Loads random parameters as if they had been read from a checkpoint; the same values as `randomParameters`.
 * @param runtime where they go
 * @param config the network
 * @param options how weights are kept
 */
export async function randomWeights(
  runtime: Runtime,
  config: GuidedUnetConfig,
  options: UploadOptions = {},
): Promise<Weights> {
  const parameters = guidedUnetParameters(config);
  const seeds = new Map([...parameters.keys()].map((name, seed) => [name, seed]));
  return await uploadWeights(runtime, {
    name: "random weights",
    parameters,
    read: (name, into) => randomParameter(name, parameters.get(name)!, { seed: seeds.get(name)!, into }),
  }, options);
}

/**
 * One of `randomParameters`.
 * @param seed number of the parameter in the network
 * @param into where the values go, at least as many; a new array by default
 */
export function randomParameter(
  name: string,
  { shape, layout }: Parameter,
  { seed, into }: { readonly seed: number; readonly into?: Float32Array },
): Float32Array {
  const values = randomValues(elementCount(shape), seed, into);
  const isScale = layout === "plain" && shape.length === 1 && name.endsWith(".weight");
  const inputs = layout === "plain" ? 1 : values.length / shape[0]!;
  const [offset, factor] = isScale ? [1, 0.3] : [0, 1.5 / Math.sqrt(inputs)];
  for (let i = 0; i < values.length; i++) values[i] = offset + factor * values[i]!;
  return values;
}
