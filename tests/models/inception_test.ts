import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { ReferenceRuntime, type Runtime, type Tensor, trace } from "../../engine/mod.ts";
import { bilinearResize } from "../../kernels/mod.ts";
import { CheckpointError, inceptionParameters, type InceptionVariant, openInception } from "../../models/mod.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { inceptionFile, inceptionTensors } from "./feature_files.ts";
import { fileOf } from "./random_checkpoint.ts";
import { openRecorded } from "./recording.ts";

const SMALL = { seed: 5, divisor: 16 } as const;

/** [2, C, 24, 37] drawn as the recording drew it, channels last. */
function drawnImages(): Float32Array {
  const [images, channels, pixels] = [2, 3, 24 * 37];
  const planes = randomValues(images * channels * pixels, 1);
  return Float32Array.from(planes, (_, i) => {
    const [image, pixel] = [Math.floor(i / (channels * pixels)), Math.floor(i / channels) % pixels];
    return planes[(image * channels + i % channels) * pixels + pixel]!;
  });
}

/** Means over the pixels of what every block gives, and the features. */
async function runInception(runtime: Runtime, variant: InceptionVariant): Promise<Map<string, Float32Array>> {
  const inception = await openInception(runtime, await inceptionFile(variant, SMALL), { divisor: SMALL.divisor });
  assertEquals([inception.variant, inception.channels], [variant, 2048 / 16]);
  const stage = runtime.stage<"x", never, string>("inception", ({ x }) => {
    const blocks: Record<string, Tensor> = {};
    const features = inception.features(bilinearResize(x, 299, 299), (block, tensor) => blocks[block] = tensor);
    return { ...blocks, features };
  });
  const results = await stage({ x: runtime.upload(drawnImages(), [2, 24, 37, 3]) }, {});
  const read = new Map<string, Float32Array>();
  for (const [name, tensor] of Object.entries(results)) {
    const data = await tensor.read();
    read.set(name, tensor.shape.length === 4 ? meansOf(data, tensor.shape as [number, number, number, number]) : data);
  }
  inception.free();
  return read;
}

function meansOf(
  data: Float32Array,
  [images, height, width, channels]: [number, number, number, number],
): Float32Array {
  const sums = new Float64Array(images * channels);
  data.forEach((value, i) => {
    sums[Math.floor(i / (height * width * channels)) * channels + i % channels]! += value;
  });
  return Float32Array.from(sums, (sum) => sum / (height * width));
}

for (const variant of ["fid", "torchvision"] as const) {
  gpuTest(
    `openInception() reproduces what PyTorch makes of the ${variant} network, block by block`,
    async (runtime) => {
      const recording = await openRecorded(`inception-${variant}`);
      const results = await runInception(runtime, variant);
      const names = [...recording.tensors.keys()].filter((name) => name.startsWith("means.")).map((name) =>
        name.slice(6)
      );
      assertEquals(names.length, 16);
      for (const name of names) {
        // The recorded stem has its pools after the block's convolution, as the block here has.
        assertClose(results.get(name)!, await recording.readFloat32(`means.${name}`), 1e-5, name);
      }
      assertClose(results.get("features")!, await recording.readFloat32("features"), 1e-5, "features");
    },
  );
}

Deno.test("the reference computes the features of Inception as PyTorch does", async () => {
  const recording = await openRecorded("inception-fid");
  const results = await runInception(new ReferenceRuntime(), "fid");
  assertClose(results.get("features")!, await recording.readFloat32("features"), 1e-5);
});

Deno.test("Inception v3 has the published 21,785,568 trained numbers up to its last pool", () => {
  const parameters = inceptionParameters("torchvision");
  const trained = [...parameters].filter(([name]) => !name.includes("running_"));
  assertEquals(trained.reduce((sum, [, { shape }]) => sum + shape.reduce((a, b) => a * b, 1), 0), 21_785_568);
  assertEquals(parameters.get("Conv2d_1a_3x3.conv.weight")?.shape, [32, 3, 3, 3]);
  assertEquals(parameters.get("Mixed_6b.branch7x7dbl_2.conv.weight")?.shape, [128, 128, 7, 1]);
  assertEquals(parameters.get("Mixed_7c.branch3x3dbl_3b.bn.running_var")?.shape, [384]);
  assertEquals([...inceptionParameters("fid").keys()], [...parameters.keys()]);
});

Deno.test("openInception() says which tensors do not fit, and which files it takes", async () => {
  const runtime = new ReferenceRuntime();
  const tensors = inceptionTensors("fid", SMALL);
  const open = async (list: typeof tensors): Promise<unknown> =>
    await openInception(runtime, await fileOf(list), { divisor: SMALL.divisor });
  const without = tensors.filter(({ name }) => name !== "Mixed_5b.branch_pool.bn.bias");
  const error = await assertRejects(() => open(without), CheckpointError);
  assertStringIncludes(error.message, '1 parameter is missing (first "Mixed_5b.branch_pool.bn.bias" [2])');
  assertStringIncludes(error.message, "0 are unexpected");
  const more = [
    ...tensors,
    { name: "Mixed_8a.conv.weight", dtype: "F32", shape: [1], data: new Float32Array(1) } as const,
  ];
  await assertRejects(() => open(more), CheckpointError, '1 is unexpected (first "Mixed_8a.conv.weight" [1])');
  const other = tensors.map((tensor) => tensor.name === "fc.weight" ? { ...tensor, name: "fc.other" } : tensor);
  await assertRejects(() => open(other), CheckpointError, '"fc.weight" is missing, 1008 classes');
});

Deno.test("Inception refuses images of another size", async () => {
  const file = await inceptionFile("fid", SMALL);
  const inception = await openInception(new ReferenceRuntime(), file, { divisor: SMALL.divisor });
  assertThrows(
    () => trace("size", { x: { shape: [1, 256, 256, 3], dtype: "f32" } }, ({ x }) => ({ y: inception.features(x!) })),
    TypeError,
    "[N, 299, 299, 3] is needed",
  );
});
