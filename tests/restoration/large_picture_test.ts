/** Pictures that one binding cannot hold: the bits that one binding gives, and what the CPU gives. */
import { assertEquals } from "@std/assert";
import {
  constant,
  hostTensor,
  ReferenceRuntime,
  type Runtime,
  type Tensor,
  trace,
  WebGpuRuntime,
} from "../../engine/mod.ts";
import { conv2d } from "../../kernels/mod.ts";
import { type NoiseModel, noiseSchedule, type OpenedModel, windowedModel, type WindowForm } from "../../models/mod.ts";
import { createOperator, type OperatorName } from "../../operators/mod.ts";
import { degrade, restore } from "../../restoration/mod.ts";
import { networkFor } from "../../restoration/restore.ts";
import { type SamplerName, SAMPLERS } from "../../samplers/mod.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";

const SHAPE = [80, 96, 3];
const SIDE = 32;

/** A network of one convolution: noise is what differs from the mean of the pixels around. */
const NETWORK: NoiseModel = {
  imageShape: [SIDE, SIDE, 3],
  alphaBar: noiseSchedule("linear").alphaBar,
  predictEps(xt: Tensor): Tensor {
    const weight = Float32Array.from({ length: 81 }, (_, i) => i % 9 % 4 === 0 ? (i < 45 && i >= 36 ? 0.6 : -0.05) : 0);
    return conv2d(xt, constant(hostTensor(weight, [3, 3, 3, 3])), { padding: 1 });
  },
};

/** Makes a measurement and restores it. */
async function restored(
  runtime: Runtime,
  { operator: name, options, sampler, parameters, form, sigma }: Case,
): Promise<Float32Array> {
  const operator = createOperator(name, SHAPE, options as never);
  const picture = hostTensor(randomValues(SHAPE.reduce((a, b) => a * b), 5), SHAPE);
  const y = await degrade(runtime, operator, picture, { sigma, seed: 3 });
  const model = windowedModel(NETWORK, SHAPE, { form, batch: 4 });
  const image = await restore(runtime, SAMPLERS[sampler], { model, operator, y, sigmaY: sigma }, {
    ...parameters,
    seed: 11,
  });
  y.free();
  return image.data as Float32Array;
}

interface Case {
  readonly operator: OperatorName;
  readonly options: object;
  readonly sampler: SamplerName;
  readonly parameters: object;
  readonly form: WindowForm;
  readonly sigma: number;
}

const CASES: Readonly<Record<string, Case>> = {
  "enlarged by ddnm": {
    operator: "sr_average",
    options: { scale: 4 },
    sampler: "ddnm",
    parameters: { steps: 2 },
    form: "shifted",
    sigma: 0,
  },
  "filled by ddnm_plus": {
    operator: "inpaint",
    options: { missing: 0.4, seed: 1 },
    sampler: "ddnm_plus",
    parameters: { steps: 2 },
    form: "overlapping",
    sigma: 0.1,
  },
  "coloured by ssd": {
    operator: "colorize",
    options: {},
    sampler: "ssd",
    parameters: { inversionSteps: 2, generationSteps: 2 },
    form: "shifted",
    sigma: 0,
  },
  "denoised by dps": {
    operator: "identity" as OperatorName,
    options: {},
    sampler: "dps",
    parameters: { steps: 2 },
    form: "overlapping",
    sigma: 0.2,
  },
};

for (const [name, problem] of Object.entries(CASES)) {
  gpuTest(`a picture in parts is ${name} to the bits of one in one piece`, async (runtime) => {
    const small = await WebGpuRuntime.open({ limits: { maxBindingBytes: 52 * 1024, maxStorageBuffers: 8 } });
    const [parts, whole] = [await restored(small, problem), await restored(runtime, problem)];
    const { plans } = small.statistics();
    small.destroy();
    assertEquals(
      [...plans.values()].some(({ dispatches }) => dispatches.some((d) => d.bindings.some((b) => b.range))),
      true,
    );
    assertEquals(parts, whole);
    assertClose(parts, await restored(new ReferenceRuntime(), problem), 1e-4, name);
  });
}

/** How often a network of so many channels is recorded for a picture in windows of 64 pixels. */
function recordings(imageShape: readonly number[], modelChannels: number): number {
  const window = { ...NETWORK, imageShape: [64, 64, 3] };
  const opened = { downsampling: 1, config: { modelChannels }, noiseModel: () => window } as unknown as OpenedModel;
  const model = networkFor(opened, imageShape, {}, { side: 64, form: "shifted" });
  const { calls } = trace("eps", { xt: { shape: [1, ...imageShape], dtype: "f32" } }, ({ xt }) => ({
    eps: model.predictEps(xt!, { scalar: "t" }),
  }));
  return calls.filter(({ op }) => op.name === "conv2d").length;
}

Deno.test("windows of large pictures go through the network in batches that grow, while bindings hold them", () => {
  assertEquals(recordings([512, 512, 3], 32), Math.ceil(81 / 16));
  assertEquals(recordings([3000, 4000, 3], 32), Math.ceil(48 * 64 / 48));
  assertEquals(recordings([3000, 4000, 3], 1024), 48 * 64 / 16);
});
