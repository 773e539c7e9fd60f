import { assert, assertEquals } from "@std/assert";
import { randomValues } from "../../bench/random_values.ts";

Deno.test("seeded numbers lie in [-1, 1), are spread evenly, and are others for another seed", () => {
  const [values, others] = [randomValues(10_000, 1), randomValues(10_000, 2)];
  assertEquals(randomValues(10_000, 1), values);
  assert(values.every((value) => value >= -1 && value < 1));
  const mean = (of: (value: number, i: number) => number): number =>
    values.reduce((sum, value, i) => sum + of(value, i), 0) / values.length;
  assert(Math.abs(mean((value) => value)) < 0.03);
  assert(Math.abs(mean((value) => value * value) - 1 / 3) < 0.03);
  assert(Math.abs(mean((value, i) => value * others[i]!)) < 0.03, "seeds are related");
});
