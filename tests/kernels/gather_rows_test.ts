import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ReferenceRuntime, type Runtime, type Scalar, type Tensor } from "../../engine/mod.ts";
import { gatherRows } from "../../kernels/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { build } from "./run_once.ts";

function rowOf(runtime: Runtime): (t: number) => Promise<Float32Array> {
  const stage = runtime.stage("rows", ({ table }: { table: Tensor }, { t }: { t: Scalar }) => ({
    row: gatherRows(table, [t, 0]),
  }));
  const table = runtime.upload(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2]);
  return async (t) => await (await stage({ table }, { t })).row.read();
}

Deno.test("gatherRows() on the CPU refuses a row that the table does not have", async () => {
  const row = rowOf(new ReferenceRuntime());
  assertEquals(await row(2), Float32Array.of(5, 6, 1, 2));
  await assertRejects(() => row(3), RangeError, "row 0 is 3, an integer from 0 to 2 is needed");
  await assertRejects(() => row(1.5), RangeError, "row 0 is 1.5");
});

gpuTest("gatherRows() on the GPU takes the last row where the index is too great", async (runtime) => {
  const row = rowOf(runtime);
  assertEquals(await row(1), Float32Array.of(3, 4, 1, 2));
  assertEquals(await row(3), Float32Array.of(5, 6, 1, 2));
  assertEquals(await row(2 ** 32), Float32Array.of(5, 6, 1, 2));
});

Deno.test("gatherRows() refuses numbers that are no row, and no rows at all", () => {
  assertThrows(
    () => build([[3, 2]], (table) => gatherRows(table, [0, 3])),
    RangeError,
    "Cannot build gatherRows: row 1 is 3, an integer from 0 to 2 is needed",
  );
  assertThrows(() => build([[3, 2]], (table) => gatherRows(table, [])), TypeError, "no row is named");
  assertThrows(() => build([[3]], (table) => gatherRows(table, [0])), TypeError, "[R, C] is needed");
});
