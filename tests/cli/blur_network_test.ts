/** The network of a blur in a file. */
import { assertEquals, assertRejects } from "@std/assert";
import { readBlurNetwork } from "../../io/mod.ts";
import { safetensorsBytes, type TensorToWrite } from "../../models/mod.ts";
import { smearingLights } from "../../operators/mod.ts";
import { randomValues } from "../support/random.ts";

async function withFile(
  tensors: readonly TensorToWrite[],
  use: (path: string) => Promise<void>,
): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".safetensors" });
  try {
    await Deno.writeFile(path, await safetensorsBytes({ tensors, metadata: new Map() }));
    await use(path);
  } finally {
    await Deno.remove(path);
  }
}

function tensor(name: string, shape: readonly number[], seed = 1): TensorToWrite {
  const count = shape.reduce((product, extent) => product * extent, 1);
  return { name, dtype: "F32", shape, data: randomValues(count, seed) };
}

Deno.test("a blur network is read from a file, its weights turned to the layout of the engine", async () => {
  const { layers } = smearingLights(3);
  const tensors = layers.flatMap(({ weight, bias }, index): TensorToWrite[] => {
    const [height, width, inputs, outputs] = weight.shape as [number, number, number, number];
    const data = new Float32Array(weight.data.length);
    weight.data.forEach((value, i) => {
      const [out, input, tap] = [i % outputs, Math.floor(i / outputs) % inputs, Math.floor(i / outputs / inputs)];
      data[(out * inputs + input) * height * width + tap] = value;
    });
    return [
      { name: `layers.${index}.weight`, dtype: "F32", shape: [outputs, inputs, height, width], data },
      { name: `layers.${index}.bias`, dtype: "F32", shape: bias.shape, data: Float32Array.from(bias.data) },
    ];
  });
  await withFile(tensors, async (path) => assertEquals((await readBlurNetwork(path)).layers, layers));
});

Deno.test("a layer without bias has zeros, and a file without layers is refused", async () => {
  await withFile([tensor("layers.0.weight", [3, 4, 3, 5])], async (path) => {
    const { layers } = await readBlurNetwork(path);
    assertEquals(layers[0]!.bias.data, new Float32Array(3));
    assertEquals(layers[0]!.weight.shape, [3, 5, 4, 3]);
  });
  await withFile([tensor("conv.weight", [3, 4, 3, 5])], async (path) => {
    await assertRejects(() => readBlurNetwork(path), Error, 'it holds no "layers.0.weight"');
  });
  await withFile([tensor("layers.0.weight", [3, 4, 3, 5, 2])], async (path) => {
    await assertRejects(() => readBlurNetwork(path), Error, '"layers.0.weight" has 5 dimensions');
  });
});
