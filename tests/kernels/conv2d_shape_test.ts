import { assertEquals } from "@std/assert";
import type { Shape } from "../../engine/mod.ts";
import { conv2d, type Conv2dOptions } from "../../kernels/product/conv2d.ts";
import { build } from "./run_once.ts";

const shapeOf = (x: Shape, weight: Shape, options: Conv2dOptions): Shape =>
  build([x, weight], (image, matrix) => conv2d(image!, matrix!, options)).shape;

Deno.test("conv2d: only windows that lie in the padded picture have a result", () => {
  assertEquals(shapeOf([1, 6, 7, 4], [1, 1, 4, 8], { stride: 2, padding: 0 }), [1, 3, 4, 8]);
  assertEquals(shapeOf([2, 7, 6, 4], [3, 3, 4, 8], { stride: 2, padding: 0 }), [2, 3, 2, 8]);
  assertEquals(shapeOf([2, 8, 9, 4], [3, 3, 4, 8], { stride: 2, padding: 1 }), [2, 4, 5, 8]);
  assertEquals(shapeOf([1, 9, 8, 4], [5, 2, 4, 7], { stride: 3, padding: { top: 3, left: 0, bottom: 2, right: 4 } }), [
    1,
    4,
    4,
    7,
  ]);
});
