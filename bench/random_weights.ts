/** Seeded weights for networks that are measured and not looked at. */
import { constant, type DeviceTensor, elementCount, type Runtime, type Tensor } from "../engine/mod.ts";
import {
  type GuidedUnetConfig,
  guidedUnetParameters,
  type Parameter,
  repackParameter,
  type Weights,
} from "../models/mod.ts";
import { randomValues } from "./random_values.ts";

/** Bytes uploaded before the queue is waited for, which bounds what staging takes beside the weights. */
const BYTES_IN_FLIGHT = 64 * 2 ** 20;

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
 * @param into an array that holds the largest parameter and takes each in turn; by default each has its own
 */
export function* randomParameters(config: GuidedUnetConfig, into?: Float32Array): Generator<RandomParameter, void> {
  let seed = 0;
  for (const [name, parameter] of guidedUnetParameters(config)) {
    yield { name, parameter, data: randomParameter(name, parameter, { seed: seed++, into }) };
  }
}

/**
 * Loads random parameters as if they had been read from a checkpoint.
 * @param runtime where they go
 * @param config the network
 */
export async function randomWeights(runtime: Runtime, config: GuidedUnetConfig): Promise<Weights> {
  const loaded = new Map<string, DeviceTensor>();
  let parameterCount = 0;
  let inFlight = 0;
  const largest = Math.max(...[...guidedUnetParameters(config).values()].map(({ shape }) => elementCount(shape)));
  const [drawn, packed] = [new Float32Array(largest), new Float32Array(largest)];
  for (const { name, parameter, data: values } of randomParameters(config, drawn)) {
    const { data, shape } = repackParameter(values, parameter, packed);
    loaded.set(name, runtime.upload(data, shape));
    parameterCount += data.length;
    inFlight += data.byteLength;
    if (inFlight < BYTES_IN_FLIGHT) continue;
    await runtime.settle();
    inFlight = 0;
  }
  return {
    name: "random weights",
    parameterCount,
    constant(name: string): Tensor {
      const tensor = loaded.get(name);
      if (tensor) return constant(tensor);
      throw new RangeError(`Cannot use parameter "${name}" of random weights: the network declares no such parameter`);
    },
    free: (): void => loaded.forEach((tensor) => tensor.free()),
  };
}

function randomParameter(
  name: string,
  { shape, layout }: Parameter,
  { seed, into }: { readonly seed: number; readonly into: Float32Array | undefined },
): Float32Array {
  const values = randomValues(elementCount(shape), seed, into);
  const isScale = layout === "plain" && shape.length === 1 && name.endsWith(".weight");
  const inputs = layout === "plain" ? 1 : values.length / shape[0]!;
  const [offset, factor] = isScale ? [1, 0.3] : [0, 1.5 / Math.sqrt(inputs)];
  for (let i = 0; i < values.length; i++) values[i] = offset + factor * values[i]!;
  return values;
}
