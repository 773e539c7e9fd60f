/**
 * The ceilings and fixed costs of an adapter: `micro.ts clock|rates [deno|dry]`. `clock`: timestamps against wall time.
 * `rates`: multiply-adds, a copy, empty dispatches that depend on each other and such that do not, submits. One line of
 * JSON each, as soon as it was measured. Exit codes: 0 done, 1 failed, 2 usage.
 */
import { elementCount, type Tensor, WebGpuRuntime } from "../../engine/mod.ts";
import { copy, multiplyAdds } from "../../kernels/mod.ts";
import { spreadOf } from "../statistics.ts";
import { openProvider, printRow } from "./provider.ts";

/** How much work is done. */
interface Amounts {
  /** Milliseconds of the loop that both clocks measure. */
  readonly clock: number;
  /** Elements and rounds of the multiply-adds. */
  readonly elements: number;
  readonly rounds: number;
  /** Elements that are copied. */
  readonly copied: number;
  /** Dispatches of a pass. */
  readonly dispatches: number;
}

const FULL: Amounts = { clock: 200, elements: 2 ** 22, rounds: 64, copied: 2 ** 26, dispatches: 10_000 };
const DRY: Amounts = { clock: 5, elements: 2 ** 10, rounds: 1, copied: 2 ** 12, dispatches: 100 };

/** Numbers of submits, each with one empty dispatch. */
const SUBMITS = [1, 10, 50];

const SAMPLES = 5;

async function main([what = "", provider = "deno"]: readonly string[]): Promise<number> {
  if (!["clock", "rates"].includes(what) || !["deno", "dry"].includes(provider)) {
    await printRow({ error: "Usage: micro.ts clock|rates [deno|dry]" });
    return 2;
  }
  const gpu = (await openProvider(provider as "deno" | "dry"))!;
  const amounts = provider === "dry" ? DRY : FULL;
  if (what === "rates") await measureRates(gpu, amounts);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  const feature = "timestamp-query";
  const hasTimestamps = adapter!.features.has(feature);
  const device = await adapter!.requestDevice({ requiredFeatures: hasTimestamps ? [feature] : [] });
  if (what === "clock") await measureClock(device, amounts, hasTimestamps);
  else await measureDispatches(device, amounts);
  device.destroy();
  return 0;
}

/** Rates of the engine's probes, by the timer of the engine. */
async function measureRates(gpu: GPU, { elements, rounds, copied }: Amounts): Promise<void> {
  const runtime = await WebGpuRuntime.open({ gpu });
  const probes = [
    { what: "multiplyAdds", count: elements, record: (x: Tensor): Tensor => multiplyAdds(x, rounds) },
    { what: "copy", count: copied, record: copy },
  ];
  for (const { what, count, record } of probes) {
    const x = runtime.upload(new Float32Array(count), [count]);
    const stage = runtime.stage(what, (inputs: { readonly x: Tensor }) => ({ y: record(inputs.x) }));
    await stage({ x }, {});
    const timer = await runtime.timer(what).catch(() => runtime.timer(what, "repeated dispatches"));
    const times: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample++) {
      times.push(await timer.sample());
    }
    const milliseconds = spreadOf(times);
    const flops = runtime
      .statistics()
      .plans.get(what)!
      .dispatches.reduce((sum, dispatch) => sum + dispatch.flops, 0);
    await printRow({
      what,
      method: timer.method,
      milliseconds,
      ...(what === "copy"
        ? { gigabytesPerSecond: (8 * elementCount([count])) / milliseconds.min / 1e6 }
        : { gflopPerSecond: flops / milliseconds.min / 1e6 }),
    });
    stage.release();
    x.free();
  }
  runtime.destroy();
}

/** A kernel of one binding, and what it is dispatched with. */
function prepare(device: GPUDevice, code: string, buffer: GPUBuffer): (pass: GPUComputePassEncoder) => void {
  const module = device.createShaderModule({ code });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer } }],
  });
  return (pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
  };
}

/** One element that tells the kernels what to do. */
function word(device: GPUDevice, value: number): GPUBuffer {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const buffer = device.createBuffer({ size: 16, usage });
  device.queue.writeBuffer(buffer, 0, new Uint32Array([value, 0, 0, 0]));
  return buffer;
}

/** Milliseconds until what `submit` submits is done, a wait for nothing taken off. */
async function wallTime(device: GPUDevice, submit: () => void): Promise<number> {
  await device.queue.onSubmittedWorkDone();
  const idle: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    const start = performance.now();
    await device.queue.onSubmittedWorkDone();
    idle.push(performance.now() - start);
  }
  const start = performance.now();
  submit();
  await device.queue.onSubmittedWorkDone();
  return Math.max(0, performance.now() - start - spreadOf(idle).median);
}

/** A dependent chain of multiply-adds in one workgroup, so long that both clocks can measure it. */
async function measureClock(device: GPUDevice, { clock }: Amounts, hasTimestamps: boolean): Promise<void> {
  const buffer = word(device, 0);
  const use = prepare(
    device,
    `@group(0) @binding(0) var<storage, read_write> word: array<u32, 4>;
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  var a = f32(lane);
  for (var i = 0u; i < word[0]; i += 1u) { a = fma(a, 0.75, 0.25); }
  if (a == 7.0) { word[1] = 1u; }
}`,
    buffer,
  );
  const querySet = hasTimestamps ? device.createQuerySet({ type: "timestamp", count: 2 }) : undefined;
  const resolved = device.createBuffer({ size: 256, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
  const read = device.createBuffer({ size: 256, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  let wall = 0;
  for (let turns = 2 ** 10; wall < clock && turns < 2 ** 31; turns *= 2) {
    device.queue.writeBuffer(buffer, 0, new Uint32Array([turns]));
    wall = await wallTime(device, () => {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass(
        querySet ? { timestampWrites: { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 } } : {},
      );
      use(pass);
      pass.dispatchWorkgroups(1);
      pass.end();
      if (querySet) {
        encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
        encoder.copyBufferToBuffer(resolved, 0, read, 0, 16);
      }
      device.queue.submit([encoder.finish()]);
    });
  }
  if (!querySet) {
    return await printRow({ what: "clock", wallMilliseconds: wall, ticks: null });
  }
  await read.mapAsync(GPUMapMode.READ);
  const [begin = 0n, end = 0n] = new BigUint64Array(read.getMappedRange().slice(0, 16));
  const ticks = Number(end - begin);
  await printRow({ what: "clock", wallMilliseconds: wall, ticks, nanosecondsPerTick: (1e6 * wall) / ticks });
}

/** What dispatches and submits cost that do nothing. */
async function measureDispatches(device: GPUDevice, { dispatches }: Amounts): Promise<void> {
  const empty = (access: string, body: string): (pass: GPUComputePassEncoder) => void =>
    prepare(
      device,
      `@group(0) @binding(0) var<storage, ${access}> word: array<u32, 4>;
var<workgroup> seen: u32;
@compute @workgroup_size(1)
fn main() { if (word[0] == 1u) { ${body} } }`,
      word(device, 0),
    );
  const kinds = {
    // What is written makes the driver wait between two dispatches; what is only read does not.
    "dependent dispatch": empty("read_write", "word[1] = 1u;"),
    "independent dispatch": empty("read", "seen = word[1];"),
  };
  const passOf = (use: (pass: GPUComputePassEncoder) => void, count: number): void => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    use(pass);
    for (let i = 0; i < count; i++) pass.dispatchWorkgroups(1);
    pass.end();
    device.queue.submit([encoder.finish()]);
  };
  for (const [what, use] of Object.entries(kinds)) {
    const times: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample++) {
      times.push((1000 * (await wallTime(device, () => passOf(use, dispatches)))) / dispatches);
    }
    await printRow({ what, microseconds: spreadOf(times), dispatches });
  }
  for (const count of SUBMITS) {
    const [hosts, walls]: [number[], number[]] = [[], []];
    for (let sample = 0; sample < SAMPLES; sample++) {
      walls.push(
        (1000 *
          (await wallTime(device, () => {
            const start = performance.now();
            for (let i = 0; i < count; i++) {
              passOf(kinds["dependent dispatch"], 1);
            }
            hosts.push((1000 * (performance.now() - start)) / count);
          }))) /
          count,
      );
    }
    await printRow({ what: "submit", count, microseconds: spreadOf(walls), hostMicroseconds: spreadOf(hosts) });
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
