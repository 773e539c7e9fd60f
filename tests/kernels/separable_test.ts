import { assertEquals, assertThrows } from "@std/assert";
import { ReferenceRuntime, trace } from "../../engine/mod.ts";
import { alongHeight, alongWidth, separable } from "../../kernels/mod.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { build, runOnce, values } from "./run_once.ts";

gpuTest("separable() is left X right^T for every channel, whichever direction comes first", async (runtime) => {
  for (const [rows, columns] of [[3, 13], [14, 2]] as const) {
    const [left, x, right] = [values([rows, 7], 1), values([2, 7, 9, 3], 2), values([columns, 9], 3)];
    const expected = new Float32Array(2 * rows * columns * 3);
    for (let i = 0; i < expected.length; i++) {
      const [c, q, p] = [i % 3, Math.floor(i / 3) % columns, Math.floor(i / 3 / columns) % rows];
      const image = Math.floor(i / 3 / columns / rows);
      let sum = 0;
      for (let h = 0; h < 7; h++) {
        for (let w = 0; w < 9; w++) {
          sum += left.data[p * 7 + h]! * x.data[((image * 7 + h) * 9 + w) * 3 + c]! * right.data[q * 9 + w]!;
        }
      }
      expected[i] = sum;
    }
    assertClose(await runOnce(new ReferenceRuntime(), [left, x, right], separable), expected, 1e-6);
    assertClose(await runOnce(runtime, [left, x, right], separable), expected, 1e-6);
  }
});

Deno.test("separable() applies first the matrix that leaves less to do", () => {
  const orderOf = (rows: number, columns: number): readonly string[] => {
    const types = { left: [rows, 8], x: [1, 8, 8, 3], right: [columns, 8] };
    const inputs = Object.fromEntries(
      Object.entries(types).map(([name, shape]) => [name, { shape, dtype: "f32" as const }]),
    );
    const graph = trace("order", inputs, ({ left, x, right }) => ({ y: separable(left!, x!, right!) }));
    return graph.calls.map(({ op }) => op.name);
  };
  assertEquals(orderOf(2, 16), ["alongHeight", "alongWidth"]);
  assertEquals(orderOf(16, 2), ["alongWidth", "alongHeight"]);
});

Deno.test("matrices must fit the side they are applied to", () => {
  assertThrows(() => build([[5, 7], [1, 8, 7, 3]], alongHeight), TypeError, "must be the height of x");
  assertThrows(() => build([[5, 7], [1, 7, 8, 3]], alongWidth), TypeError, "must be the width of x");
  assertThrows(() => build([[5, 7, 1], [1, 7, 8, 3]], alongWidth), TypeError, "[Q, W] is needed");
  assertEquals(build([[5, 7], [2, 7, 9, 3], [4, 9]], separable).shape, [2, 5, 4, 3]);
});
