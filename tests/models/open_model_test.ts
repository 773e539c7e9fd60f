// deno-lint-ignore-file camelcase -- constructor keywords and stored names keep their published spelling
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import {
  CheckpointError,
  ddpm,
  defaultModelSource,
  guidedUnetConfig,
  openClassifier,
  openDefaultModel,
  openModel,
  openSafetensors,
  type SafetensorsFile,
} from "../../models/mod.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { readChannelsLast } from "./golden_file.ts";
import { fileOf, randomTensors, randomTensorsOf } from "./random_checkpoint.ts";
import { familyOf, openRecorded, planOf } from "./recording.ts";
import { runNetwork } from "./run_network.ts";

const KEYWORDS = {
  image_size: 8,
  in_channels: 3,
  model_channels: 32,
  out_channels: 6,
  num_res_blocks: 1,
  attention_resolutions: [],
  channel_mult: [1],
};
const CONFIG = { architecture: "guided-diffusion", ...KEYWORDS };

function modelFile(config: unknown): Promise<SafetensorsFile> {
  return fileOf(randomTensors(guidedUnetConfig(KEYWORDS)), { config: JSON.stringify(config) });
}

async function refusal(file: SafetensorsFile): Promise<string> {
  const error = await assertRejects(() => openModel(new ReferenceRuntime(), file), CheckpointError);
  const { message } = error as Error;
  assertStringIncludes(message, 'Cannot load "model.safetensors"');
  return message;
}

Deno.test("openModel() reads the network and the process from the file", async () => {
  const file = await modelFile({ ...CONFIG, learn_sigma: true, noise_schedule: "cosine", diffusion_steps: 50 });
  const model = await openModel(new ReferenceRuntime(), file);
  assertEquals(model.config, guidedUnetConfig(KEYWORDS));
  assertEquals(model.architecture, "guided-diffusion");
  assertEquals(model.process.schedule?.betas.length, 50);
  assertEquals(model.process.schedule?.betas[49], 0.999);
  assertEquals(model.downsampling, 1);
  assertEquals(model.noiseModel().imageShape, [8, 8, 3]);
  assertEquals(model.noiseModel({ height: 5, width: 7 }).imageShape, [5, 7, 3]);
  model.free();
});

Deno.test("openModel() reads a DDPM network, which its noise model evaluates with its own sinusoids", async () => {
  const keywords = {
    ch: 32,
    out_ch: 6,
    ch_mult: [1, 1],
    num_res_blocks: 1,
    attn_resolutions: [],
    in_channels: 3,
    resolution: 8,
  };
  const plan = familyOf("Model").plan(keywords);
  const tensors = randomTensorsOf(plan.parameters, 1);
  const file = await fileOf(tensors, {
    config: JSON.stringify({ architecture: "ddpm", learn_sigma: true, ...keywords }),
  });
  const runtime = new ReferenceRuntime();
  const model = await openModel(runtime, file);
  assertEquals([model.architecture, model.downsampling, model.config.imageSize], ["ddpm", 2, 8]);
  assertEquals(model.config, ddpm.config(keywords));
  const noiseModel = model.noiseModel({ height: 4, width: 6 });
  assertEquals(noiseModel.imageShape, [4, 6, 3]);
  const x = { data: randomValues(4 * 6 * 3, 5), shape: [1, 4, 6, 3] };
  const stage = runtime.stage<"xt", "timestep", "eps">("predict", ({ xt }, { timestep }) => ({
    eps: noiseModel.predictEps(xt, timestep),
  }));
  const { eps } = await stage({ xt: runtime.upload(x.data, x.shape) }, { timestep: 700 });
  const whole = (await runNetwork(runtime, { plan, file: await fileOf(tensors), x, timesteps: [700] })).get("output")!;
  assertClose(await eps.read(), whole.data.filter((_, i) => i % 6 < 3), 1e-6);
  assertThrows(() => model.noiseModel({ label: 1 }), RangeError, "the network is unconditional");
});

Deno.test("openClassifier() reads a classifier, and each opener refuses what the other takes", async () => {
  const recording = await openRecorded("classifier-attention");
  const { parameters } = planOf(recording);
  const keywords = JSON.parse(recording.metadata.get("constructor")!);
  const tensors = randomTensorsOf(parameters, Number(recording.metadata.get("seed")));
  const config = { architecture: "guided-diffusion-classifier", diffusion_steps: 1000, ...keywords };
  const file = await fileOf(tensors, { config: JSON.stringify(config) });
  const runtime = new ReferenceRuntime();
  const classifier = await openClassifier(runtime, file);
  assertEquals(classifier.parameterCount, 382_855);
  assertEquals([classifier.alphaBar.length, classifier.config.outChannels, classifier.downsampling], [1000, 7, 2]);
  const stage = runtime.stage<"xt", "timestep", "logits">("classify", ({ xt }, { timestep }) => ({
    logits: classifier.logits(xt, timestep),
  }));
  const x = await readChannelsLast(recording, "input.x");
  // The first of the two recorded timesteps is an entry of the table, the second lies between two.
  const { logits } = await stage({ xt: runtime.upload(x.data, x.shape) }, { timestep: 3 });
  assertEquals(logits.shape, [2, 7]);
  assertClose((await logits.read()).slice(0, 7), (await recording.readFloat32("output")).slice(0, 7), 1e-5);
  assertStringIncludes(
    await refusal(file),
    'the architecture is "guided-diffusion-classifier", "guided-diffusion" or "ddpm" or "diffusers" is needed',
  );
  await assertRejects(
    async () => openClassifier(runtime, await modelFile(CONFIG)),
    CheckpointError,
    'the architecture is "guided-diffusion", "guided-diffusion-classifier" is needed',
  );
  classifier.free();
});

Deno.test("openModel() takes the linear schedule of 1000 steps where the file names none", async () => {
  const { process: { schedule } } = await openModel(new ReferenceRuntime(), await modelFile(CONFIG));
  assertEquals(schedule?.alphaBar[0], 0.9999);
  assertEquals(schedule?.alphaBar.length, 1000);
});

Deno.test("openModel() refuses files that do not describe a network it has", async () => {
  assertStringIncludes(await refusal(await fileOf([])), 'no "config"');
  assertStringIncludes(await refusal(await fileOf([], { config: "{" })), '"config" in its metadata does not fit');
  assertStringIncludes(await refusal(await modelFile([])), "it is no object");
  assertStringIncludes(await refusal(await modelFile(KEYWORDS)), "the architecture is not given");
  assertStringIncludes(
    await refusal(await modelFile({ ...CONFIG, architecture: "vit" })),
    'the architecture is "vit", "guided-diffusion" or "ddpm" or "diffusers" is needed',
  );
  assertStringIncludes(await refusal(await modelFile({ ...CONFIG, widht: 3 })), '"widht" is no keyword');
  assertStringIncludes(
    await refusal(await modelFile({ ...CONFIG, noise_schedule: "quad" })),
    '"noise_schedule" is "quad"',
  );
  assertStringIncludes(await refusal(await modelFile({ ...CONFIG, diffusion_steps: "9" })), '"diffusion_steps" is "9"');
  assertStringIncludes(await refusal(await modelFile({ ...CONFIG, diffusion_steps: 3 })), "3 steps");
  assertStringIncludes(await refusal(await modelFile({ ...CONFIG, learn_sigma: false })), '"learn_sigma" is false');
});

Deno.test("openModel() refuses a file whose tensors belong to another network", async () => {
  const message = await refusal(await modelFile({ ...CONFIG, num_res_blocks: 2 }));
  assertStringIncludes(message, 'parameters are missing (first "input_blocks.2.0.in_layers.0.weight" [32]');
  assertStringIncludes(message, "0 are unexpected");
});

Deno.test("the embedded model opens and is the network its card describes", async () => {
  const model = await openDefaultModel(new ReferenceRuntime());
  assertEquals(model.parameterCount, 4_474_662);
  assertEquals(model.downsampling, 8);
  assertEquals(model.noiseModel().imageShape, [64, 64, 3]);
  assertEquals(model.process.schedule?.alphaBar.length, 1000);
  const { metadata } = await openSafetensors(await defaultModelSource());
  assertEquals(JSON.parse(metadata.get("training")!).steps, 34_048);
  model.free();
});

gpuTest("the embedded model predicts most of the noise of a smooth picture", async (runtime) => {
  const model = await openDefaultModel(runtime);
  const noiseModel = model.noiseModel({ height: 32, width: 32 });
  const alphaBar = noiseModel.alphaBar[400]!;
  const count = 32 * 32 * 3;
  // Uniform noise of variance 1 serves as well as normal noise here.
  const noise = randomValues(count, 11).map((value) => value * Math.sqrt(3));
  const noisy = noise.map((z, i) => Math.sqrt(alphaBar) * 0.5 * Math.sin(i / 900) + Math.sqrt(1 - alphaBar) * z);
  const stage = runtime.stage<"xt", "timestep", "eps">("predict", ({ xt }, { timestep }) => ({
    eps: noiseModel.predictEps(xt, timestep),
  }));
  const { eps } = await stage({ xt: runtime.upload(noisy, [1, 32, 32, 3]) }, { timestep: 400 });
  const predicted = await eps.read();
  const error = predicted.reduce((sum, value, i) => sum + (value - noise[i]!) ** 2, 0) / count;
  assertEquals(error < 0.1, true, `mean squared error ${error}`);
  model.free();
});
