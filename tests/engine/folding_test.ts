/** Values that depend on constants alone are shared by stages only where they are the same. */
import { assertEquals } from "@std/assert";
import { constant, hostTensor, type Tensor, type Tensors, WebGpuRuntime } from "../../engine/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { plus, scaled, viewed } from "../support/toy_ops.ts";

/** The first element of zeros plus what a stage makes of a constant. */
async function firstOf(runtime: WebGpuRuntime, name: string, fixed: () => Tensor): Promise<number> {
  const stage = runtime.stage(name, ({ x }: Tensors<"x">) => ({ y: plus(x, fixed()) }));
  const { y } = await stage({ x: runtime.upload(new Float32Array(2), [2]) }, {});
  return (await y.read())[0]!;
}

gpuTest("stages that compute something else from a constant get their own value", async () => {
  const runtime = await WebGpuRuntime.open();
  try {
    const [five, seven] = [5, 7].map((value) => hostTensor(new Float32Array(2).fill(value), [2]));
    assertEquals(await firstOf(runtime, "twice", () => scaled(constant(five!), 2)), 10);
    assertEquals(await firstOf(runtime, "thrice", () => scaled(constant(five!), 3)), 15);
    assertEquals(await firstOf(runtime, "of another", () => scaled(constant(seven!), 2)), 14);
    assertEquals(await firstOf(runtime, "twice again", () => scaled(constant(five!), 2)), 10);
  } finally {
    runtime.destroy();
  }
});

gpuTest("a value under another shape is another value", async () => {
  const runtime = await WebGpuRuntime.open();
  try {
    const row = hostTensor(new Float32Array([3, 4]), [1, 2]);
    const body = (): Tensor => scaled(viewed(constant(row), [2]), 2);
    assertEquals(await firstOf(runtime, "viewed", body), 6);
    const stage = runtime.stage("as it is", ({ x }: Tensors<"x">) => ({ y: plus(x, scaled(constant(row), 2)) }));
    const { y } = await stage({ x: runtime.upload(new Float32Array([1, 1]), [1, 2]) }, {});
    assertEquals(await y.read(), new Float32Array([7, 9]));
  } finally {
    runtime.destroy();
  }
});
