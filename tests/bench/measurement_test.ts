import { assert, assertAlmostEquals, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { defineOp, elementCount, type Tensor } from "../../engine/mod.ts";
import { addOp, conv2d, matmul } from "../../kernels/mod.ts";
import { openProbed } from "../../bench/device_probe.ts";
import { type KernelCase, type KernelFigures, measureKernels } from "../../bench/kernels.ts";
import { measureInFreshProcess } from "../../bench/network_process.ts";
import { NETWORKS } from "../../bench/networks.ts";
import { writeRandomCheckpoint } from "../../bench/random_checkpoint.ts";
import type { NetworkRow } from "../../bench/row.ts";
import { gpuTest } from "../support/gpu.ts";

const MAIN = new URL("../../bench/main.ts", import.meta.url).href;

async function bench(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-read", "--allow-run", "--allow-sys", MAIN, ...words],
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

Deno.test("a wrong option ends the program with exit code 2", async () => {
  const { code, stderr } = await bench("--batches", "4");
  assertEquals([code, stderr.trim()], [2, 'error: bench has no option "--batches"; did you mean "--batch"?']);
});

gpuTest("bench --json prints a complete row of a tiny network, measured in processes of its own", async () => {
  const size = ["--network", "tiny", "--batch", "1", "--size", "16"];
  const words = [...size, "--runs", "2", "--json", "--no-tuned", "--no-record"];
  const { code, stdout, stderr } = await bench(...words);
  assertEquals(code, 0, stderr);
  const row: NetworkRow = JSON.parse(stdout);
  assertEquals([row.kind, row.network, row.batch, row.height, row.width], ["network", "tiny", 1, 16, 16]);
  assertEquals([row.parameters, row.check.method, row.tuned], [828358, "reference", 0]);
  assert(row.check.error > 0 && row.check.error < 1e-5);
  assert(row.gflop > 0.15 && row.gflop < 0.175, `${row.gflop}`);
  assert(row.dispatches > 100 && row.pipelines > 5 && row.pipelines < row.dispatches);
  assertEquals(row.nfeMilliseconds.samples, 2);
  assert(
    row.nfeMilliseconds.min <= row.nfeMilliseconds.median && row.nfeMilliseconds.median <= row.nfeMilliseconds.max,
  );
  assertAlmostEquals(row.gflopPerSecond, row.gflop / row.nfeMilliseconds.median * 1000, 1e-9);
  assert(row.hostMilliseconds.min > 0 && row.idleWaitMilliseconds > 0);
  for (const { total, ...parts } of [row.coldStartMilliseconds, row.warmStartMilliseconds!]) {
    const times = Object.values(parts);
    assert(times.every((time) => time > 0), JSON.stringify(parts));
    assertAlmostEquals(times.reduce((sum, time) => sum + time, 0), total, 0.01);
  }
  // Weights and at least one activation; the process holds them and itself.
  assert(row.deviceBytes > 4 * row.parameters && row.peakDeviceBytes >= row.deviceBytes);
  assert(row.peakProcessBytes > 40e6 && row.peakProcessBytes < 2e9);
});

gpuTest("bench --model loads a file in half precision and says what loading, reading and rounding cost", async () => {
  const path = await Deno.makeTempFile({ suffix: ".safetensors" });
  try {
    const file = await Deno.open(path, { write: true });
    await writeRandomCheckpoint(NETWORKS.tiny!.description!, "f32", async (bytes) => {
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    });
    file.close();
    const words = ["--model", path, "--size", "16", "--precision", "f16", "--runs", "1", "--json", "--no-record"];
    const { code, stdout, stderr } = await bench(...words);
    assertEquals(code, 0, stderr);
    const row: NetworkRow = JSON.parse(stdout);
    assertEquals([row.parameters, row.precision, row.height, row.width], [828358, "f16", 16, 16]);
    assert(row.halfError! > 1e-4 && row.halfError! < 2e-3, `${row.halfError}`);
    assertEquals([row.check.method, row.warmStartMilliseconds], ["reference", undefined]);
    const { fileBytes, ...times } = row.loading!;
    assertEquals(fileBytes, (await Deno.stat(path)).size);
    assert(Object.values(times).every((time) => time > 0), JSON.stringify(times));
  } finally {
    await Deno.remove(path);
  }
});

gpuTest("a failure in the fresh process is told in its own words", async () => {
  const run = { network: "tiny", batch: 1, height: 31, width: 32, samples: 0 };
  await assertRejects(
    () => measureInFreshProcess(run, { driverCache: true }),
    Error,
    "Cannot make a noise model for images of 31 x 32 pixels",
  );
});

gpuTest("waits return at once inside withoutWaiting() and only there", async () => {
  const { runtime, withoutWaiting } = await openProbed();
  try {
    const waited = async (): Promise<number> => {
      const start = performance.now();
      await runtime.settle();
      return performance.now() - start;
    };
    const inside = await withoutWaiting(waited);
    await assertRejects(() => withoutWaiting(() => Promise.reject(new Error("stop"))), Error, "stop");
    const outside = await waited();
    assert(10 * inside < outside, `${inside} ms inside, ${outside} ms outside`);
  } finally {
    runtime.destroy();
  }
});

gpuTest("measureKernels() checks an operation and times it", async () => {
  const seen: KernelFigures[] = [];
  const product = {
    name: "product",
    x: [40, 24],
    weight: [24, 56],
    record: (x: Tensor, weight: Tensor): Tensor => matmul(x, weight),
  };
  await measureKernels([product], 2, (figures, { description }) => {
    assert(description.length > 0);
    return Promise.resolve(void seen.push(figures));
  });
  const [figures] = seen;
  assertEquals([figures?.kernel, figures?.gflop, figures?.milliseconds.samples], [
    "product",
    2 * 40 * 24 * 56 / 1e9,
    2,
  ]);
  assert(figures!.check.error < 1e-5 && figures!.processMilliseconds!.min > 0);
});

gpuTest("measureKernels() takes the algorithm that a case asks for, on request without subgroups", async () => {
  const convolution = (algorithm: string): KernelCase => ({
    name: algorithm,
    x: [1, 8, 8, 8],
    weight: [3, 3, 8, 8],
    preferences: { conv2d: algorithm },
    record: (x: Tensor, weight: Tensor): Tensor => conv2d(x, weight, { padding: 1 }),
  });
  for (const withoutSubgroups of [false, true]) {
    const labels: string[] = [];
    await measureKernels(["direct", "winograd2"].map(convolution), 1, ({ dispatches }, { features }) => {
      if (withoutSubgroups) assert(!features.includes("subgroups"));
      return Promise.resolve(void labels.push(dispatches[0]!));
    }, { withoutSubgroups });
    assertMatch(labels[0]!, withoutSubgroups ? /^conv2d\.vector$/ : /^conv2d\.(vector|broadcast)/);
    assertMatch(labels[1]!, /^conv2d\.winograd2/);
  }
});

gpuTest("measureKernels() refuses to time an operation whose result is wrong", async () => {
  const wrongOp = defineOp({
    ...addOp.definition,
    reference: ({ outputs: [y] }) => [new Float32Array(elementCount(y!.shape)).fill(1)],
  });
  const wrong = {
    name: "wrong",
    x: [8],
    weight: [8],
    record: (x: Tensor, weight: Tensor): Tensor => wrongOp([x, weight], {})[0]!,
  };
  await assertRejects(
    () => measureKernels([wrong], 1, () => Promise.resolve()),
    Error,
    'Cannot trust the times of "wrong"',
  );
});
