import { assertEquals, assertThrows } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import {
  projectedSteps,
  type RestorationTask,
  SAMPLERS,
  seededNoise,
  SSD_PRESETS,
  ssdPreset,
  ssdTimesteps,
} from "../../samplers/mod.ts";
import { gaussianModel } from "./gaussian_model.ts";

Deno.test("ssdPreset() holds the published parameters of every task", () => {
  const row = (preset: typeof SSD_PRESETS[number], task: RestorationTask): readonly number[] => {
    const { inversionSteps, generationSteps, t0, eta, ddimEta } = ssdPreset(preset, task);
    return [inversionSteps, generationSteps, t0, eta, ddimEta];
  };
  for (const task of ["super_resolution", "deblurring", "inpainting"] as const) {
    assertEquals(row("ssd-30", task), [5, 25, 550, 0.4, 0.8]);
    assertEquals(row("ssd-100", task), [15, 85, 550, 0.4, 0.8]);
  }
  assertEquals(row("ssd-30", "colorization"), [5, 25, 750, 0.8, 0.8]);
  assertEquals(row("ssd-100", "colorization"), [15, 85, 750, 0.8, 0.8]);
  const { inversion, useDdim, clipDenoised } = ssdPreset("ssd-30", "inpainting");
  assertEquals([inversion, useDdim, clipDenoised], ["da", true, true]);
});

Deno.test("the measured preset is one of ssd alone, and leaves a task the timestep that it needs", () => {
  const { ssd, ssd_plus: plus } = SAMPLERS;
  const row = (task: RestorationTask): readonly number[] => {
    const { inversionSteps, generationSteps, t0, eta, ddimEta } = ssd.defaultsFor(task, "measured-30");
    return [inversionSteps, generationSteps, t0, eta, ddimEta];
  };
  assertEquals(row("super_resolution"), [5, 25, 400, 0.4, 1]);
  assertEquals(row("colorization"), [5, 25, 750, 0.8, 1]);
  assertEquals(row("compression"), [5, 25, 100, 0.4, 1]);
  assertEquals(ssd.evaluations(ssd.defaultsFor("inpainting", "measured-30")), { nominal: 30, actual: 29 });
  assertEquals([Object.keys(ssd.presets), Object.keys(plus.presets)], [
    ["ssd-30", "ssd-100", "measured-30"],
    SSD_PRESETS,
  ]);
});

Deno.test("evaluations() counts as the paper and as the network is called", () => {
  const { ssd, ssd_plus: plus } = SAMPLERS;
  assertEquals(ssd.evaluations(ssdPreset("ssd-30", "super_resolution")), { nominal: 30, actual: 29 });
  assertEquals(ssd.evaluations(ssdPreset("ssd-100", "colorization")), { nominal: 100, actual: 99 });
  assertEquals(plus.evaluations(plus.defaults), { nominal: 30, actual: 29 });
});

Deno.test("projectedSteps() stops SSD+ where the published program stops", () => {
  const stop = (t0: number, generationSteps: number): readonly [number, number, number] => {
    const steps = projectedSteps({ ...SAMPLERS.ssd_plus.defaults, t0, generationSteps });
    const downward = ssdTimesteps(t0, generationSteps).toReversed();
    return [steps, downward[steps - 1] as number, downward[steps] as number];
  };
  assertEquals(stop(550, 85), [54, 203, 196]);
  assertEquals(stop(550, 25), [15, 229, 206]);
  assertEquals(stop(750, 85), [62, 205, 196]);
  assertEquals(stop(750, 25), [18, 218, 187]);
});

Deno.test("projectedSteps() projects always for tStop 0 and never for tStop t0", () => {
  const options = SAMPLERS.ssd_plus.defaults;
  assertEquals(projectedSteps({ ...options, tStop: 0 }), 25);
  assertEquals(projectedSteps({ ...options, tStop: options.t0 }), 0);
});

Deno.test("restore() refuses parameters out of range before anything runs", () => {
  const runtime = new ReferenceRuntime();
  const shape = [4, 4, 1];
  const problem = {
    model: gaussianModel(new Float32Array(16), 1, shape),
    operator: createOperator("identity", shape),
    y: runtime.upload(new Float32Array(16), [1, ...shape]),
    sigmaY: 0,
  };
  const { ssd, ssd_plus: plus } = SAMPLERS;
  const refuse = (change: object, message: string): void => {
    const options = { ...plus.defaults, noise: seededNoise([0]), ...change };
    assertThrows(() => plus.restore(runtime, problem, options), RangeError, `Cannot run ssd_plus: ${message}`);
  };
  refuse({ t0: 1 }, "t0 is 1, an integer within 2..1000 is needed");
  refuse({ t0: 1001 }, "t0 is 1001");
  refuse({ t0: 300.5 }, "t0 is 300.5");
  refuse({ inversionSteps: 1 }, "inversionSteps is 1, an integer within 2..550 is needed");
  refuse({ t0: 220, generationSteps: 221 }, "generationSteps is 221, an integer within 2..220 is needed");
  refuse({ generationSteps: NaN }, "generationSteps is NaN");
  refuse({ eta: 1.1 }, "eta is 1.1, a number within 0..1 is needed");
  refuse({ ddimEta: -0.1 }, "ddimEta is -0.1");
  refuse({ tStop: 551 }, "tStop is 551, a number within 0..550 is needed");
  refuse({ inversion: "ode" }, 'inversion is "ode", one of "da", "ddim", "ddpm" is needed');
  const options = { ...ssd.defaults, noise: seededNoise([0]) };
  const other = { ...problem, operator: createOperator("identity", [8, 4, 1]) };
  assertThrows(() => ssd.restore(runtime, other, options), TypeError, "the operator takes images [8, 4, 1]");
  const flat = { ...problem, y: runtime.upload(new Float32Array(16), [16]) };
  assertThrows(() => ssd.restore(runtime, flat, options), TypeError, "y has shape [16]");
});
