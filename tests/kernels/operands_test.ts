import { assertEquals, assertThrows } from "@std/assert";
import type { DType } from "../../engine/mod.ts";
import { halfExample, requireF32, requireWeight } from "../../kernels/operands.ts";

const types = (...dtypes: DType[]): { shape: number[]; dtype: DType }[] =>
  dtypes.map((dtype) => ({ shape: [2, 2], dtype }));

Deno.test("an operand must be f32, a weight f32 or f16", () => {
  requireF32("op", types("f32", "f32"), ["x", "weight"]);
  requireWeight("op", types("f32", "f16"), ["x", "weight"], "weight");
  requireWeight("op", types("f32", "f32"), ["x", "weight"], "weight");
  assertThrows(
    () => requireF32("op", types("f32", "f16"), ["x", "weight"]),
    TypeError,
    "Cannot build op: weight holds f16 elements, f32 is needed",
  );
  assertThrows(
    () => requireWeight("op", types("f16", "f16"), ["x", "weight"], "weight"),
    TypeError,
    "Cannot build op: x holds f16 elements, f32 is needed",
  );
  assertThrows(
    () => requireWeight("op", types("f32", "u32"), ["x", "weight"], "weight"),
    TypeError,
    "Cannot build op: weight holds u32 elements, f32 or f16 is needed",
  );
  assertThrows(
    () => requireWeight("op", types("f32"), ["x", "weight"], "weight"),
    TypeError,
    "Cannot build op: 1 inputs were given, 2 are needed (x, weight)",
  );
});

Deno.test("an example of an f16 weight has the words of its shape", () => {
  const { shape, dtype, data } = halfExample([3, 3, 5, 7]);
  assertEquals([shape, dtype, data.length], [[3, 3, 5, 7], "f16", 9 * 3 * 7]);
});
