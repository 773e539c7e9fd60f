import { assertEquals, assertRejects } from "@std/assert";
import { ReferenceRuntime, type Tensor } from "../../engine/mod.ts";
import { inceptionFeatures } from "../../metrics/mod.ts";
import { type Inception, openInception } from "../../models/mod.ts";
import { reshape, sliceChannels } from "../../kernels/mod.ts";
import { inceptionFile } from "../models/feature_files.ts";
import { openRecorded } from "../models/recording.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";

/** Stands for the network: the first numbers of what it is given. */
const PROBE: Inception = {
  name: "probe",
  variant: "fid",
  channels: 299 * 299 * 3,
  features: (x: Tensor) => reshape(sliceChannels(x, 0, 3), [x.shape[0]!, 299 * 299 * 3]),
  free: () => {},
};

Deno.test("images reach Inception interpolated from pixel centres, or as the TensorFlow graph does", async () => {
  const runtime = new ReferenceRuntime();
  // One row of colour 0, 1, 2, ... along the width: interpolation gives the position itself, within the image.
  const width = 13;
  const image = Float32Array.from({ length: 2 * width * 3 }, (_, i) => Math.floor(i / 3) % width / width);
  const row = async (preparation: "pytorch" | "tensorflow"): Promise<Float32Array> => {
    const found = await inceptionFeatures(runtime, PROBE, preparation).extract(image, [1, 2, width, 3]);
    return Float32Array.from({ length: 299 }, (_, k) => found[3 * k]!);
  };
  const clampedTo = (position: number): number => Math.min(Math.max(position, 0), width - 1) / width;
  const centres = Float32Array.from({ length: 299 }, (_, k) => clampedTo((k + 0.5) * width / 299 - 0.5));
  assertClose(await row("pytorch"), centres, 1e-6);
  const corners = Float32Array.from({ length: 299 }, (_, k) => ((clampedTo(k * width / 299) + 1) * 127.5 - 128) / 128);
  assertClose(await row("tensorflow"), corners, 1e-6);
});

gpuTest("inceptionFeatures() takes images of differing sizes and refuses other shapes", async (runtime) => {
  const recording = await openRecorded("inception-fid");
  const inception = await openInception(runtime, await inceptionFile("fid", { seed: 5, divisor: 16 }), { divisor: 16 });
  const extractor = inceptionFeatures(runtime, inception);
  assertEquals([extractor.source, extractor.dimension], ["inception-fid-pytorch", 128]);
  const planes = randomValues(2 * 3 * 24 * 37, 1);
  const image = (index: number): Float32Array =>
    Float32Array.from({ length: 3 * 24 * 37 }, (_, i) => planes[(index * 3 + i % 3) * 888 + Math.floor(i / 3)]!);
  const expected = await recording.readFloat32("features");
  assertClose(await extractor.extract(image(0), [1, 24, 37, 3]), expected.slice(0, 128), 1e-5);
  assertEquals((await extractor.extract(new Float32Array(5 * 7 * 3), [1, 5, 7, 3])).length, 128);
  assertClose(await extractor.extract(image(1), [1, 24, 37, 3]), expected.slice(128), 1e-5);
  await assertRejects(() => extractor.extract(image(0), [1, 24, 36, 3]), TypeError, "[N, H, W, 3] with as many values");
  inception.free();
});
