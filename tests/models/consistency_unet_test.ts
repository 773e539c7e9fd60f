// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
/** `UNetModel` of consistency_models is that of guided-diffusion with another order and shape of attention. */
import { assert, assertEquals } from "@std/assert";
import { type Checkpoint, guidedUnetConfig } from "../../models/mod.ts";
import { relativeError } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { openGolden, readChannelsLast } from "./golden_file.ts";
import { runUnet } from "./run_network.ts";

/** The recording with attention stored as 1x1 convolutions of images, as consistency_models writes it. */
function convolved(file: Checkpoint): Checkpoint {
  const tensors = Array.from(file.tensors, ([name, tensor]) => {
    const isRow = /\.(qkv|proj_out)\.weight$/.test(name);
    return [name, isRow ? { ...tensor, shape: [...tensor.shape, 1] } : tensor] as const;
  });
  return {
    name: file.name,
    format: file.format,
    stateDict: file.stateDict,
    metadata: file.metadata,
    tensors: new Map(tensors),
    readPieces: (name) => file.readPieces(name),
    readBytes: (name, into) => file.readBytes(name, into),
    readFloat32: (name, into) => file.readFloat32(name, into),
  };
}

gpuTest("attention of either rank is read, and that of consistency_models always in the new order", async (runtime) => {
  // Recorded with the new order; the same weights run in consistency_models' class agree to 9e-7.
  const golden = await openGolden("unet-guided-b-noscaleshift");
  const { use_new_attention_order, ...keywords } = JSON.parse(golden.metadata.get("constructor")!);
  assertEquals(use_new_attention_order, true);
  const run = {
    x: await readChannelsLast(golden, "input.x"),
    timesteps: await golden.readFloat32("input.t"),
    prefix: "model.",
  };
  const expected = (await readChannelsLast(golden, "output")).data;
  const errorOf = async (file: Checkpoint, changed: Readonly<Record<string, unknown>>): Promise<number> => {
    const config = guidedUnetConfig({ ...keywords, ...changed });
    return relativeError((await runUnet(runtime, { ...run, file, config })).get("output")!.data, expected);
  };
  const [rows, images] = [golden, convolved(golden)];
  const own = { class: "cm.unet.UNetModel", use_new_attention_order: false };
  for (const file of [rows, images]) assert(await errorOf(file, own) < 1e-4);
  assert(await errorOf(images, { use_new_attention_order: true }) < 1e-4);
  assert(await errorOf(images, { use_new_attention_order: false }) > 1e-2);
});
