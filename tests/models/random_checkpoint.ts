/** Checkpoints of untrained networks, for tests that need weights and no particular ones. */
import {
  bytesByteSource,
  type GuidedUnetConfig,
  guidedUnetParameters,
  openSafetensors,
  type ParameterSet,
  safetensorsBytes,
  type SafetensorsFile,
  type TensorToWrite,
} from "../../models/mod.ts";
import { randomValues } from "../support/random.ts";

/** Tensors with every parameter of a guided UNet; see `randomTensorsOf`. */
export function randomTensors(config: GuidedUnetConfig, seed = 1): TensorToWrite[] {
  return randomTensorsOf(guidedUnetParameters(config), seed);
}

/**
 * Tensors with every parameter of a network: norms around 1, the rest small enough that activations stay near 1. A
 * parameter's numbers depend on the seed and on its place among the sorted names, as in `networks/record.py`.
 */
export function randomTensorsOf(parameters: ParameterSet, seed: number): TensorToWrite[] {
  const places = new Map([...parameters.keys()].sort().map((name, place) => [name, place]));
  return Array.from(parameters, ([name, { shape, layout }]) => {
    const count = shape.reduce((product, extent) => product * extent, 1);
    const inputs = layout === "plain" ? 1 : count / shape[0]!;
    const isGamma = layout === "plain" && shape.length === 1 && name.endsWith(".weight");
    const data = randomValues(count, seed * 1000 + places.get(name)!).map((value) =>
      isGamma ? 1 + 0.3 * value : 1.5 * value / Math.sqrt(inputs)
    );
    return { name, dtype: "F32", shape: [...shape], data };
  });
}

/** A file in memory with these tensors and metadata. */
export async function fileOf(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<SafetensorsFile> {
  const bytes = await safetensorsBytes({ tensors, metadata: new Map(Object.entries(metadata)) });
  return await openSafetensors(bytesByteSource(bytes, "model.safetensors"));
}
