import { assert, assertEquals, assertThrows } from "@std/assert";
import { hostTensor, printGraph, ReferenceRuntime, type Tensor, trace } from "../../engine/mod.ts";
import { createOperator, OPERATORS, project } from "../../operators/mod.ts";
import { relativeError } from "../support/close.ts";
import { apply, randomPair } from "./laws.ts";

function traced(shape: readonly number[], body: (x: Tensor) => Tensor): string {
  return printGraph(trace("test", { x: { shape, dtype: "f32" } }, ({ x }) => ({ out: body(x!) })));
}

Deno.test("project() is x - A^+ A x + A^+ y", async () => {
  const operator = createOperator("sr_bicubic", [16, 24, 3], { scale: 4 });
  const { x, y } = randomPair(operator, 3);
  const { actual, apax, apy } = await apply(new ReferenceRuntime(), operator, x, y, (x, y) => ({
    actual: project(operator, x, y),
    apax: operator.pseudoInverse(operator.forward(x)),
    apy: operator.pseudoInverse(y),
  }));
  const expected = x.map((value, i) => value - apax[i]! + apy[i]!);
  assert(relativeError(actual, expected) < 1e-6);
});

Deno.test("the methods of an operator record under its name", () => {
  const operator = createOperator("sr_average", [8, 8, 3], { scale: 2 });
  const text = traced([1, 8, 8, 3], (x) => operator.pseudoInverse(operator.forward(x)));
  assert(text.includes("at sr_average.forward") && text.includes("at sr_average.pseudoInverse"), text);
});

Deno.test("the methods of an operator refuse tensors of another shape", () => {
  const operator = createOperator("sr_average", [8, 12, 3], { scale: 2 });
  const forward = (shape: readonly number[]) => () => traced(shape, (x) => operator.forward(x));
  assertThrows(forward([1, 12, 8, 3]), TypeError, 'forward of "sr_average": x is f32 [1, 12, 8, 3], f32 [N, 8, 12, 3]');
  assertThrows(forward([8, 12, 3]), TypeError, "f32 [N, 8, 12, 3] is needed");
  assertThrows(() => traced([1, 8, 12, 3], (x) => operator.pseudoInverse(x)), TypeError, "f32 [N, 4, 6, 3]");
  assertThrows(() => traced([1, 8, 12, 3], (x) => operator.adjoint(x)), TypeError, 'adjoint of "sr_average": y is');
});

Deno.test("project() refuses batches of different size", () => {
  const operator = createOperator("identity", [4, 4, 3]);
  const types = { x: { shape: [2, 4, 4, 3], dtype: "f32" }, y: { shape: [1, 4, 4, 3], dtype: "f32" } } as const;
  assertThrows(
    () => trace("test", types, ({ x, y }) => ({ out: project(operator, x!, y!) })),
    TypeError,
    "equal batch sizes",
  );
});

Deno.test("createOperator() names the known operators, and the options that an operator takes", () => {
  assertThrows(() => createOperator("sr_bicubik", [8, 8, 3]), RangeError, Array.from(OPERATORS.keys()).join(", "));
  assertThrows(() => createOperator("colorize" as string, [8, 8, 3], { scale: 2 }), RangeError, 'no parameter "scale"');
  assertThrows(() => createOperator("identity", [8, 8, 3], { seed: 2 }), RangeError, "it has none");
  assertThrows(() => createOperator("sr_average", [8, 8, 3]), RangeError, "no scale was given");
});

Deno.test("createOperator() refuses shapes that are not those of an image", () => {
  for (const name of ["colorize", "deblur_gauss", "identity"]) {
    assertThrows(() => createOperator(name, [1, 8, 8, 3]), TypeError, "[1, 8, 8, 3]");
    assertThrows(() => createOperator(name, [8, 8.5, 3]), TypeError, "[8, 8.5, 3]");
    assertThrows(() => createOperator(name, [8, 0, 3]), TypeError, "[8, 0, 3]");
  }
});

Deno.test("sr_average refuses scales that are not positive integers or do not divide the size", () => {
  assertThrows(
    () => createOperator("sr_average", [8, 8, 3], { scale: 1.5 }),
    RangeError,
    "scale is 1.5, an integer of at least 1 is needed",
  );
  assertThrows(() => createOperator("sr_average", [8, 8, 3], { scale: -2 }), RangeError, "scale is -2");
  assertThrows(() => createOperator("sr_average", [8, 10, 3], { scale: 4 }), RangeError, "8 x 10 pixels");
});

Deno.test("colorize refuses weights that do not fit or say nothing", () => {
  assertThrows(() => createOperator("colorize", [8, 8, 1]), TypeError, "3 weights were given, the image has 1");
  assertThrows(() => createOperator("colorize", [8, 8, 2], { weights: [0, 0] }), RangeError, "0, 0");
  assertThrows(() => createOperator("colorize", [8, 8, 2], { weights: [1, Infinity] }), RangeError, "1, Infinity");
});

Deno.test("inpaint takes exactly one description of what is missing", () => {
  const mask = hostTensor(new Float32Array(64), [8, 8]);
  assertThrows(() => createOperator("inpaint", [8, 8, 3], {}), RangeError, "0 of mask, box and missing");
  assertThrows(() => createOperator("inpaint", [8, 8, 3], { mask, missing: 0.5 }), RangeError, "2 of mask, box");
});

Deno.test("inpaint takes masks [H, W], [H, W, 1] and [H, W, C] of zeros and ones, and refuses others", async () => {
  const pixels = Float32Array.of(1, 0, 0, 1);
  const x = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const measured = async (data: Float32Array, shape: readonly number[]): Promise<number[]> => {
    const operator = createOperator("inpaint", [2, 2, 2], { mask: hostTensor(data, shape) });
    const { ax } = await apply(new ReferenceRuntime(), operator, x, x, (x) => ({ ax: operator.forward(x) }));
    return Array.from(ax);
  };
  assertEquals(await measured(pixels, [2, 2]), [1, 2, 0, 0, 0, 0, 7, 8]);
  assertEquals(await measured(pixels, [2, 2, 1]), [1, 2, 0, 0, 0, 0, 7, 8]);
  assertEquals(await measured(Float32Array.of(1, 0, 1, 0, 1, 0, 0, 1), [2, 2, 2]), [1, 0, 3, 0, 5, 0, 0, 8]);
  const build = (data: Float32Array, shape: readonly number[]) => () =>
    createOperator("inpaint", [2, 2, 2], { mask: hostTensor(data, shape) });
  assertThrows(build(pixels, [1, 4]), TypeError, "the mask is [1, 4] and the image is [2, 2, 2]");
  assertThrows(build(Float32Array.of(1, 0, 0.5, 1), [2, 2]), RangeError, "element 2 of the mask is 0.5");
});
