// deno-lint-ignore-file camelcase -- constructor keywords and stored names keep their published spelling
import { assertEquals, assertThrows } from "@std/assert";
import { constant, hostTensor, ReferenceRuntime, type Runtime, type Tensors } from "../../engine/mod.ts";
import { alongHeight, weightedSum } from "../../kernels/mod.ts";
import {
  guidedUnet,
  type GuidedUnetConfig,
  guidedUnetConfig,
  guidedUnetParameters,
  loadWeights,
  type Network,
  type NoiseModel,
  noiseModel,
  noiseSchedule,
  paddedModel,
} from "../../models/mod.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { fileOf, randomTensors } from "./random_checkpoint.ts";
import { runUnet } from "./run_network.ts";

const KEYWORDS = {
  image_size: 4,
  in_channels: 3,
  model_channels: 32,
  out_channels: 6,
  num_res_blocks: 1,
  attention_resolutions: [2],
  channel_mult: [1, 1],
  use_scale_shift_norm: true,
};

async function makeUnet(runtime: Runtime, changes: Record<string, unknown> = {}): Promise<Network<GuidedUnetConfig>> {
  const config = guidedUnetConfig({ ...KEYWORDS, ...changes });
  const file = await fileOf(randomTensors(config));
  return guidedUnet(config, await loadWeights(runtime, file, guidedUnetParameters(config)));
}

async function checkPrediction(runtime: Runtime): Promise<void> {
  const unet = await makeUnet(runtime, { num_classes: 4 });
  const model = noiseModel(unet, noiseSchedule("linear"), { height: 6, width: 4, label: 3 });
  assertEquals(model.imageShape, [6, 4, 3]);
  assertEquals(model.alphaBar.length, 1000);
  const x = { data: randomValues(2 * 6 * 4 * 3, 5), shape: [2, 6, 4, 3] };
  const stage = runtime.stage<"xt", "timestep", "eps">("predict", ({ xt }, { timestep }) => ({
    eps: model.predictEps(xt, timestep),
  }));
  const xt = runtime.upload(x.data, x.shape);
  for (const timestep of [0, 731]) {
    const { eps } = await stage({ xt }, { timestep });
    assertEquals(eps.shape, [2, 6, 4, 3]);
    const whole = await runUnet(new ReferenceRuntime(), {
      config: unet.config,
      file: await fileOf(randomTensors(unet.config)),
      x,
      timesteps: [timestep, timestep],
      labels: [3, 3],
    });
    const expected = whole.get("output")!.data.filter((_, i) => i % 6 < 3);
    assertClose(await eps.read(), expected, 1e-5);
  }
}

Deno.test("predictEps() is the network at the row of the timestep without the variance channels", async () => {
  await checkPrediction(new ReferenceRuntime());
});

gpuTest("predictEps() takes the timestep anew at each run on the GPU", checkPrediction);

Deno.test("predictWithVariance() gives both halves of what the network predicts, and is there only where there are two", async () => {
  const runtime = new ReferenceRuntime();
  const unet = await makeUnet(runtime);
  const model = noiseModel(unet, noiseSchedule("linear"));
  const x = { data: randomValues(2 * 4 * 4 * 3, 5), shape: [2, 4, 4, 3] };
  const stage = runtime.stage<"xt", "timestep", "eps" | "variance">(
    "predict",
    ({ xt }, { timestep }) => model.predictWithVariance!(xt, timestep),
  );
  const { eps, variance } = await stage({ xt: runtime.upload(x.data, x.shape) }, { timestep: 300 });
  const file = await fileOf(randomTensors(unet.config));
  const whole = await runUnet(new ReferenceRuntime(), { config: unet.config, file, x, timesteps: [300, 300] });
  const { data } = whole.get("output")!;
  assertClose(await eps.read(), data.filter((_, i) => i % 6 < 3), 1e-6);
  assertClose(await variance.read(), data.filter((_, i) => i % 6 >= 3), 1e-6);
  const fixed = noiseModel(await makeUnet(runtime, { out_channels: 3 }), noiseSchedule("linear"));
  assertEquals(fixed.predictWithVariance, undefined);
});

gpuTest("predictEps() of an upsampler is the network with its low-resolution image and class", async (runtime) => {
  const unet = await makeUnet(runtime, { class: "SuperResModel", num_classes: 4 });
  const low = { data: randomValues(2 * 2 * 3, 6), shape: [1, 2, 2, 3] };
  const lowRes = runtime.upload(low.data, low.shape);
  const model = noiseModel(unet, noiseSchedule("linear"), { height: 8, width: 8, label: 2, lowRes });
  assertEquals(model.imageShape, [8, 8, 3]);
  const x = { data: randomValues(8 * 8 * 3, 5), shape: [1, 8, 8, 3] };
  const stage = runtime.stage<"xt", "timestep", "eps">("predict", ({ xt }, { timestep }) => ({
    eps: model.predictEps(xt, timestep),
  }));
  const { eps } = await stage({ xt: runtime.upload(x.data, x.shape) }, { timestep: 400 });
  const whole = await runUnet(new ReferenceRuntime(), {
    config: unet.config,
    file: await fileOf(randomTensors(unet.config)),
    x,
    timesteps: [400],
    labels: [2],
    lowRes: low,
  });
  assertClose(await eps.read(), whole.get("output")!.data.filter((_, i) => i % 6 < 3), 1e-5);
});

Deno.test("noiseModel() has the training size by default", async () => {
  const unet = await makeUnet(new ReferenceRuntime(), { out_channels: 3 });
  assertEquals(noiseModel(unet, noiseSchedule("cosine")).imageShape, [4, 4, 3]);
});

Deno.test("noiseModel() rejects sizes, classes and networks that do not fit", async () => {
  const runtime = new ReferenceRuntime();
  const schedule = noiseSchedule("linear");
  const plain = await makeUnet(runtime);
  assertThrows(() => noiseModel(plain, schedule, { height: 5 }), RangeError, "5 x 4 pixels");
  assertThrows(() => noiseModel(plain, schedule, { width: 0 }), RangeError, "multiples of 2");
  assertThrows(() => noiseModel(plain, schedule, { label: 0 }), RangeError, "unconditional");
  const classes = await makeUnet(runtime, { num_classes: 4 });
  assertThrows(() => noiseModel(classes, schedule), RangeError, "not given, an integer from 0 to 3");
  assertThrows(() => noiseModel(classes, schedule, { label: 4 }), RangeError, "the class is 4");
  const odd = await makeUnet(runtime, { out_channels: 4 });
  assertThrows(() => noiseModel(odd, schedule), TypeError, "4 output channels, 3 or 6");
  const upsampler = await makeUnet(runtime, { class: "SuperResModel" });
  assertThrows(() => noiseModel(upsampler, schedule), TypeError, "none was given");
  const lowRes = runtime.upload(new Float32Array(12), [1, 2, 2, 3]);
  assertThrows(() => noiseModel(plain, schedule, { lowRes }), TypeError, "takes no low-resolution image");
});

Deno.test("a padded model keeps rows, columns and channels where they are", async () => {
  const shape = [3, 5, 2];
  const whole: NoiseModel = { imageShape: [8, 8, 2], alphaBar: new Float64Array(1), predictEps: (xt) => xt };
  const { predictEps, imageShape } = paddedModel(whole, shape);
  const runtime = new ReferenceRuntime();
  const stage = runtime.stage("padded", ({ xt }: Tensors<"xt">) => ({ eps: predictEps(xt, 0) }));
  const data = randomValues(2 * 30, 1);
  const { eps } = await stage({ xt: runtime.upload(data, [2, ...shape]) }, {});
  assertEquals([await eps.read(), imageShape], [data, shape]);
});

Deno.test("noiseModel() takes multiples of what the network reduces by, which may be more than 2", () => {
  const config = { imageSize: 16, inChannels: 3, outChannels: 3, numClasses: undefined };
  const network = {
    config,
    downsampling: 4,
    timestepTable: () => hostTensor(new Float32Array(2), [1, 2]),
  } as unknown as Parameters<typeof noiseModel>[0];
  const make = (size: { readonly height?: number; readonly width?: number }): NoiseModel =>
    noiseModel(network, noiseSchedule("linear"), size);
  assertEquals(make({ height: 12 }).imageShape, [12, 16, 3]);
  for (const size of [{ height: 6 }, { width: 18 }, { width: 0 }, { height: -4 }]) {
    assertThrows(() => make(size), RangeError, "height and width must be multiples of 4");
  }
});

Deno.test("a padded model predicts the middle of what it sees with mirrored borders", async () => {
  const runtime = new ReferenceRuntime();
  const seen: NoiseModel = {
    imageShape: [6, 8, 1],
    alphaBar: new Float64Array(1000),
    predictEps: (xt) => alongHeight(constant(hostTensor(DIFFERENCES, [6, 6])), xt),
    predictWithVariance: (xt) => ({ eps: xt, variance: weightedSum([[2, xt]]) }),
  };
  const model = paddedModel(seen, [3, 5, 1]);
  assertEquals(model.imageShape, [3, 5, 1]);
  const stage = runtime.stage("padded", ({ xt }: Tensors<"xt">) => ({
    ...model.predictWithVariance!(xt, 0),
    left: model.predictEps(xt, 0),
  }));
  const values = Float32Array.from({ length: 15 }, (_, i) => i * i);
  const { eps, variance, left } = await stage({ xt: runtime.upload(values, [1, 3, 5, 1]) }, {});
  assertEquals(Array.from(await eps.read()), Array.from(values));
  assertEquals(Array.from(await variance.read()), Array.from(values, (value) => 2 * value));
  // Row 0 has row 1 above it, by reflection; the last row lies between the others and a mirrored one.
  const rows = (await left.read()).slice(0, 5);
  assertEquals(Array.from(rows), Array.from({ length: 5 }, (_, i) => values[i]! - values[i + 5]!));
  assertEquals(paddedModel(seen, [6, 8, 1]), seen);
  assertThrows(() => paddedModel(seen, [7, 8, 1]), TypeError, "at most as many pixels");
  assertThrows(() => paddedModel(seen, [6, 8, 3]), TypeError, "as many channels");
});

/** Every row less the one above it. */
const DIFFERENCES = Float32Array.from({ length: 36 }, (_, i) => {
  const [row, column] = [Math.floor(i / 6), i % 6];
  return row === column ? 1 : row === column + 1 ? -1 : 0;
});
