import { assertEquals } from "@std/assert";
import { constant, hostTensor, ReferenceRuntime, type Shape, type TensorType, trace } from "../../engine/mod.ts";
import {
  embeddingProjections,
  type ParameterLookup,
  repackParameter,
  residualBlock,
  residualBlockParameters,
  type SafetensorsFile,
  withStatistics,
} from "../../models/mod.ts";
import { assertClose } from "../support/close.ts";
import { openGolden, readChannelsLast } from "./golden_file.ts";

/** Repacks the parameters of a recorded residual block; names inside the file have `__` for the dot. */
async function lookUp(
  file: SafetensorsFile,
  block: string,
  options: Parameters<typeof residualBlockParameters>[0],
): Promise<ParameterLookup> {
  const constants = new Map<string, ReturnType<typeof hostTensor>>();
  for (const [name, parameter] of residualBlockParameters(options)) {
    const stored = `${block}.${name.replaceAll(".", "__")}`;
    assertEquals(file.tensors.get(stored)?.shape, parameter.shape, stored);
    const { data, shape } = repackParameter(await file.readFloat32(stored), parameter);
    constants.set(name, hostTensor(data, shape));
  }
  return (name) => constant(constants.get(name)!);
}

for (const block of ["resblock_plain", "resblock_down", "resblock_up"]) {
  Deno.test(`residualBlock() reproduces the recorded ${block}`, async () => {
    const file = await openGolden("ops-basic");
    const attributes = JSON.parse(file.metadata.get("cases")!)[block];
    const outputChannels = attributes.out_channels ?? attributes.channels;
    const scaleShiftNorm: boolean = attributes.use_scale_shift_norm;
    const parameters = await lookUp(file, block, {
      inputChannels: attributes.channels,
      outputChannels,
      embeddingChannels: attributes.emb_channels,
      scaleShiftNorm,
    });
    const runtime = new ReferenceRuntime();
    const x = await readChannelsLast(file, `${block}.x`);
    const emb = await file.readFloat32(`${block}.emb`);
    const stage = runtime.stage("block", ({ x, emb }) => {
      const condition = embeddingProjections(emb!, ["emb_layers.1"], parameters).get("emb_layers.1")!;
      const { x: y } = residualBlock([withStatistics(x!)], condition, parameters, {
        outputChannels,
        scaleShiftNorm,
        resample: attributes.up ? "up" : attributes.down ? "down" : "none",
      });
      return { y };
    });
    const { y } = await stage({
      x: runtime.upload(x.data, x.shape),
      emb: runtime.upload(emb, [x.shape[0]!, attributes.emb_channels]),
    }, {});
    assertClose(await y.read(), (await readChannelsLast(file, `${block}.y`)).data, 1e-6);
  });
}

/** The types of the projections of two layers [E, columns] and [E, 64], and where each stands. */
function projected(inner: number, columns: number, dtype: "f32" | "f16"): readonly (readonly [Shape, number])[] {
  const found: (readonly [Shape, number])[] = [];
  const types: Record<string, TensorType> = {
    emb: { shape: [1, inner], dtype: "f32" },
    "a.weight": { shape: [inner, columns], dtype },
    "a.bias": { shape: [columns], dtype: "f32" },
    "b.weight": { shape: [inner, 64], dtype },
    "b.bias": { shape: [64], dtype: "f32" },
  };
  trace("projections", types, (tensors) => {
    const projections = embeddingProjections(tensors.emb!, ["a", "b"], (name) => tensors[name]!);
    for (const { tensor, at } of projections.values()) found.push([tensor.shape, at]);
    return {};
  });
  return found;
}

Deno.test("projections of the embedding are one product, unless one weight would become too large", () => {
  assertEquals(projected(256, 512, "f32"), [[[1, 576], 0], [[1, 576], 512]]);
  assertEquals(projected(4096, 4096, "f32"), [[[1, 4096], 0], [[1, 64], 0]]);
  assertEquals(projected(256, 512, "f16"), [[[1, 576], 0], [[1, 576], 512]]);
});
