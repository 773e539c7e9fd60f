import { assertEquals, assertThrows } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { maxPool, meanPool } from "../../kernels/mod.ts";
import { build, runOnce } from "./run_once.ts";

const ROW = { shape: [1, 1, 5, 1], data: Float32Array.of(-3, -1, -5, 4, 2) };
const SQUARE = { shape: [1, 2, 2, 1], data: Float32Array.of(1, 2, 3, 6) };

Deno.test("maxPool() leaves out windows that are not whole, and never takes the border's zeros", async () => {
  const runtime = new ReferenceRuntime();
  assertEquals(
    await runOnce(runtime, [{ ...ROW, shape: [1, 5, 1, 1] }], (x) => maxPool(x, { size: 1, stride: 3 })),
    Float32Array.of(-3, 4),
  );
  assertEquals(await runOnce(runtime, [SQUARE], (x) => maxPool(x, { size: 2, stride: 2 })), Float32Array.of(6));
  const negative = { ...SQUARE, data: SQUARE.data.map((v) => -v) };
  assertEquals(
    await runOnce(runtime, [negative], (x) => maxPool(x, { size: 3, stride: 1, padding: 1 })),
    Float32Array.of(-1, -1, -1, -1),
  );
});

Deno.test("meanPool() divides by the pixels inside the image, or by all of the window", async () => {
  const runtime = new ReferenceRuntime();
  const window = { size: 3, stride: 1, padding: 1 };
  assertEquals(await runOnce(runtime, [SQUARE], (x) => meanPool(x, window, false)), Float32Array.of(3, 3, 3, 3));
  const share = Math.fround(12 / 9);
  assertEquals(
    await runOnce(runtime, [SQUARE], (x) => meanPool(x, window, true)),
    Float32Array.of(share, share, share, share),
  );
});

Deno.test("pooling refuses other ranks, windows larger than the image, and borders wider than half a window", () => {
  assertThrows(
    () => build([[4, 4, 3]], (x) => maxPool(x, { size: 2, stride: 2 })),
    TypeError,
    "[N, H, W, C] is needed",
  );
  assertThrows(
    () => build([[1, 4, 2, 3]], (x) => maxPool(x, { size: 3, stride: 2 })),
    RangeError,
    "at least 3 x 3 pixels are needed",
  );
  assertThrows(() => build([[1, 4, 4, 3]], (x) => maxPool(x, { size: 2, stride: 0 })), RangeError, "stride is 0");
  assertThrows(
    () => build([[1, 4, 4, 3]], (x) => meanPool(x, { size: 3, stride: 1, padding: 2 }, false)),
    RangeError,
    "padding is 2",
  );
});
