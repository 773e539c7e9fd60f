import { assert, assertEquals } from "@std/assert";
import { defineOp, type Target } from "../../engine/mod.ts";
import { elementwise, flatGrid } from "../../kernels/text/wgsl.ts";
import { SOFTWARE_PROFILE } from "../support/device_profile.ts";
import { gpuTest } from "../support/gpu.ts";
import { runOnce, values } from "./run_once.ts";

for (const valuesEach of [1, 2]) {
  gpuTest(`elementwise() runs its body so often and no more, ${valuesEach} per invocation`, async (runtime) => {
    const op = defineOp<{ readonly count: number }>({
      name: "marked",
      infer: ([x]) => [{ shape: x!.shape, dtype: "f32" }],
      reference: ({ attrs: { count } }, [x]) => [x!.map((_, i) => i < count ? 2 : 1)],
      lower: ({ inputs: [x], outputs: [y], attrs: { count } }, target) => [
        elementwise("marked.all", target, { read: { x: x! }, write: { y: y! }, body: "y[i] = 1.0 + 0.0 * x[i];" }),
        elementwise("marked.some", target, { read: {}, write: { y: y! }, count, valuesEach, body: "y[i] = 2.0;" }),
      ],
      cost: () => ({ flops: 0, bytes: 0 }),
      examples: [],
    });
    const marked = await runOnce(runtime, [values([300], 1)], (x) => op([x], { count: 70 })[0]!);
    assertEquals(Array.from(marked), Array.from({ length: 300 }, (_, i) => i < 70 ? 2 : 1));
  });
}

Deno.test("flatGrid() has a side within the limit, and few workgroups more than it was asked for", () => {
  const grid = (count: number): readonly number[] => flatGrid(count, SOFTWARE_PROFILE as Target);
  assertEquals([0, 1, 65_535].map(grid), [[1, 1, 1], [1, 1, 1], [65_535, 1, 1]]);
  assertEquals([65_536, 65_537, 131_071].map(grid), [[32_768, 2, 1], [32_769, 2, 1], [43_691, 3, 1]]);
  for (const count of [65_536, 65_537, 131_070, 131_071, 1e6, 65_535 ** 2]) {
    const [width, height] = grid(count) as [number, number];
    assert(width <= 65_535 && height <= 65_535 && width * height >= count && width * height < count + height);
  }
});

gpuTest("elementwise() leaves out what a folded grid has too much, around 65,535 workgroups", async (runtime) => {
  const op = defineOp<{ readonly count: number }>({
    name: "counted",
    infer: ([x]) => [{ shape: x!.shape, dtype: "f32" }],
    reference: ({ attrs: { count } }, [x]) => [x!.map((value, i) => i < count ? value + i % 100 : 0)],
    lower: ({ inputs: [x], outputs: [y], attrs: { count } }, target) => [
      elementwise("counted", target, {
        read: { x: x! },
        write: { y: y! },
        count,
        body: "y[i] = x[i] + f32(i % 100u);",
      }),
    ],
    cost: () => ({ flops: 0, bytes: 0 }),
    examples: [],
  });
  const x = { shape: [64 * 65_537], data: new Float32Array(64 * 65_537).fill(1) };
  for (const workgroups of [65_535, 65_536, 65_537]) {
    const count = 64 * workgroups - 63;
    const y = await runOnce(runtime, [x], (x) => op([x], { count })[0]!);
    assert(y.every((value, i) => value === (i < count ? 1 + i % 100 : 0)), `${workgroups} workgroups`);
  }
});
