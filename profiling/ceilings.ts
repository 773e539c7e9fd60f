/** What the adapter reaches at most: the rates of two kernels that do nothing but multiply and add, or copy. */
import type { DeviceTensor, Tensor, WebGpuRuntime } from "../engine/mod.ts";
import { copy, multiplyAdds } from "../kernels/mod.ts";
import type { Ceilings } from "./document.ts";

/** Elements: enough invocations for the largest GPU, and more bytes than any cache holds. */
const ELEMENTS = { compute: 2 ** 20, memory: 2 ** 24 } as const;

/** Rounds of multiply-adds at first: 1 GFLOP, some 20 ms on a software adapter; more where that takes no time. */
const FIRST_ROUNDS = 8;
const SAMPLE_MILLISECONDS = 5;
const MAX_ROUNDS = 2 ** 14;

/** Times each rate is measured; the fastest counts. */
const REPLAYS = 4;

/** What a clock can tell apart. */
const LEAST_MILLISECONDS = 1e-6;

/** Measures both ceilings; takes some two seconds and leaves no memory in use. */
export async function measureCeilings(runtime: WebGpuRuntime): Promise<Ceilings> {
  const compute = (rounds: number): Promise<number> =>
    fastest(runtime, `multiply-adds, ${rounds} rounds`, ELEMENTS.compute, (x) => multiplyAdds(x, rounds));
  const flops = (rounds: number): number => 128 * rounds * ELEMENTS.compute;
  const first = await compute(FIRST_ROUNDS);
  const rounds = Math.min(MAX_ROUNDS, FIRST_ROUNDS * Math.ceil(SAMPLE_MILLISECONDS / first));
  const milliseconds = rounds === FIRST_ROUNDS ? first : await compute(rounds);
  const copied = await fastest(runtime, "copy", ELEMENTS.memory, copy);
  return {
    gflopPerSecond: flops(rounds) / milliseconds / 1e6,
    gigabytesPerSecond: 8 * ELEMENTS.memory / copied / 1e6,
  };
}

/** Both ceilings by adapter: the same for all runtimes of a process. */
const measured = new Map<string, Promise<Ceilings>>();

/** The ceilings of a runtime's adapter, measured once in a process. */
export function ceilingsOf(runtime: WebGpuRuntime): Promise<Ceilings> {
  const adapter = JSON.stringify(runtime.adapter);
  const known = measured.get(adapter) ?? measureCeilings(runtime);
  measured.set(adapter, known);
  known.catch(() => measured.delete(adapter));
  return known;
}

/** The least time of a kernel on ones. */
async function fastest(
  runtime: WebGpuRuntime,
  name: string,
  elements: number,
  body: (x: Tensor) => Tensor,
): Promise<number> {
  const x: DeviceTensor = runtime.upload(new Float32Array(elements).fill(1), [elements]);
  const stage = runtime.stage(`ceiling: ${name}`, (inputs: { readonly x: Tensor }) => ({ y: body(inputs.x) }));
  try {
    await stage({ x }, {});
    const { fastest } = await runtime.profile(`ceiling: ${name}`, { replays: REPLAYS });
    return Math.max(LEAST_MILLISECONDS, fastest.kernelMilliseconds);
  } finally {
    stage.release();
    x.free();
  }
}
