import { assertEquals, assertThrows } from "@std/assert";
import {
  byteLength,
  constant,
  hostTensor,
  packHalf,
  ReferenceRuntime,
  type Runtime,
  type Tensors,
  unpackHalf,
} from "../../engine/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { timesHalf } from "../support/toy_ops.ts";

/** Small integers: exact in half precision, and so are the sums of their products. */
function integers(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => i % 13 - 6);
}

Deno.test("packHalf() puts rows k and k + 1 of a column in one word, and zeros beyond an odd number of rows", () => {
  // Half precision of 1, 2, 3, 4, 5, 6.
  const [one, two, three, four, five, six] = [0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600];
  const words = packHalf(new Float32Array([1, 2, 3, 4, 5, 6]), [3, 2]);
  assertEquals([...words], [one! | three! << 16, two! | four! << 16, five!, six!]);
});

Deno.test("unpackHalf() is the inverse of packHalf(), matrix by matrix", () => {
  for (const shape of [[1, 1], [3, 5], [4, 3], [3, 3, 5, 7], [2, 1, 6]]) {
    const values = integers(shape.reduce((a, b) => a * b));
    assertEquals(unpackHalf(packHalf(values, shape), shape), values, `${shape}`);
  }
});

Deno.test("an f16 tensor takes two bytes an element, rounded up to pairs of rows", () => {
  assertEquals(byteLength({ shape: [3, 3, 64, 32], dtype: "f16" }), 2 * 9 * 64 * 32);
  assertEquals(byteLength({ shape: [2, 5, 7], dtype: "f16" }), 4 * 2 * 3 * 7);
  assertThrows(() => byteLength({ shape: [5], dtype: "f16" }), TypeError, "[..., K, N] is needed");
});

Deno.test("f16 tensors of the wrong size or from floats are refused", () => {
  assertThrows(() => packHalf(new Float32Array(5), [3, 2]), TypeError, "5 elements were given, 6 are needed");
  assertThrows(() => unpackHalf(new Uint32Array(3), [3, 2]), TypeError, "3 words were given, 4 are needed");
  assertThrows(() => hostTensor(new Uint32Array(6), [3, 2], "f16"), TypeError, "6 words were given, 4 are needed");
  assertThrows(() => hostTensor(new Float32Array(4), [3, 2], "f16"), TypeError, "from a Float32Array");
});

function bothTest(name: string, body: (runtime: Runtime) => Promise<void>): void {
  Deno.test(`reference runtime: ${name}`, () => body(new ReferenceRuntime()));
  gpuTest(`GPU runtime: ${name}`, body);
}

bothTest("an f16 constant, from the device or the host, reaches a kernel and is read back as f32", async (runtime) => {
  for (const shape of [[5, 3], [6, 70]]) {
    const matrix = integers(shape[0]! * shape[1]!);
    const uploaded = runtime.upload(packHalf(matrix, shape), shape, "f16");
    assertEquals(await uploaded.read(), matrix);
    const kept = uploaded.keep();
    assertEquals([kept.dtype, await kept.read()], ["f16", matrix]);
    kept.free();
    const given = hostTensor(packHalf(matrix, shape), shape, "f16");
    const stage = runtime.stage("product", ({ x }: Tensors<"x">) => ({
      uploaded: timesHalf(x, constant(uploaded)),
      given: timesHalf(x, constant(given)),
    }));
    const row = integers(shape[0]!);
    const product = Float32Array.from({ length: shape[1]! }, (_, n) => {
      return row.reduce((sum, value, k) => sum + value * matrix[k * shape[1]! + n]!, 0);
    });
    const results = await stage({ x: runtime.upload(row, [row.length]) }, {});
    assertEquals(await results.uploaded.read(), product);
    assertEquals(await results.given.read(), product);
    stage.release();
    uploaded.free();
  }
});
