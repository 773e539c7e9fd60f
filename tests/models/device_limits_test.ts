/** What is said where a device is too small for a network. */
import { assertEquals, assertRejects } from "@std/assert";
import { DeviceLimitError, type Scalars, type Tensor, type Tensors, WebGpuRuntime } from "../../engine/mod.ts";
import {
  guidedUnet,
  guidedUnetConfig,
  guidedUnetParameters,
  loadWeights,
  noiseModel,
  noiseSchedule,
  type Precision,
} from "../../models/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { fileOf, randomTensors } from "./random_checkpoint.ts";

const CONFIG = guidedUnetConfig({
  "image_size": 4,
  "in_channels": 3,
  "model_channels": 32,
  "out_channels": 6,
  "num_res_blocks": 1,
  "attention_resolutions": [2],
  "channel_mult": [1, 2],
});

/** Bytes of the largest parameter in f32: [3, 3, 128, 64]. */
const LARGEST = 4 * 9 * 128 * 64;

/** Runs the network on a device that binds `limit` bytes at most. */
async function evaluate(limit: number, side: number, precision: Precision): Promise<Float32Array> {
  const runtime = await WebGpuRuntime.open({ limits: { maxBindingBytes: limit } });
  try {
    const file = await fileOf(randomTensors(CONFIG));
    const weights = await loadWeights(runtime, file, guidedUnetParameters(CONFIG), { precision });
    const model = noiseModel(guidedUnet(CONFIG, weights), noiseSchedule("linear", 50), {
      height: side,
      width: side,
    });
    const stage = runtime.stage(
      "nfe",
      ({ x }: Tensors<"x">, { timestep }: Scalars<"timestep">): Record<"eps", Tensor> => ({
        eps: model.predictEps(x, timestep),
      }),
    );
    const x = runtime.upload(new Float32Array(side * side * 3).fill(0.5), [1, side, side, 3]);
    return await (await stage({ x }, { timestep: 20 })).eps.read();
  } finally {
    runtime.destroy();
  }
}

gpuTest(
  "a parameter that the device cannot bind is named with its bytes, and half precision where it helps",
  async () => {
    await assertRejects(
      () => evaluate(LARGEST - 4, 4, "f32"),
      DeviceLimitError,
      `[3, 3, 128, 64] takes ${LARGEST} bytes in f32, the device binds at most ${LARGEST - 4} ` +
        `(maxStorageBufferBindingSize); use half precision (--precision f16), which takes ${LARGEST / 2}`,
    );
    await assertRejects(() => evaluate(LARGEST / 2 - 4, 4, "f16"), DeviceLimitError, "use another device");
  },
);

gpuTest("half precision runs where single precision does not fit", async () => {
  const eps = await evaluate(LARGEST / 2, 4, "f16");
  assertEquals([eps.length, eps.every(Number.isFinite)], [48, true]);
});

gpuTest("activations that the device cannot bind are named with their bytes, and a smaller image helps", async () => {
  const side = 56;
  const bytes = 4 * 32 * side ** 2;
  await assertRejects(
    () => evaluate(LARGEST, side, "f32"),
    DeviceLimitError,
    `buffer of tensor [1, ${side}, ${side}, 32] needs ${bytes} bytes, the device binds at most ${LARGEST} ` +
      "(maxStorageBufferBindingSize); use a smaller image or batch",
  );
  assertEquals((await evaluate(LARGEST, 16, "f32")).length, 3 * 16 ** 2);
});
