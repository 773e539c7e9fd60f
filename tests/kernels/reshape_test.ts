import { assertEquals, assertThrows } from "@std/assert";
import { ReferenceRuntime, type Tensor } from "../../engine/mod.ts";
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
