import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { reducedKernel } from "../../restoration/mod.ts";
import { hostTensor } from "../../engine/mod.ts";

Deno.test("a reduced kernel has odd sides near the reduced ones, so that it has a middle, and keeps its sum", () => {
  const sides = (height: number, width: number, reduction: number): readonly number[] => {
    const kernel = hostTensor(new Float32Array(height * width).fill(1 / (height * width)), [height, width]);
    const { shape, data } = reducedKernel(kernel, reduction);
    assertAlmostEquals(Array.from(data).reduce((a, b) => a + b, 0), 1, 1e-6);
    return shape;
  };
  assertEquals(sides(7, 9, 2), [3, 5]);
  assertEquals(sides(15, 21, 4), [3, 5]);
  assertEquals(sides(3, 3, 8), [1, 1]);
  for (let side = 1; side < 30; side += 2) assert(sides(side, side, 3).every((extent) => extent % 2 === 1), `${side}`);
});
