import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { faithfulness } from "../../metrics/mod.ts";

Deno.test("faithfulness() is the Euclidean distance, and the root mean square of the differences", () => {
  const { l2, rms } = faithfulness(Float32Array.of(1, 2, 3, 4), Float32Array.of(1, 0, 3, 0));
  assertAlmostEquals(l2, Math.sqrt(20), 1e-12);
  assertAlmostEquals(rms, Math.sqrt(5), 1e-12);
  assertEquals(faithfulness(Float32Array.of(0.5), Float32Array.of(0.5)), { l2: 0, rms: 0 });
});

Deno.test("faithfulness() refuses images of other sizes, and none at all", () => {
  assertThrows(() => faithfulness(new Float32Array(3), new Float32Array(4)), TypeError, "3 and 4 values");
  assertThrows(() => faithfulness(new Float32Array(0), new Float32Array(0)), TypeError, "0 and 0 values");
});
