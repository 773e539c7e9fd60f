import { assertEquals, assertThrows } from "@std/assert";
import { ReferenceRuntime, type Tensor, trace } from "../../engine/mod.ts";
import { reshape, silu, weightedSum } from "../../kernels/mod.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { build, runOnce, values } from "./run_once.ts";

gpuTest("reshape() between two operations keeps the order of the elements", async (runtime) => {
  const x = values([2, 3, 5], 1);
  const expected = await runOnce(runtime, [x], (t) => silu(silu(t)));
  assertEquals(await runOnce(runtime, [x], (t) => silu(reshape(silu(t), [5, 6]))), expected);
  const both = (t: Tensor): Tensor => {
    const [a, b] = [silu(t), weightedSum([[-2, t]])];
    return weightedSum([[1, reshape(a, [30])], [10, reshape(b, [30])]]);
  };
  assertClose(await runOnce(runtime, [x], both), await runOnce(new ReferenceRuntime(), [x], both), 1e-6);
});

Deno.test("reshape() refuses another number of elements and extents that are not positive integers", () => {
  assertThrows(
    () => build([[2, 3]], (x) => reshape(x, [4, 2])),
    TypeError,
    "Cannot build reshape: x has shape [2, 3] with 6 elements, the new shape [4, 2] needs 8",
  );
  assertThrows(() => build([[2, 3]], (x) => reshape(x, [-2, -3])), RangeError, "positive integers are needed");
  assertThrows(() => build([[2, 3]], (x) => reshape(x, [1.5, 4])), RangeError, "[1.5, 4]");
});

Deno.test("reshape() of f16 matrices keeps their last two extents", () => {
  const half = (from: readonly number[], to: readonly number[]): unknown =>
    trace("half", { x: { shape: from, dtype: "f16" } }, ({ x }) => ({ y: reshape(x!, to) })).outputs.get("y")?.shape;
  assertEquals(half([1, 1, 5, 6], [5, 6]), [5, 6]);
  assertThrows(() => half([4, 6], [6, 4]), TypeError, "must end in the same two extents");
});
