/** Replays recorded trajectories of the published program: same network, same measurement, same noise. */
import { assertEquals } from "@std/assert";
import type { DeviceTensor, Runtime } from "../../engine/mod.ts";
import {
  guidedUnet,
  guidedUnetConfig,
  guidedUnetParameters,
  loadWeights,
  type NoiseModel,
  noiseModel,
  noiseSchedule,
  type SafetensorsFile,
} from "../../models/mod.ts";
import { createOperator, type LinearOperator } from "../../operators/mod.ts";
import {
  givenNoise,
  invert,
  type NoiseSource,
  respace,
  restorationStep,
  SAMPLERS,
  seededNoise,
  type SsdPlusOptions,
  ssdTimesteps,
} from "../../samplers/mod.ts";
import { openGolden, readChannelsLast } from "../models/golden_file.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";

const STATE_LIMIT = 1e-4;
/** The clamp to [-1, 1] switches single pixels of the first prediction. */
const FIRST_X0_LIMIT = 5e-3;
const SHAPE = [32, 32, 3];

let loaded: Promise<NoiseModel> | undefined;

/** The network of all recorded trajectories, loaded once. */
function recordedModel(runtime: Runtime): Promise<NoiseModel> {
  return loaded ??= (async () => {
    const file = await openGolden("unet-guided-a-tiny");
    const config = guidedUnetConfig(JSON.parse(file.metadata.get("constructor") as string));
    const weights = await loadWeights(runtime, file, guidedUnetParameters(config), { prefix: "model." });
    return noiseModel(guidedUnet(config, weights), noiseSchedule("linear"));
  })();
}

async function uploadImage(runtime: Runtime, file: SafetensorsFile, name: string): Promise<DeviceTensor> {
  const { data, shape } = await readChannelsLast(file, name);
  return runtime.upload(data, shape);
}

async function recordedNoise(runtime: Runtime, file: SafetensorsFile): Promise<NoiseSource> {
  const tensors = new Map<string, DeviceTensor>();
  for (const name of file.tensors.keys()) {
    if (name.startsWith("noise.")) tensors.set(name.slice("noise.".length), await uploadImage(runtime, file, name));
  }
  return givenNoise(tensors);
}

/** The parameters that a file records. */
function recordedOptions(file: SafetensorsFile): SsdPlusOptions {
  const config = JSON.parse(file.metadata.get("config") as string);
  return {
    inversion: "da",
    t0: config.insert_step,
    inversionSteps: config.forward_timestep,
    generationSteps: config.backward_timestep,
    eta: config.noise_eta,
    ddimEta: config.ddim_eta,
    injectedSteps: 0,
    useDdim: config.use_ddim,
    clipDenoised: config.clip_denoised,
    tStop: config.stop_consistency_timestep,
  };
}

/** Runs one method and compares every state and prediction that the file holds. */
async function replay(
  runtime: Runtime,
  file: SafetensorsFile,
  sampler: "ssd" | "ssd_plus",
  operator: LinearOperator,
): Promise<void> {
  const expected = async (name: string): Promise<Float32Array> => (await readChannelsLast(file, name)).data;
  const options = { ...recordedOptions(file), noise: await recordedNoise(runtime, file) };
  const problem = {
    model: await recordedModel(runtime),
    operator,
    y: await uploadImage(runtime, file, "lq"),
    sigmaY: 0,
  };
  let compared = 0;
  const run = SAMPLERS[sampler].restore(runtime, problem, options);
  let next = await run.next();
  for (; !next.done; next = await run.next()) {
    const { name, x0, xt } = next.value;
    // Both methods share the inversion, and the generation until SSD+ stops.
    const prefixes = name.startsWith("inv.") ? [""] : [`${sampler}.`, "ssd."];
    const prefix = prefixes.find((p) => file.tensors.has(`${p}x_t.${name}`)) as string;
    assertClose(await xt.read(), await expected(`${prefix}x_t.${name}`), STATE_LIMIT, `${sampler} x_t.${name}`);
    compared++;
    if (!file.tensors.has(`${sampler}.x0.${name}`)) continue;
    const limit = name === "gen.0" ? FIRST_X0_LIMIT : STATE_LIMIT;
    assertClose(await x0.read(), await expected(`${sampler}.x0.${name}`), limit, `${sampler} x0.${name}`);
    compared++;
  }
  const final = (await next.value.read()).map((value) => (value + 1) / 2);
  assertClose(final, await expected(`${sampler}.final`), STATE_LIMIT, `${sampler} final`);
  assertEquals(compared, sampler === "ssd" ? 16 : 14);
}

const RECORDED_OPERATORS = {
  "ssd-traj-ssd-sr_average_x4": () => createOperator("sr_average", SHAPE, { scale: 4 }),
  "ssd-traj-ssd-sr_bicubic_x4": () => createOperator("sr_bicubic", SHAPE, { scale: 4 }),
  "ssd-traj-ssd-colorization": () => createOperator("colorize", SHAPE),
};

for (const [name, operator] of Object.entries(RECORDED_OPERATORS)) {
  for (const sampler of ["ssd", "ssd_plus"] as const) {
    gpuTest(`${sampler} follows ${name}`, async (runtime) => {
      await replay(runtime, await openGolden(name), sampler, operator());
    });
  }
}

gpuTest("invert() follows ssd-traj-ddim-inversion", async (runtime) => {
  const file = await openGolden("ssd-traj-ddim-inversion");
  const config = JSON.parse(file.metadata.get("config") as string);
  const model = await recordedModel(runtime);
  const image = await uploadImage(runtime, file, "x0");
  const problem = { model, operator: createOperator("identity", SHAPE), y: image, sigmaY: 0 };
  // DDIM inversion weighs its noise by 0, so any source will do.
  const step = restorationStep(runtime, problem, { clipDenoised: config.clip_denoised, noise: seededNoise([0]) });
  const levels = respace(model.alphaBar, ssdTimesteps(config.insert_step, config.forward_timestep));
  let i = 0;
  for await (const { xt } of invert(step, image, { levels, inversion: "ddim", eta: 0 })) {
    assertClose(await xt.read(), (await readChannelsLast(file, `x_t.${i}`)).data, STATE_LIMIT, `x_t.${i}`);
    i++;
  }
  assertEquals(i, 10);
});

gpuTest("the same seed gives the same bits, and a batch of two equals two single runs", async (runtime) => {
  const operator = createOperator("sr_average", SHAPE, { scale: 4 });
  const model = await recordedModel(runtime);
  const restore = async (measurement: Float32Array, seeds: readonly number[]): Promise<Float32Array> => {
    const y = runtime.upload(measurement, [seeds.length, ...operator.measurementShape]);
    const options = { ...SAMPLERS.ssd.defaults, inversionSteps: 2, generationSteps: 3, noise: seededNoise(seeds) };
    const run = SAMPLERS.ssd.restore(runtime, { model, operator, y, sigmaY: 0 }, options);
    for (;;) {
      const { done, value } = await run.next();
      if (done) return await value.read();
    }
  };
  const [first, second] = [randomValues(192, 31), randomValues(192, 32)];
  const single = await restore(first, [41]);
  assertEquals(await restore(first, [41]), single);
  const both = await restore(Float32Array.from([...first, ...second]), [41, 42]);
  assertEquals(both.slice(0, 3072), single);
  assertEquals(both.slice(3072), await restore(second, [42]));
});
