import { assertEquals } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { bytesByteSource, guidedUnetParameters, openModel, openSafetensors } from "../../models/mod.ts";
import { type BenchNetwork, NETWORKS } from "../../bench/networks.ts";
import { type CheckpointDtype, writeRandomCheckpoint } from "../../bench/random_checkpoint.ts";
import { randomParameters } from "../../bench/random_weights.ts";

const { config: CONFIG, description: DESCRIPTION } = NETWORKS.tiny! as Required<BenchNetwork>;

async function written(dtype: CheckpointDtype): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  await writeRandomCheckpoint(DESCRIPTION, dtype, (bytes) => Promise.resolve(void parts.push(bytes.slice())));
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

Deno.test("a random checkpoint describes its network and holds every parameter with its exact shape", async () => {
  const stored = { f32: "F32", f16: "F16", bf16: "BF16" } as const;
  for (const dtype of ["f32", "f16", "bf16"] as const) {
    const file = await openSafetensors(bytesByteSource(await written(dtype), "random.safetensors"));
    const model = await openModel(new ReferenceRuntime(), file, { precision: "f16" });
    assertEquals(model.config, CONFIG);
    const parameters = guidedUnetParameters(CONFIG);
    assertEquals(new Set(file.tensors.keys()), new Set(parameters.keys()));
    for (const [name, { shape }] of parameters) assertEquals(file.tensors.get(name)?.shape, shape);
    assertEquals(new Set([...file.tensors.values()].map((tensor) => tensor.dtype)), new Set([stored[dtype]]));
  }
});

Deno.test("the values of a random checkpoint are those of the network with random weights", async () => {
  const file = await openSafetensors(bytesByteSource(await written("f32"), "random.safetensors"));
  for (const { name, data } of randomParameters(CONFIG)) assertEquals(await file.readFloat32(name), data, name);
});
