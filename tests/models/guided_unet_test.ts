// deno-lint-ignore-file camelcase -- constructor keywords and stored names keep their published spelling
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ReferenceRuntime, type Runtime } from "../../engine/mod.ts";
import { type GuidedUnetConfig, guidedUnetConfig } from "../../models/mod.ts";
import { assertClose, relativeError } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { openGolden } from "./golden_file.ts";
import { fileOf, randomTensors } from "./random_checkpoint.ts";
import { assertRecording } from "./recording.ts";
import { type HostImage, runUnet, type UnetRun } from "./run_network.ts";

const RECORDED = ["unet-guided-a-tiny", "unet-guided-b-noscaleshift", "unet-guided-c-classcond"];

async function checkRecorded(runtime: Runtime, name: string): Promise<void> {
  assertEquals((await assertRecording(runtime, await openGolden(name))).length, 11);
}

for (const name of RECORDED) {
  gpuTest(`guidedUnet() reproduces output, embedding and activations of ${name}`, async (runtime) => {
    await checkRecorded(runtime, name);
  });
}

Deno.test("guidedUnet() reproduces the class-conditional recording on the CPU", async () => {
  await checkRecorded(new ReferenceRuntime(), "unet-guided-c-classcond");
});

const SMALL = {
  image_size: 8,
  in_channels: 3,
  model_channels: 32,
  out_channels: 3,
  num_res_blocks: 1,
  attention_resolutions: [2],
  channel_mult: [1, 2],
};

function image(shape: readonly number[], seed: number): HostImage {
  return { shape, data: randomValues(shape.reduce((product, extent) => product * extent, 1), seed) };
}

async function smallRun(keywords: Record<string, unknown>, changes: Partial<UnetRun> = {}): Promise<UnetRun> {
  const config: GuidedUnetConfig = guidedUnetConfig({ ...SMALL, ...keywords });
  const x = image([2, 6, 10, 3], 7);
  return { config, file: await fileOf(randomTensors(config)), x, timesteps: [3, 812.5], ...changes };
}

async function outputOf(runtime: Runtime, run: UnetRun): Promise<HostImage> {
  return (await runUnet(runtime, run)).get("output")!;
}

/** One network for each option of the constructor that the recordings leave out; all on 6x10 images. */
const VARIANTS: Readonly<Record<string, [Record<string, unknown>, Partial<UnetRun>]>> = {
  "pooled resampling": [{ conv_resample: false, num_heads: 2 }, {}],
  "residual resampling with additive embedding": [{ resblock_updown: true }, {}],
  "fractional width and three levels": [
    { model_channels: 64, channel_mult: [0.5, 1, 1], attention_resolutions: [1, 4], num_head_channels: 32 },
    { x: image([1, 8, 12, 3], 3), timesteps: [999] },
  ],
  "other heads on the way up": [{ num_heads: 4, num_heads_upsample: 2, use_new_attention_order: true }, {}],
  "super-resolution": [
    { class: "SuperResModel", use_scale_shift_norm: true, out_channels: 6 },
    { lowRes: image([2, 3, 4, 3], 5) },
  ],
};

for (const [name, [keywords, changes]] of Object.entries(VARIANTS)) {
  gpuTest(`guidedUnet() with ${name} agrees with the CPU reference`, async (runtime) => {
    const run = await smallRun(keywords, changes);
    const [gpu, cpu] = [await outputOf(runtime, run), await outputOf(new ReferenceRuntime(), run)];
    assertEquals(gpu.shape, [...run.x.shape.slice(0, 3), run.config.outChannels]);
    assertClose(gpu.data, cpu.data, 1e-5);
  });
}

Deno.test("pooled resampling equals convolutions that average and copy", async () => {
  const runtime = new ReferenceRuntime();
  const pooled = await smallRun({ conv_resample: false });
  const config = guidedUnetConfig(SMALL);
  // 3x3 taps of one channel: the mean of the 2x2 block at stride 2, and the pixel itself.
  const taps: Readonly<Record<string, readonly number[]>> = {
    "input_blocks.2.0.op.weight": [0, 0, 0, 0, 0.25, 0.25, 0, 0.25, 0.25],
    "output_blocks.1.2.conv.weight": [0, 0, 0, 0, 1, 0, 0, 0, 0],
  };
  const shared = new Map(randomTensors(pooled.config).map((tensor) => [tensor.name, tensor]));
  const tensors = randomTensors(config).map((tensor) => {
    const [channels] = tensor.shape;
    const kernel = taps[tensor.name];
    const data = new Float32Array(tensor.shape.reduce((product, extent) => product * extent, 1));
    if (kernel) { for (let c = 0; c < channels!; c++) data.set(kernel, 9 * (c * channels! + c)); }
    return shared.get(tensor.name) ?? { ...tensor, data };
  });
  const convolved = await outputOf(runtime, { ...pooled, config, file: await fileOf(tensors) });
  assertClose(convolved.data, (await outputOf(runtime, pooled)).data, 1e-6);
});

Deno.test("a super-resolution network is a network of the image and the resized low-resolution image", async () => {
  const runtime = new ReferenceRuntime();
  const [x, lowRes] = [image([1, 4, 4, 3], 1), image([1, 4, 4, 3], 2)];
  const upsampler = await smallRun({ class: "SuperResModel" }, { x, lowRes, timesteps: [10] });
  const joined = Float32Array.from(
    { length: 4 * 4 * 6 },
    (_, i) => (i % 6 < 3 ? x : lowRes).data[Math.floor(i / 6) * 3 + i % 3]!,
  );
  const plain = await smallRun({ in_channels: 6 }, { x: { data: joined, shape: [1, 4, 4, 6] }, timesteps: [10] });
  assertClose((await outputOf(runtime, upsampler)).data, (await outputOf(runtime, plain)).data, 1e-6);
});

gpuTest("a batch of two equals two single runs of a learned-variance network", async (runtime) => {
  const keywords = { out_channels: 6, use_scale_shift_norm: true, num_classes: 5 };
  const both = await smallRun(keywords, { labels: [4, 1] });
  const joint = await outputOf(runtime, both);
  const half = both.x.data.length / 2;
  for (const item of [0, 1]) {
    const single = await outputOf(runtime, {
      ...both,
      x: { data: both.x.data.slice(item * half, (item + 1) * half), shape: [1, 6, 10, 3] },
      timesteps: [both.timesteps[item]!],
      labels: [both.labels![item]!],
    });
    assertClose(single.data, joint.data.slice(item * 2 * half, (item + 1) * 2 * half), 1e-6);
  }
});

Deno.test("timestep, label and low-resolution image each change the output", async () => {
  const runtime = new ReferenceRuntime();
  const x = image([1, 4, 4, 3], 2);
  const keywords = { class: "SuperResModel", use_scale_shift_norm: true, num_classes: 3 };
  const base = await smallRun(keywords, { x, timesteps: [10], labels: [0], lowRes: image([1, 2, 2, 3], 1) });
  const { data } = await outputOf(runtime, base);
  for (const change of [{ timesteps: [11] }, { labels: [2] }, { lowRes: image([1, 2, 2, 3], 9) }]) {
    const changed = await outputOf(runtime, { ...base, ...change });
    assert(relativeError(changed.data, data) > 1e-3, JSON.stringify(Object.keys(change)));
  }
});

Deno.test("legacy and new attention order differ for two heads and agree for one", async () => {
  const runtime = new ReferenceRuntime();
  const difference = async (heads: number): Promise<number> => {
    const changes = { x: image([1, 4, 4, 3], 2), timesteps: [10] };
    const legacy = await smallRun({ num_heads: heads }, changes);
    const modern = await smallRun({ num_heads: heads, use_new_attention_order: true }, changes);
    return relativeError((await outputOf(runtime, modern)).data, (await outputOf(runtime, legacy)).data);
  };
  assert(await difference(2) > 1e-3);
  assertEquals(await difference(1), 0);
});

Deno.test("forward() rejects sizes and conditioning that do not fit the network", async () => {
  const runtime = new ReferenceRuntime();
  const rejects = async (keywords: Record<string, unknown>, changes: Partial<UnetRun>, text: string): Promise<void> => {
    await assertRejects(async () => runUnet(runtime, await smallRun(keywords, changes)), TypeError, text);
  };
  const three = { channel_mult: [1, 1, 1] };
  await rejects(three, { x: image([2, 6, 8, 3], 1) }, "x is [2, 6, 8, 3], height and width must be multiples of 4");
  await rejects({ resblock_updown: true }, { x: image([2, 7, 8, 3], 1) }, "no longer fits the skip connection");
  await rejects({}, { x: image([2, 8, 8, 4], 1) }, "x is [2, 8, 8, 4], [N, H, W, 3] is needed");
  await rejects({}, { timesteps: [1] }, "the timestep rows are [1, 32], [2, 32] is needed");
  await rejects({ num_classes: 4 }, {}, "0 class labels were given, needed are 2");
  await rejects({ num_classes: 4 }, { labels: [1] }, "1 class labels were given");
  await rejects({}, { labels: [1, 1] }, "needed are none");
  await rejects({ class: "SuperResModel" }, {}, "needs a low-resolution image");
  await rejects({}, { lowRes: image([2, 3, 5, 3], 1) }, "takes no low-resolution image");
  await rejects({ class: "SuperResModel" }, { lowRes: image([1, 3, 5, 3], 1) }, "[2, h, w, 3] is needed");
});
