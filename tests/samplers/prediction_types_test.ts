/** Every sampler runs on every kind of network: the embedded prior, rewritten as other kinds by exact algebra. */
import { assert } from "@std/assert";
import { type HostTensor, hostTensor, type Runtime, type Tensor } from "../../engine/mod.ts";
import { add, reshape, scaleSamples, sliceChannels } from "../../kernels/mod.ts";
import {
  defaultModelSource,
  type DiffusionProcess,
  listedProcess,
  type Network,
  noiseLevelProcess,
  noiseModel,
  noiseSchedule,
  openSafetensors,
  PUBLISHED_LEVELS,
} from "../../models/mod.ts";
import { openNetwork } from "../../models/open_model.ts";
import { OPERATORS } from "../../operators/mod.ts";
import { SAMPLERS, seededNoise } from "../../samplers/mod.ts";
import { relativeError } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";

const SIDE = 16;
const LINEAR = noiseSchedule("linear");

const PROCESSES: readonly DiffusionProcess[] = [
  listedProcess(LINEAR, "v_prediction"),
  listedProcess(LINEAR, "sample"),
  // Beyond its range a network cannot tell levels apart.
  noiseLevelProcess("edm", { sigmaMax: 200 }),
  noiseLevelProcess("flow"),
];

/** eps(x) = p x + q F(c x) solved for F: the network of another kind that says the same, at the published levels. */
function rewritten(prior: Network, process: DiffusionProcess): Network {
  const width = prior.config.modelChannels;
  const places = new Map(Array.from(PUBLISHED_LEVELS, (level, t) => [process.at(level).noise, t]));
  return {
    ...prior,
    timestepTable(noises): HostTensor {
      const timesteps = Array.from(noises, (noise) => places.get(noise)!);
      const { data } = prior.timestepTable(timesteps);
      const rows = timesteps.flatMap((t, row) => {
        const { input, epsFromXt, epsFromOutput } = process.at(PUBLISHED_LEVELS[t]!);
        const own = [1 / input, -epsFromXt / (input * epsFromOutput), 1 / epsFromOutput];
        return [...data.subarray(row * width, (row + 1) * width), ...own];
      });
      return hostTensor(Float32Array.from(rows), [timesteps.length, width + 3]);
    },
    forward(x, { timestepRows, ...inputs }): Tensor {
      const column = (k: number): Tensor =>
        reshape(sliceChannels(timestepRows, width + k, width + k + 1), [x.shape[0]!]);
      const rows = sliceChannels(timestepRows, 0, width);
      const whole = prior.forward(scaleSamples(x, column(0)), { ...inputs, timestepRows: rows });
      const eps = sliceChannels(whole, 0, prior.config.inChannels);
      return add(scaleSamples(x, column(1)), scaleSamples(eps, column(2)));
    },
    config: { ...prior.config, outChannels: prior.config.inChannels },
  };
}

/** Steps of each method, few. */
const RUNS = {
  ssd: { t0: 550, inversionSteps: 2, generationSteps: 3 },
  ddrm: { steps: 3 },
  dps: { steps: 3, scale: 0.5 },
  ddnm: { steps: 3 },
} as const;

async function restored(
  runtime: Runtime,
  network: Network,
  process: DiffusionProcess,
  name: keyof typeof RUNS,
): Promise<Float32Array> {
  // Without its learned variance, which the others have not.
  const { predictWithVariance: _, ...model } = noiseModel(network, process, { height: SIDE, width: SIDE });
  const operator = OPERATORS.get("sr_average")!.build([SIDE, SIDE, 3], { scale: 4 });
  const y = runtime.upload(randomValues(48, 4), [1, ...operator.measurementShape]);
  const run = SAMPLERS[name].restore(runtime, { model, operator, y, sigmaY: 0 }, {
    ...RUNS[name],
    noise: seededNoise([3]),
  });
  for (;;) {
    const { done, value } = await run.next();
    if (!done) continue;
    y.free();
    const image = await value.read();
    value.free();
    return image;
  }
}

gpuTest("the prior as v, image, EDM and flow network gives the pictures of the original", async (runtime) => {
  const file = await openSafetensors(await defaultModelSource());
  const { network, free } = await openNetwork(runtime, file, "noise", {});
  for (const name of Object.keys(RUNS) as (keyof typeof RUNS)[]) {
    const original = await restored(runtime, network, listedProcess(LINEAR), name);
    assert(original.every(Number.isFinite));
    for (const process of PROCESSES) {
      const image = await restored(runtime, rewritten(network, process), process, name);
      const error = relativeError(image, original);
      assert(error < 1e-4, `${name} of ${process.predictionType}: ${error}`);
    }
  }
  free();
});
