/** Recorded tensors of tests/golden, and the change of layout between them and the engine. */
import { bytesByteSource } from "../../models/checkpoint/byte_source.ts";
import { openSafetensors, type SafetensorsFile } from "../../models/checkpoint/safetensors.ts";

/** Opens a file of tests/golden by name, without `.safetensors`. */
export async function openGolden(name: string): Promise<SafetensorsFile> {
  const bytes = await Deno.readFile(new URL(`../golden/${name}.safetensors`, import.meta.url));
  return await openSafetensors(bytesByteSource(bytes, `${name}.safetensors`));
}

/** A tensor of an image batch in the engine's order: [N, C, H, W] -> [N, H, W, C]. */
export async function readChannelsLast(
  file: SafetensorsFile,
  name: string,
): Promise<{ readonly data: Float32Array; readonly shape: readonly number[] }> {
  const [batch, channels, height, width] = file.tensors.get(name)!.shape as [number, number, number, number];
  const source = await file.readFloat32(name);
  const data = new Float32Array(source.length);
  let at = 0;
  for (let n = 0; n < batch; n++) {
    for (let pixel = 0; pixel < height * width; pixel++) {
      for (let c = 0; c < channels; c++) data[at++] = source[(n * channels + c) * height * width + pixel]!;
    }
  }
  return { data, shape: [batch, height, width, channels] };
}

/** Every stride-th channel of the first image of a batch [N, H, W, C], as [1, H, W, ceil(C / stride)]. */
export function everyChannel(data: Float32Array, shape: readonly number[], stride: number): Float32Array {
  const [, height, width, channels] = shape as [number, number, number, number];
  const picked: number[] = [];
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let c = 0; c < channels; c += stride) picked.push(data[pixel * channels + c]!);
  }
  return Float32Array.from(picked);
}
