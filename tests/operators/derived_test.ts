/** What is derived from a forward map: the adjoint of every operator, and operators of one's own. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ReferenceRuntime, type Tensor } from "../../engine/mod.ts";
import { averagePool, mul } from "../../kernels/mod.ts";
import { adjointOf, createOperator, OPERATORS, ownOperator, pullBack } from "../../operators/mod.ts";
import { relativeError } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { apply, lawErrors, randomPair } from "./laws.ts";

const LIMIT = 1e-5;

for (const [name, { examples }] of OPERATORS) {
  for (const { imageShape, options } of examples) {
    Deno.test(`the derived adjoint of ${name} of [${imageShape}] with ${JSON.stringify(options)} is its own`, async () => {
      const operator = createOperator(name, imageShape, options);
      const { x, y } = randomPair(operator, 21);
      const derived = adjointOf(operator);
      const { own, found } = await apply(new ReferenceRuntime(), operator, x, y, (_, y) => ({
        own: operator.adjoint(y),
        found: derived(y),
      }));
      const error = relativeError(found, own);
      assert(error <= LIMIT, `error ${error}`);
    });
  }
}

gpuTest("the derived adjoint of every operator is its own on the GPU", async (runtime) => {
  for (const [name, { examples }] of OPERATORS) {
    const { imageShape, options } = examples[0]!;
    const operator = createOperator(name, imageShape, options);
    const { x, y } = randomPair(operator, 23);
    const { own, found } = await apply(runtime, operator, x, y, (_, y) => ({
      own: operator.adjoint(y),
      found: adjointOf(operator)(y),
    }));
    const error = relativeError(found, own);
    assert(error <= LIMIT, `${name}: error ${error}`);
  }
});

Deno.test("an operator of a forward map alone obeys the laws of A, A^T and A^+", async () => {
  const operator = ownOperator({
    name: "mean",
    imageShape: [6, 8, 2],
    measurementShape: [3, 4, 2],
    forward: (x) => averagePool(x, 2),
  });
  assertEquals(operator.isApproximate, true);
  for (const [law, error] of Object.entries(await lawErrors(new ReferenceRuntime(), operator))) {
    assert(error <= LIMIT, `${law}: error ${error}`);
  }
});

Deno.test("pullBack() is the transposed derivative of a map that is not linear", async () => {
  const operator = createOperator("identity", [2, 3, 1]);
  const { x, y } = randomPair(operator, 3);
  const { found } = await apply(new ReferenceRuntime(), operator, x, y, (x, y) => ({
    found: pullBack((x) => mul(x, x), x, y),
  }));
  assert(relativeError(found, x.map((value, i) => 2 * value * y[i]!)) <= LIMIT);
});

Deno.test("an operator of one's own says what is wrong with its map", async () => {
  const shapes = { name: "mine", imageShape: [4, 4, 1], measurementShape: [2, 2, 1] };
  const run = async (forward: (x: Tensor) => Tensor): Promise<unknown> => {
    const operator = ownOperator({ ...shapes, forward });
    const { x, y } = randomPair(operator, 3);
    return await apply(new ReferenceRuntime(), operator, x, y, (_, y) => ({ x: operator.adjoint(y) }));
  };
  await assertRejects(
    () => run((x) => x),
    TypeError,
    'Cannot apply forward of "mine": its map gives [2, 4, 4, 1], the measurement shape says [2, 2, 2, 1]',
  );
});
