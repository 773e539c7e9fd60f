import { assert, assertThrows } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import { bicubicKernel } from "../../operators/resolution/bicubic_downsample.ts";
import { relativeError } from "../support/close.ts";
import { apply } from "./laws.ts";

Deno.test("bicubicKernel() has the taps of the x4 reduction", () => {
  const expected = [
    -0.00170898,
    -0.01098633,
    -0.01831055,
    -0.01196289,
    0.02270508,
    0.09741211,
    0.18188477,
    0.24096680,
  ];
  const kernel = bicubicKernel(4);
  assert(kernel.length === 16);
  expected.forEach((tap, k) => {
    assert(Math.abs(kernel[k]! - tap) < 5e-9, `tap ${k}: ${kernel[k]}`);
    assert(Math.abs(kernel[15 - k]! - tap) < 5e-9, `tap ${15 - k}: ${kernel[15 - k]}`);
  });
});

Deno.test("sr_bicubic maps a constant picture to that constant at every scale", async () => {
  for (const scale of [2, 4, 8, 16, 32]) {
    const operator = createOperator("sr_bicubic", [32, 64, 3], { scale });
    const x = new Float32Array(32 * 64 * 3).fill(-0.5);
    const y = new Float32Array(x.length / scale ** 2).fill(-0.5);
    const { ax } = await apply(new ReferenceRuntime(), operator, x, y, (x) => ({ ax: operator.forward(x) }));
    assert(relativeError(ax, y) < 1e-6, `x${scale}`);
  }
});

Deno.test("sr_bicubic keeps the picture at scale 1, and refuses sizes that the scale does not divide", async () => {
  const operator = createOperator("sr_bicubic", [3, 4, 1], { scale: 1 });
  const x = Float32Array.from({ length: 12 }, (_, i) => i / 12);
  const { ax } = await apply(new ReferenceRuntime(), operator, x, x, (x) => ({ ax: operator.forward(x) }));
  assert(relativeError(ax, x) < 1e-6);
  assertThrows(() => createOperator("sr_bicubic", [9, 9, 3], { scale: 0 }), RangeError, "scale is 0");
  assertThrows(() => createOperator("sr_bicubic", [16, 18, 3], { scale: 4 }), RangeError, "16 x 18 pixels");
});
