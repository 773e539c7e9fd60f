import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { consistency, faithfulness } from "../../metrics/mod.ts";

Deno.test("consistency() is the root mean square and the sum of absolute differences", () => {
  const { rms, l1 } = consistency(Float32Array.of(1, 2, 3, 4), Float32Array.of(1, 4, 3, 3));
  assertAlmostEquals(rms, Math.sqrt(5 / 4), 1e-15);
  assertEquals(l1, 3);
});

Deno.test("consistency() of a consistent image is zero", () => {
  const y = Float32Array.of(0.25, -1);
  assertEquals(consistency(y, y), { rms: 0, l1: 0 });
});

Deno.test("consistency() refuses measurements of another length and empty ones", () => {
  assertThrows(() => consistency(new Float32Array(3), new Float32Array(4)), TypeError, "3 and 4 values");
  assertThrows(() => consistency(new Float32Array(0), new Float32Array(0)), TypeError, "0 and 0 values");
});

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
