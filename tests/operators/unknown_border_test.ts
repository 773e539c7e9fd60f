/** Blurs of which nothing is known beyond the border, against the dense matrices of their definition. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { hostTensor } from "../../engine/mod.ts";
import { createOperator, type ImagePart, type OperatorOptions } from "../../operators/mod.ts";
import { relativeError } from "../support/close.ts";
import { randomValues } from "../support/random.ts";
import * as define from "./definitions.ts";
import { type Dense, dense, krylov, matrixOf, product, transposed, valuesOf } from "./dense.ts";

const SHAPE: define.Sides = [8, 9, 2];

/** Even along the height, so that its middle is not that of its taps. */
const PSF = hostTensor(Float32Array.of(0.1, 0.3, 0.05, 0.25, 0.2, 0.02, 0.08, 0.1, -0.2, 0.1, 0, 0.1), [4, 3]);

/** All that the kernel does not leave: of 4 rows it reaches 1 up and 2 down. */
const WHOLE: ImagePart = { top: 1, left: 1, height: 5, width: 7 };

/** Within it, and off its middle. */
const PART: ImagePart = { top: 2, left: 1, height: 3, width: 5 };

function isIn({ top, left, height, width }: ImagePart, row: number, column: number): boolean {
  return row >= top && column >= left && row < top + height && column < left + width;
}

/** The matrices A, and E, which mirrors the measured part over the image, of one channel each. */
function matrices(part: ImagePart): { readonly a: Dense; readonly mirror: Dense } {
  const [height, width, channels] = SHAPE;
  const pixels = height * width;
  const whole = define.convolution([height, width], PSF, define.wrapped);
  const at = (pixel: number): readonly [number, number] => [Math.floor(pixel / width), pixel % width];
  const a = dense(pixels, pixels, (i, j) => isIn(part, ...at(i)) ? whole.data[i * pixels + j]! : 0);
  const mirror = dense(pixels, pixels, (i, j) => {
    const [row, column] = at(i);
    const from = (part.top + define.mirrored(row - part.top, part.height)) * width +
      part.left + define.mirrored(column - part.left, part.width);
    return from === j ? 1 : 0;
  });
  return { a: define.everyChannel(a, channels), mirror: define.everyChannel(mirror, channels) };
}

function difference(a: Dense, b: Dense): Dense {
  return { ...a, data: a.data.map((value, i) => value - b.data[i]!) };
}

const built = (options: OperatorOptions) =>
  createOperator("deblur_kernel", SHAPE, { psf: PSF, boundary: "unknown", ...options });

for (const [what, measured, part] of [["by default", undefined, WHOLE], ["in a part", PART, PART]] as const) {
  Deno.test(`a blur with an unknown border measures ${what} as its matrix does, and so do A^T and A^+`, async () => {
    const operator = built({ measured, iterations: 3 });
    const { a, mirror } = matrices(part);
    const forward = await matrixOf((x) => operator.forward(x), SHAPE, SHAPE);
    assert(relativeError(Float32Array.from(forward.data), Float32Array.from(a.data)) < 1e-5, "A");
    const adjoint = await matrixOf((y) => operator.adjoint(y), SHAPE, SHAPE);
    assert(relativeError(Float32Array.from(adjoint.data), Float32Array.from(transposed(a).data)) < 1e-5, "A^T");
    const y: Dense = { rows: a.rows, columns: 1, data: Float64Array.from(randomValues(a.rows, 17)) };
    const start = product(mirror, y);
    const step = krylov(a, difference(y, product(a, start)), 3);
    const expected = Float32Array.from(start.data, (value, i) => value + step.data[i]!);
    const found = await valuesOf((y) => operator.pseudoInverse(y), transposed(y), SHAPE);
    assertEquals(found.length, expected.length);
    assert(relativeError(Float32Array.from(found), expected) < 1e-4, "A^+");
  });
}

Deno.test("what stands for A^+ meets the measurement of an unknown border the nearer the more steps it takes", async () => {
  const { a } = matrices(WHOLE);
  const x: Dense = { rows: 1, columns: a.columns, data: Float64Array.from(randomValues(a.columns, 3)) };
  const ax = Float32Array.from(product(a, transposed(x)).data);
  const errors = [];
  for (const iterations of [2, 8, 64]) {
    const operator = built({ iterations });
    const again = await valuesOf((x) => operator.forward(operator.pseudoInverse(operator.forward(x))), x, SHAPE);
    errors.push(relativeError(Float32Array.from(again), ax));
  }
  assert(errors[1]! < 0.5 * errors[0]! && errors[2]! < 1e-3, errors.join(", "));
});

Deno.test("a kernel that leaves the image, or reaches over it from the measured part, is refused", () => {
  assertThrows(
    () => createOperator("deblur_kernel", [8, 2, 1], { psf: PSF, boundary: "unknown" }),
    RangeError,
    "the image has 8 x 2 pixels",
  );
  for (const off of [{ top: 0 }, { left: 0 }, { height: 6 }, { width: 8 }, { height: 0 }]) {
    const measured = { ...WHOLE, ...off };
    assertThrows(() => built({ measured }), RangeError, `the measured part has ${measured.height} x ${measured.width}`);
  }
});
