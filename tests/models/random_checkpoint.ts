/** Checkpoints of untrained networks, for tests that need weights and no particular ones. */
import {
  bytesByteSource,
  type GuidedUnetConfig,
  guidedUnetParameters,
  openSafetensors,
  safetensorsBytes,
  type SafetensorsFile,
  type TensorToWrite,
} from "../../models/mod.ts";
import { randomValues } from "../support/random.ts";

/** Tensors with every parameter of a network: norms around 1, the rest small enough that activations stay near 1. */
export function randomTensors(config: GuidedUnetConfig, seed = 1): TensorToWrite[] {
  return Array.from(guidedUnetParameters(config), ([name, { shape, layout }], index) => {
    const count = shape.reduce((product, extent) => product * extent, 1);
    const inputs = layout === "plain" ? 1 : count / shape[0]!;
    const isGamma = layout === "plain" && shape.length === 1 && name.endsWith(".weight");
    const data = randomValues(count, seed * 1000 + index).map((value) =>
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
