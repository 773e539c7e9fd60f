/** Group normalisation as graphics cards compute it: many blocks, merged in two levels. */
import { assert, assertEquals } from "@std/assert";
import { ReferenceRuntime, type Tensor, WebGpuRuntime } from "../../engine/mod.ts";
import { applyFactors, concatChannels, groupNorm, groupNormFactors, imageStatistics } from "../../kernels/mod.ts";
import { splitBlocks } from "../../kernels/normalization/group_norm_merge.ts";
import { assertClose } from "../support/close.ts";
import { asGraphicsCard, gpuTest } from "../support/gpu.ts";
import { runOnce, type Values, values } from "./run_once.ts";

let card: WebGpuRuntime | undefined;

globalThis.addEventListener("unload", () => card?.destroy());

async function open(): Promise<WebGpuRuntime> {
  return card ??= await WebGpuRuntime.open({ gpu: asGraphicsCard });
}

/** The kernels of the stage that ran last. */
function labels(runtime: WebGpuRuntime): readonly string[] {
  return runtime.statistics().plans.get("once")!.dispatches.map(({ label }) => label);
}

const OPTIONS = { groups: 2, eps: 1e-5 };

/** Images of 441 blocks, those at the edges not whole, far from 0. */
function images(count: number, channels: number, seed: number): Values {
  return values([count, 84, 81, channels], seed, (v) => 3000 + v);
}

gpuTest("groupNorm() of many blocks is exact on a graphics card, twice with the same bits", async () => {
  const runtime = await open();
  const inputs = [images(2, 20, 1), values([20], 2), values([20], 3), values([2, 40], 4)];
  const norm = (x: Tensor, gamma: Tensor, beta: Tensor, modulation: Tensor): Tensor =>
    groupNorm(x, gamma, beta, { ...OPTIONS, modulation });
  const y = await runOnce(runtime, inputs, norm);
  assertEquals(labels(runtime).slice(1, 3), ["groupNorm.merge", "groupNorm.finish.merged.modulated"]);
  const expected = await runOnce(new ReferenceRuntime(), inputs, norm);
  assertClose(y, expected, 1e-6);
  assertEquals(await runOnce(runtime, inputs, norm), y);
  const alone = inputs.map(({ shape, data }, k) =>
    k === 1 || k === 2 ? { shape, data } : { shape: [1, ...shape.slice(1)], data: data.subarray(data.length / 2) }
  );
  const second = await runOnce(runtime, alone, norm);
  assertEquals(second, y.subarray(y.length / 2), "an image gives the same bits alone and in a batch");
});

gpuTest("a group that begins in one image and ends in another is merged of both on a graphics card", async () => {
  const runtime = await open();
  const inputs = [images(1, 12, 1), images(1, 8, 2), values([20], 3), values([20], 4)];
  const norm = (a: Tensor, b: Tensor, gamma: Tensor, beta: Tensor): Tensor => {
    const parts = [a, b].map((x) => ({ x, statistics: imageStatistics(x) }));
    return applyFactors(concatChannels(a, b), groupNormFactors(parts, gamma, beta, OPTIONS));
  };
  const y = await runOnce(runtime, inputs, norm);
  assert(
    labels(runtime).includes("groupNorm.merge.joined") && labels(runtime).includes("groupNorm.finish.merged.joined"),
  );
  assertClose(y, await runOnce(new ReferenceRuntime(), inputs, norm), 1e-6);
});

Deno.test("the blocks of a group are shared out among at most 32 workgroups, all of them once and none idle", () => {
  for (const [blocks, span] of [[1, 1], [441, 10], [4096, 8], [4096, 64], [4097, 1000], [513, 8]] as const) {
    const { count, each } = splitBlocks(blocks, span);
    assert(
      count <= 32 && count * each >= blocks && (count - 1) * each < blocks,
      `${blocks} ${span}: ${count} x ${each}`,
    );
  }
  assertEquals(splitBlocks(4096, 8), { count: 8, each: 512 });
  assertEquals(splitBlocks(64, 64).count, 1);
});
