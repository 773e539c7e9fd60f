// deno-lint-ignore-file camelcase -- constructor keywords and stored names keep their published spelling
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ReferenceRuntime, type Runtime } from "../../engine/mod.ts";
import { guidedClassifier } from "../../models/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { fileOf, randomTensorsOf } from "./random_checkpoint.ts";
import { assertRecording, drawnParameters, familyOf, openRecorded } from "./recording.ts";
import { runNetwork } from "./run_network.ts";

for (const pool of ["adaptive", "attention", "spatial", "spatial-v2"]) {
  const check = async (runtime: Runtime): Promise<void> => {
    const recording = await openRecorded(`classifier-${pool}`);
    const compared = await assertRecording(runtime, recording, await drawnParameters(recording));
    assertEquals(compared, [
      "emb",
      "input_blocks.0",
      "input_blocks.1",
      "input_blocks.2",
      "input_blocks.3",
      "middle_block",
      "output",
    ]);
  };
  gpuTest(`guidedClassifier() reproduces what PyTorch makes of the pool ${pool}`, check);
  Deno.test(`guidedClassifier() reproduces the pool ${pool} on the CPU`, () => check(new ReferenceRuntime()));
}

for (const halving of ["residual", "convolved", "pooled"]) {
  const check = async (runtime: Runtime): Promise<void> => {
    const recording = await openRecorded(`classifier-odd-${halving}`);
    const compared = await assertRecording(runtime, recording, await drawnParameters(recording));
    assertEquals(compared.length, 9);
  };
  gpuTest(`guidedClassifier() halves odd sides as PyTorch does, ${halving}`, check);
  Deno.test(`guidedClassifier() halves odd sides on the CPU, ${halving}`, () => check(new ReferenceRuntime()));
}

const COMMON = {
  in_channels: 3,
  model_channels: 128,
  out_channels: 1000,
  num_res_blocks: 2,
  num_head_channels: 64,
  use_scale_shift_norm: true,
  resblock_updown: true,
  pool: "attention",
};

/** Parameters in millions, as published. */
const PUBLISHED: Readonly<Record<number, { keywords: Record<string, unknown>; millions: string }>> = {
  64: {
    keywords: { ...COMMON, num_res_blocks: 4, channel_mult: [1, 2, 3, 4], attention_resolutions: [2, 4, 8] },
    millions: "65.44",
  },
  128: {
    keywords: { ...COMMON, channel_mult: [1, 1, 2, 3, 4], attention_resolutions: [4, 8, 16] },
    millions: "42.57",
  },
  256: {
    keywords: { ...COMMON, channel_mult: [1, 1, 2, 2, 4, 4], attention_resolutions: [8, 16, 32] },
    millions: "54.10",
  },
  512: {
    keywords: { ...COMMON, channel_mult: [0.5, 1, 1, 2, 2, 4, 4], attention_resolutions: [16, 32, 64] },
    millions: "54.45",
  },
};

for (const [size, { keywords, millions }] of Object.entries(PUBLISHED)) {
  Deno.test(`the classifier of ImageNet ${size} has ${millions} M parameters`, () => {
    const parameters = guidedClassifier.plan({ ...keywords, image_size: Number(size) }).parameters;
    const count = [...parameters.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    assertEquals((count / 1e6).toFixed(2), millions);
    assertEquals(parameters.get("out.2.positional_embedding")?.shape, [512, 65]);
    assertEquals(parameters.get("out.2.qkv_proj.weight")?.shape, [1536, 512, 1]);
    assertEquals(parameters.get("out.2.c_proj.bias")?.shape, [1000]);
  });
}

const SMALL = {
  image_size: 8,
  in_channels: 3,
  model_channels: 32,
  out_channels: 4,
  num_res_blocks: 1,
  attention_resolutions: [],
  channel_mult: [1, 1],
  num_head_channels: 32,
  pool: "attention",
};

Deno.test("an attention pool insists on the training size, and all pools on sides that can be halved", async () => {
  const run = async (keywords: Record<string, unknown>, [height, width]: [number, number]): Promise<unknown> => {
    const plan = familyOf("EncoderUNetModel").plan({ ...SMALL, ...keywords });
    return await runNetwork(new ReferenceRuntime(), {
      plan,
      file: await fileOf(randomTensorsOf(plan.parameters, 1)),
      x: { data: randomValues(height * width * 3, 1), shape: [1, height, width, 3] },
      timesteps: [1],
    });
  };
  const size = "x is [1, 8, 10, 3], its attention pool needs 8 x 8";
  await assertRejects(() => run({}, [8, 10]), TypeError, size);
  await assertRejects(() => run({ pool: "spatial" }, [8, 0]), TypeError, "must not be 0");
  await assertRejects(() => run({ pool: "spatial", resblock_updown: true }, [8, 1]), TypeError, "at least 2x2");
  await assertRejects(() => run({ pool: "spatial", conv_resample: false }, [8, 1]), RangeError, "the factor is 2");
  await run({ pool: "adaptive" }, [4, 10]);
});

Deno.test("guidedClassifier.config() refuses unknown pools, and attention without the width of its heads", () => {
  assertThrows(
    () => guidedClassifier.config({ ...SMALL, pool: "mean" }),
    TypeError,
    '"pool" is "mean", one of "adaptive", "attention", "spatial", "spatial_v2" is needed',
  );
  assertThrows(
    () => guidedClassifier.config({ ...SMALL, num_head_channels: -1, num_heads: 2 }),
    TypeError,
    '"pool" is "attention", "num_head_channels" is needed with it',
  );
  const { num_head_channels: _, ...counted } = SMALL;
  assertEquals(guidedClassifier.config({ ...counted, pool: "spatial", class: "EncoderUNetModel" }).pool, "spatial");
  assertThrows(() => guidedClassifier.config({ ...SMALL, num_classes: 3 }), TypeError, '"num_classes" is no keyword');
});
