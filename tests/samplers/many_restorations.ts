/**
 * A program that restores many times in one process, with operator, model and measurement of its own each time, and
 * prints what is held after 120 times and every 20 times from there, as JSON: bytes on the device, and bytes resident
 * after a collection. Until then caches and heaps find their size. It needs `--v8-flags=--expose-gc`.
 */
import { type Runtime, WebGpuRuntime } from "../../engine/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import { type SamplerName, seededNoise } from "../../samplers/mod.ts";
import { FEW_STEPS, sampler } from "./few_steps.ts";
import { gaussianModel } from "./gaussian_model.ts";

const SHAPE = [8, 8, 3];
const NAMES: readonly SamplerName[] = ["ssd", "ddnm", "ddrm", "dps"];

/** What a process holds after so many restorations. */
export interface Held {
  readonly restorations: number;
  readonly deviceBytes: number;
  readonly residentBytes: number;
}

async function restoreOnce(runtime: Runtime, name: SamplerName, seed: number): Promise<void> {
  const operator = createOperator("sr_average", SHAPE, { scale: 2 });
  const model = gaussianModel(new Float32Array(8 * 8 * 3).fill(0.1), 0.2, SHAPE);
  const y = runtime.upload(new Float32Array(4 * 4 * 3).fill(0.3), [1, 4, 4, 3]);
  const { sampler: { restore }, options } = sampler(name, FEW_STEPS[name]);
  const steps = restore(runtime, { model, operator, y, sigmaY: 0 }, { ...options, noise: seededNoise([seed]) });
  let next = await steps.next();
  while (!next.done) next = await steps.next();
  next.value.free();
  y.free();
}

async function held(runtime: Runtime, restorations: number): Promise<Held> {
  await runtime.settle();
  const collect = Reflect.get(globalThis, "gc") as () => void;
  // What a collection finds is let go by tasks that run after it.
  for (let k = 0; k < 3; k++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { restorations, deviceBytes: runtime.statistics().deviceBytes, residentBytes: Deno.memoryUsage().rss };
}

if (import.meta.main) {
  const runtime = await WebGpuRuntime.open();
  const rows: Held[] = [];
  for (let k = 0; k < 280; k++) {
    if (k >= 120 && k % 20 === 0) rows.push(await held(runtime, k));
    await restoreOnce(runtime, NAMES[k % NAMES.length]!, k);
  }
  rows.push(await held(runtime, 280));
  runtime.destroy();
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(rows)));
}
