/** Reading the network of a blur from a file. */
import { elementCount, hostTensor } from "../engine/mod.ts";
import { openCheckpoint } from "../models/mod.ts";
import type { BlurLayer, BlurNetwork } from "../operators/mod.ts";
import { FileError } from "./file_error.ts";
import { FileSource } from "./file_source.ts";

/**
 * Reads the layers of a blur network: `layers.0.weight` [Cout, Cin, KH, KW] and `layers.0.bias` [Cout], and so on, which
 * are convolutions with max(x, 0) between them; the first one reads red, green, blue and then the channels of the code.
 * @param path safetensors, or a PyTorch .pt or .ckpt
 * @throws {FileError | CheckpointError} if it cannot be read, or holds no such layers
 */
export async function readBlurNetwork(path: string): Promise<BlurNetwork> {
  const source = await FileSource.open(path);
  try {
    const file = await openCheckpoint(source);
    const layers: BlurLayer[] = [];
    for (let index = 0; file.tensors.has(`layers.${index}.weight`); index++) {
      const [weightName, biasName] = [`layers.${index}.weight`, `layers.${index}.bias`];
      const [outputs = 0, inputs = 0, height = 0, width = 0] = file.tensors.get(weightName)!.shape;
      const read = await file.readFloat32(weightName);
      const weight = Float32Array.from({ length: read.length }, (_, i) => {
        const [out, rest] = [i % outputs, Math.floor(i / outputs)];
        return read[(out * inputs + rest % inputs) * height * width + Math.floor(rest / inputs)]!;
      });
      const bias = file.tensors.has(biasName) ? await file.readFloat32(biasName) : new Float32Array(outputs);
      const shape = [height, width, inputs, outputs];
      if (weight.length !== elementCount(shape)) {
        throw new FileError(
          `Cannot use blur network "${path}": "${weightName}" has ${file.tensors.get(weightName)!.shape.length} ` +
            "dimensions, [outputs, inputs, height, width] is needed; store convolutions",
        );
      }
      layers.push({ weight: hostTensor(weight, shape), bias: hostTensor(Float32Array.from(bias), [bias.length]) });
    }
    if (layers.length > 0) return { layers };
    throw new FileError(
      `Cannot use blur network "${path}": it holds no "layers.0.weight"; name its convolutions layers.0, layers.1, ...`,
    );
  } finally {
    source.close();
  }
}
