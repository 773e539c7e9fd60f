import { assert, assertEquals, assertRejects } from "@std/assert";
import { WebGpuRuntime } from "../../engine/mod.ts";
import type { NoiseModel } from "../../models/mod.ts";
import { optionName, type OptionValues } from "../../parameters/mod.ts";
import { profileStep } from "../../profiling/mod.ts";
import { chooseMethod, operatorOptions, restoreTasks, taskOperator, UPSAMPLE } from "../../restoration/mod.ts";
import { type AnySampler, isPlain, registeredSamplers } from "../../samplers/mod.ts";
import { gaussianModel } from "../samplers/gaussian_model.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";

const SIDE = 16;
const SHAPE = [SIDE, SIDE, 3];

/** As few steps as a sampler takes. */
function fewSteps(entry: AnySampler): OptionValues {
  const short = { inversionSteps: 2, generationSteps: 2, steps: 2, repeats: 1, leastSteps: 1, kernelSteps: 1 };
  const counts = Object.entries(short).filter(([name]) => Object.hasOwn(entry.parameters, name));
  return Object.fromEntries(counts.map(([name, count]) => [optionName(name, entry.parameters[name]!), count]));
}

function problemOf(
  runtime: WebGpuRuntime,
  name: string,
): Parameters<typeof profileStep>[1] & { readonly model: NoiseModel } {
  const task = restoreTasks().get(name)!;
  const operator = taskOperator(task, SHAPE, operatorOptions(task, SHAPE, {}, { seed: 0, isMeasured: false }));
  const size = operator.measurementShape.reduce((product, extent) => product * extent, 1);
  const y = runtime.upload(Float32Array.from(randomValues(size, 1)), [1, ...operator.measurementShape]);
  return { model: gaussianModel(new Float32Array(SIDE * SIDE * 3), 0.1, SHAPE), operator, y, sigmaY: 0 };
}

async function withRuntime(body: (runtime: WebGpuRuntime) => Promise<void>): Promise<void> {
  const runtime = await WebGpuRuntime.open();
  try {
    await body(runtime);
  } finally {
    runtime.destroy();
  }
}

for (const entry of registeredSamplers()) {
  gpuTest(`a step of ${entry.method} can be profiled, and leaves no stage behind`, async () => {
    await withRuntime(async (runtime) => {
      const blurred = entry.name === "gibbs_ddrm" ? "deblur" : "sr4";
      const name = isPlain(entry) ? UPSAMPLE.name : blurred;
      const options = { method: entry.method, ...fewSteps(entry) };
      const method = chooseMethod(options, restoreTasks().get(name)!);
      const { times, step } = await profileStep(runtime, problemOf(runtime, name), { method, replays: 1 });
      const { stages = [], kernels, memory } = times;
      assert(!step.startsWith("inv"), step);
      assert(stages.length > 0 && kernels.length > 0 && times.replayMilliseconds > 0, JSON.stringify(stages));
      for (const { slot, bytes, first, last } of memory.values) {
        assert(bytes <= memory.slotBytes[slot]!);
        assert(first >= 0 && first <= last && last < kernels.length, `${first} to ${last}`);
      }
      assertEquals(runtime.stages, []);
    });
  });
}

gpuTest("the step that is asked for is profiled, and none beyond the last", async () => {
  await withRuntime(async (runtime) => {
    const task = restoreTasks().get("sr4")!;
    const method = chooseMethod({ method: "ssd", "inversion-steps": 3, "generation-steps": 2 }, task);
    const names: string[] = [];
    for (const step of [1, 2, 3, undefined]) {
      names.push((await profileStep(runtime, problemOf(runtime, "sr4"), { method, replays: 1, step })).step);
    }
    assertEquals(names, ["inv.0", "inv.1", "gen.0", "gen.0"]);
    const beyond = profileStep(runtime, problemOf(runtime, "sr4"), { method, replays: 1, step: 9 });
    await assertRejects(() => beyond, RangeError, "Cannot profile step 9 of ssd: it has fewer steps");
  });
});
