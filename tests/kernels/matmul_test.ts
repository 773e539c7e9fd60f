import { assertEquals, assertThrows } from "@std/assert";
import { elementCount, ReferenceRuntime, type Runtime, type Shape, type Tensors, trace } from "../../engine/mod.ts";
import { linear, matmul, matmulOp } from "../../kernels/product/matmul.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";

Deno.test("matmul: the reference multiplies item by item, adds bias and residual, and rounds once", async () => {
  const runtime = new ReferenceRuntime();
  const upload = (values: readonly number[], shape: Shape): ReturnType<Runtime["upload"]> =>
    runtime.upload(new Float32Array(values), shape);
  const stage = runtime.stage(
    "products",
    ({ a, b, bias, residual }: Tensors<"a" | "b" | "bias" | "residual">) => ({ y: matmul(a, b, { bias, residual }) }),
  );
  const { y } = await stage({
    a: upload([1, 2, 3, 1, 2 ** 25, 2 ** 25], [2, 1, 3]),
    b: upload([1, 0, 0, 1, 1, 1, 1, 2, 1, 1, -1, 1], [2, 3, 2]),
    bias: upload([10, 20], [2]),
    residual: upload([100, 200, 0.25, 0], [2, 1, 2]),
  }, {});
  // Second item: 1 + 2^25 - 2^25 loses the 1 if rounded on the way.
  const expected = [1 + 3 + 110, 2 + 3 + 220, 1 + 10.25, 2 + 2 ** 26 + 20];
  assertEquals(await y.read(), new Float32Array(expected));
});

gpuTest("linear: any number of rows gives what each row gives alone", async (runtime) => {
  const [inner, columns] = [37, 21];
  const weight = runtime.upload(randomValues(inner * columns, 1), [inner, columns]);
  const bias = runtime.upload(randomValues(columns, 2), [columns]);
  const stage = runtime.stage(
    "linear",
    ({ x, weight, bias }: Tensors<"x" | "weight" | "bias">) => ({ y: linear(x, weight, bias) }),
  );
  const rows = randomValues(35 * inner, 3);
  const apply = async (data: Float32Array, shape: Shape): Promise<Float32Array> =>
    await (await stage({ x: runtime.upload(data, shape), weight, bias }, {})).y.read();
  const single: number[] = [];
  for (let row = 0; row < 35; row++) {
    single.push(...await apply(rows.slice(row * inner, (row + 1) * inner), [inner]));
  }
  for (const count of [1, 2, 3, 5, 8, 13, 16, 17, 35]) {
    const expected = single.slice(0, count * columns);
    assertClose(await apply(rows.slice(0, count * inner), [count, inner]), expected, 1e-6, `${count} rows`);
  }
  assertClose(await apply(rows, [5, 7, inner]), single, 1e-6, "rows in two axes");
});

gpuTest("matmul: what lies beyond the last row of b never enters, be it infinite", async (runtime) => {
  // The second item of b is infinite: it follows the last row of the first.
  const a = randomValues(2 * 3 * 5, 1);
  const b = randomValues(2 * 5 * 9, 2).fill(Infinity, 5 * 9);
  const stage = runtime.stage("tail", ({ a, b }: Tensors<"a" | "b">) => ({ y: matmul(a, b) }));
  const { y } = await stage({ a: runtime.upload(a, [2, 3, 5]), b: runtime.upload(b, [2, 5, 9]) }, {});
  const finite = (await y.read()).map((value) => Number.isFinite(value) ? 1 : 0);
  assertEquals(finite, Float32Array.from({ length: 2 * 3 * 9 }, (_, i) => i < 3 * 9 ? 1 : 0));
});

Deno.test("matmul: what does not fit is refused with what was found and what is needed", () => {
  const message = (a: Shape, b: Shape): string =>
    assertThrows(() => {
      const types = { a: { shape: a, dtype: "f32" }, b: { shape: b, dtype: "f32" } } as const;
      trace("net", types, (tensors) => ({ y: matmul(tensors.a as never, tensors.b as never) }));
    }, TypeError).message;
  assertEquals(message([4, 7], [8, 3]), "Cannot build matmul: a has 7 columns, b [8, 3] expects 8");
  assertEquals(
    message([4, 7], [7]),
    "Cannot build matmul: a has shape [4, 7] and b [7], [..., M, K] and [K, N] or [..., K, N] are needed",
  );
  assertEquals(
    message([2, 4, 7], [3, 7, 5]),
    "Cannot build matmul: a has shape [2, 4, 7] and b [3, 7, 5], the extents before the last two must be equal",
  );
  const attrs = { bias: true, residual: false, factors: false };
  const types = [[4, 7], [7, 3], [4]].map((shape) => ({ shape, dtype: "f32" as const }));
  assertThrows(() => matmulOp.definition.infer(types, attrs), TypeError, "bias has shape [4], [3] is needed");
  assertThrows(
    () => matmulOp.definition.infer(types.slice(0, 2), attrs),
    TypeError,
    "2 inputs were given, 3 are needed (a, b, bias)",
  );
});

Deno.test("matmul: the reference follows the definition in the order of the leading axes", () => {
  for (const { inputs, attrs } of matmulOp.definition.examples) {
    if (attrs.factors || inputs.some((input) => "data" in input)) continue;
    const types = (inputs as readonly Shape[]).map((shape, id) => ({ id, shape, dtype: "f32" as const }));
    const outputs = matmulOp.definition.infer(types, attrs).map((type) => ({ ...type, id: types.length }));
    const call = { op: matmulOp.definition as never, inputs: types, outputs, attrs, scope: "" };
    const data = types.map(({ shape }, k) => randomValues(elementCount(shape), k));
    const [a, b] = data as [Float32Array, Float32Array];
    const [inner = 1, columns = 1] = types[1]?.shape.slice(-2) ?? [];
    const rows = (types[1]?.shape.length ?? 0) > 2 ? types[0]?.shape.at(-2) ?? 1 : Infinity;
    const expected = Float32Array.from({ length: elementCount(outputs[0]?.shape ?? []) }, (_, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      const item = rows === Infinity ? 0 : Math.floor(row / rows);
      let sum = (attrs.bias ? data[2]?.[column] as number : 0) + (attrs.residual ? data.at(-1)?.[i] as number : 0);
      for (let k = 0; k < inner; k++) {
        sum += (a[row * inner + k] as number) * (b[(item * inner + k) * columns + column] as number);
      }
      return sum;
    });
    assertClose(matmulOp.definition.reference(call, data, {})[0] as Float32Array, expected, 1e-6);
  }
});

Deno.test("matmul with factors is the product of the normalised matrix", async () => {
  const [images, rows, inner, columns] = [2, 5, 7, 3];
  const shapes = { a: [images, rows, inner], b: [inner, columns], factors: [3, images, inner] };
  const values = (name: keyof typeof shapes): Float32Array =>
    randomValues(elementCount(shapes[name]), Object.keys(shapes).indexOf(name));
  const runtime = new ReferenceRuntime();
  const stage = runtime.stage("net", ({ a, b, factors }: Tensors<"a" | "b" | "factors">) => ({
    y: matmul(a, b, { factors }),
  }));
  const plain = runtime.stage("plain", ({ a, b }: Tensors<"a" | "b">) => ({ y: matmul(a, b) }));
  const factors = values("factors");
  const normalised = values("a").map((value, i) => {
    const at = Math.floor(i / (rows * inner)) * inner + i % inner;
    return (value - factors[at]!) * factors[images * inner + at]! + factors[2 * images * inner + at]!;
  });
  const b = runtime.upload(values("b"), shapes.b);
  const { y } = await stage({
    a: runtime.upload(values("a"), shapes.a),
    b,
    factors: runtime.upload(factors, shapes.factors),
  }, {});
  const { y: expected } = await plain({ a: runtime.upload(normalised, shapes.a), b }, {});
  assertClose(await y.read(), await expected.read(), 1e-6);
});
