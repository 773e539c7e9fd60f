import { assert, assertEquals } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { createOperator, type LinearOperator, OPERATORS, type SpectralForm } from "../../operators/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { relativeError } from "../support/close.ts";
import { apply, lawErrors, randomPair, spectralErrors } from "./laws.ts";

const LIMIT = 1e-5;

/** All laws of an operator; those that hold for A^+ alone are left out where what stands for it is approximate. */
async function allErrors(operator: LinearOperator): Promise<Record<string, number>> {
  const runtime = new ReferenceRuntime();
  const errors = { ...await lawErrors(runtime, operator), ...await spectralErrors(runtime, operator) };
  return operator.isApproximate ? { "<A x, y> = <x, A^T y>": errors["<A x, y> = <x, A^T y>"]! } : errors;
}

for (const [name, { examples }] of OPERATORS) {
  for (const { imageShape, options } of examples) {
    const what = `${name} of [${imageShape.join(", ")}] with ${JSON.stringify(options)}`;
    Deno.test(`${what} obeys the laws of A, A^T and A^+`, async () => {
      const errors = await allErrors(createOperator(name, imageShape, options));
      for (const [law, error] of Object.entries(errors)) assert(error <= LIMIT, `${law}: error ${error}`);
    });
  }
}

Deno.test("every operator of the register has a case for the law tests and says what it measures", () => {
  for (const [name, { about, examples }] of OPERATORS) {
    assert(examples.length > 0, `"${name}" has no example`);
    assert(about.length > 0, `"${name}" does not say what it measures`);
  }
});

Deno.test("the law tests find a wrong adjoint, a wrong pseudo-inverse and a wrong forward map", async () => {
  const right = createOperator("sr_bicubic", [16, 24, 3], { scale: 2 });
  const failed = async (wrong: Partial<LinearOperator>): Promise<string[]> => {
    const errors = await lawErrors(new ReferenceRuntime(), { ...right, ...wrong });
    return Object.keys(errors).filter((law) => !(errors[law]! <= LIMIT));
  };
  assertEquals(await failed({}), []);
  assertEquals(await failed({ adjoint: right.pseudoInverse }), ["<A x, y> = <x, A^T y>"]);
  assertEquals(await failed({ pseudoInverse: right.adjoint }), [
    "A A^+ A = A",
    "A^+ A A^+ = A^+",
    "A project(x, y) = y",
  ]);
  const other = createOperator("sr_average", [16, 24, 3], { scale: 2 });
  assertEquals(await failed({ forward: other.forward }), [
    "<A x, y> = <x, A^T y>",
    "A A^+ A = A",
    "A^+ A A^+ = A^+",
    "A^+ A is symmetric",
    "A project(x, y) = y",
  ]);
});

Deno.test("the law tests find a wrong singular value decomposition", async () => {
  const right = createOperator("sr_bicubic", [16, 24, 3], { scale: 2 });
  const form = right.spectral!();
  const failed = async (wrong: Partial<SpectralForm>): Promise<string[]> => {
    const operator = { ...right, spectral: () => ({ ...form, ...wrong }) };
    const errors = await spectralErrors(new ReferenceRuntime(), operator);
    return Object.keys(errors).filter((law) => !(errors[law]! <= LIMIT));
  };
  assertEquals(await failed({}), []);
  assertEquals(await failed({ toMeasurement: createOperator("sr_average", [16, 24, 3], { scale: 2 }).forward }), [
    "U S V^T x = A x",
  ]);
  assertEquals(await failed({ fromSpectrum: form.toSpectrum }), [
    "V S U^T y = A^T y",
    "V S^+ U^T y = A^+ y",
    "V V^T x = x",
  ]);
});

gpuTest("every operator gives on the GPU what it gives on the CPU", async (runtime) => {
  for (const [name, { examples }] of OPERATORS) {
    for (const { imageShape, options } of examples) {
      const operator = createOperator(name, imageShape, options);
      const { x, y } = randomPair(operator, 5);
      const [actual, expected] = await Promise.all(
        [runtime, new ReferenceRuntime()].map((each) =>
          apply(each, operator, x, y, (x, y) => ({
            forward: operator.forward(x),
            pseudoInverse: operator.pseudoInverse(y),
            adjoint: operator.adjoint(y),
          }))
        ),
      );
      for (const method of ["forward", "pseudoInverse", "adjoint"] as const) {
        const error = relativeError(actual![method], expected![method]);
        assert(error <= LIMIT, `${name}.${method} of [${imageShape.join(", ")}]: error ${error}`);
      }
    }
  }
});
