// deno-lint-ignore-file camelcase -- constructor keywords and stored names keep their published spelling
import { assert, assertEquals, assertRejects } from "@std/assert";
import { trace } from "../../engine/graph.ts";
import { ReferenceRuntime, type Runtime } from "../../engine/mod.ts";
import { splitConstantCalls } from "../../engine/simplify.ts";
import { type NetworkPlan, uploadWeights, withStatistics } from "../../models/mod.ts";
import { ddpmAttentionBlock } from "../../models/ddpm/blocks.ts";
import { assertClose, relativeError } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { openGolden } from "./golden_file.ts";
import { fileOf, randomTensorsOf } from "./random_checkpoint.ts";
import { assertRecording, drawnParameters, familyOf, openRecorded } from "./recording.ts";
import { type HostImage, type NetworkRun, runNetwork } from "./run_network.ts";

gpuTest("ddpmUnet() reproduces the published program's recording", async (runtime) => {
  const compared = await assertRecording(runtime, await openGolden("unet-ddpm-a-tiny"));
  assertEquals(compared.length, 17);
});

for (const name of ["ddpm-pooled", "ddpm-three-levels"]) {
  const check = async (runtime: Runtime): Promise<void> => {
    const recording = await openRecorded(name);
    await assertRecording(runtime, recording, await drawnParameters(recording));
  };
  gpuTest(`ddpmUnet() reproduces what PyTorch makes of ${name}`, check);
  Deno.test(`ddpmUnet() reproduces what PyTorch makes of ${name} on the CPU`, () => check(new ReferenceRuntime()));
}

const SMALL = {
  ch: 32,
  out_ch: 3,
  ch_mult: [1, 2],
  num_res_blocks: 1,
  attn_resolutions: [4],
  in_channels: 3,
  resolution: 8,
};

function planOf(keywords: Record<string, unknown> = {}): NetworkPlan {
  return familyOf("Model").plan({ ...SMALL, ...keywords });
}

function image(shape: readonly number[], seed: number): HostImage {
  return { shape, data: randomValues(shape.reduce((product, extent) => product * extent, 1), seed) };
}

async function outputOf(runtime: Runtime, changes: Partial<NetworkRun> = {}): Promise<HostImage> {
  const plan = planOf();
  const run: NetworkRun = {
    plan,
    file: await fileOf(randomTensorsOf(plan.parameters, 1)),
    x: image([2, 6, 10, 3], 7),
    timesteps: [3, 812.5],
    ...changes,
  };
  return (await runNetwork(runtime, run)).get("output")!;
}

gpuTest("ddpmUnet() runs at sizes other than the training size, and agrees with the CPU reference", async (runtime) => {
  const [gpu, cpu] = [await outputOf(runtime), await outputOf(new ReferenceRuntime())];
  assertEquals(gpu.shape, [2, 6, 10, 3]);
  assertClose(gpu.data, cpu.data, 1e-5);
});

Deno.test("a batch of two equals two single runs, and the timestep matters", async () => {
  const runtime = new ReferenceRuntime();
  const joint = await outputOf(runtime);
  const half = joint.data.length / 2;
  const { data } = image([2, 6, 10, 3], 7);
  const single = async (item: number, t: number): Promise<Float32Array> => {
    const x = { data: data.slice(item * half, (item + 1) * half), shape: [1, 6, 10, 3] };
    return (await outputOf(runtime, { x, timesteps: [t] })).data;
  };
  assertClose(await single(0, 3), joint.data.slice(0, half), 1e-6);
  assertClose(await single(1, 812.5), joint.data.slice(half), 1e-6);
  assert(relativeError(await single(1, 800), joint.data.slice(half)) > 1e-3);
});

Deno.test("forward() rejects sizes and conditioning that do not fit the network", async () => {
  const rejects = async (changes: Partial<NetworkRun>, text: string): Promise<void> => {
    await assertRejects(() => outputOf(new ReferenceRuntime(), changes), TypeError, text);
  };
  await rejects({ x: image([2, 6, 9, 3], 1) }, "x is [2, 6, 9, 3], height and width must be multiples of 2");
  await rejects({ x: image([2, 6, 9, 3], 1) }, "no longer fits the skip connection");
  await rejects({ x: image([2, 8, 8, 4], 1) }, "x is [2, 8, 8, 4], [N, H, W, 3] is needed");
  await rejects({ timesteps: [1] }, "the timestep rows are [1, 32], [2, 32] is needed");
  await rejects({ labels: [1, 2] }, "2 class labels were given, needed are none");
  await rejects({ lowRes: image([2, 3, 5, 3], 1) }, "it takes no low-resolution image");
});

/** The attention block of a layer of 512 channels, as the CelebA-HQ network has it. */
async function wideAttention(runtime: Runtime): Promise<Float32Array> {
  const { parameters } = planOf({ ch: 512, ch_mult: [1], num_res_blocks: 1 });
  const prefix = "mid.attn_1.";
  const block = new Map([...parameters].filter(([name]) => name.startsWith(prefix)));
  const tensors = new Map(randomTensorsOf(block, 3).map(({ name, data }) => [name, data as Float32Array]));
  const weights = await uploadWeights(runtime, {
    name: "block",
    parameters: block,
    read: (name, into) => {
      const data = tensors.get(name)!;
      into.set(data);
      return into.subarray(0, data.length);
    },
  });
  const stage = runtime.stage<"x", never, "y">("block", ({ x }) => ({
    y: ddpmAttentionBlock(withStatistics(x), (name) => weights.constant(prefix + name)).x,
  }));
  const { y } = await stage({ x: runtime.upload(image([1, 4, 4, 512], 2).data, [1, 4, 4, 512]) }, {});
  return await y.read();
}

gpuTest("a single head of 512 channels agrees with the CPU reference", async (runtime) => {
  assertClose(await wideAttention(runtime), await wideAttention(new ReferenceRuntime()), 1e-5);
});

Deno.test("the weights of q, k and v are joined from constants alone", async () => {
  const { parameters } = planOf();
  const runtime = new ReferenceRuntime();
  const weights = await uploadWeights(runtime, {
    name: "zeros",
    parameters,
    read: (name, into) => into.subarray(0, parameters.get(name)!.shape.reduce((a, b) => a * b, 1)),
  });
  const graph = trace("block", { x: { shape: [1, 4, 4, 64], dtype: "f32" } }, ({ x }) => ({
    y: ddpmAttentionBlock(withStatistics(x!), (name) => weights.constant(`mid.attn_1.${name}`)).x,
  }));
  const { body, folded } = splitConstantCalls(graph);
  assertEquals(body.map(({ op }) => op.name), [
    "imageStatistics",
    "groupNormFactors",
    "conv2d",
    "reshape",
    "attention",
    "reshape",
    "conv2d",
  ]);
  assertEquals(folded.map(({ shape }) => shape), [[1, 1, 64, 192], [192]]);
});
