/** Laws of the register: every example of every operation, and what each definition must hold. */
import { assert, assertEquals } from "@std/assert";
import { type Op, ReferenceRuntime, trace } from "../../engine/mod.ts";
import * as register from "../../kernels/mod.ts";
import { readRepository } from "../support/architecture.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { runExample } from "../support/run_example.ts";

/** Operations whose results must agree bit by bit on every adapter. */
const EXACT = new Set(["randomNormal", "reshape", "gatherRows", "concatChannels", "sliceChannels"]);

const LIMIT = 1e-5;

const exported: readonly unknown[] = Object.values(register);

const operations = exported.filter((entry): entry is Op<unknown> =>
  typeof entry === "function" && "definition" in entry
);

Deno.test("the register holds every operation file, each with at least two examples", async () => {
  const names = new Set(operations.map((op) => op.definition.name));
  assertEquals(names.size, operations.length, "operation names are distinct");
  for (const { definition } of operations) {
    assert(definition.examples.length >= 2, `${definition.name} has fewer than two examples`);
  }
  const register = await Deno.readTextFile(new URL("../../kernels/mod.ts", import.meta.url));
  let found = 0;
  for (const [path, text] of await readRepository()) {
    if (!path.startsWith("kernels/") || !/\b(defineOp|pointwise)[<(]/.test(text)) continue;
    found++;
    assert(register.includes(`"./${path.slice("kernels/".length)}"`), `${path} is missing in the register`);
  }
  assert(found > 30, `${found} operation files`);
});

for (const op of operations) {
  const { name, examples } = op.definition;
  gpuTest(`${name}() matches its reference on every example`, async (runtime) => {
    for (const index of examples.keys()) {
      const expected = await runExample(new ReferenceRuntime(), op, index);
      const actual = await runExample(runtime, op, index);
      assertEquals(actual.length, expected.length);
      for (const [k, values] of actual.entries()) {
        const reference = expected[k] as Float32Array;
        const what = `${name} example ${index} output ${k}`;
        if (EXACT.has(name)) assertEquals(values, reference, what);
        else assertClose(values, reference, LIMIT, what);
      }
    }
  });

  if (examples.some(({ inputs }) => inputs.length > 1)) {
    gpuTest(`${name}() matches its reference on every example with constants`, async (runtime) => {
      for (const index of examples.keys()) {
        const expected = await runExample(new ReferenceRuntime(), op, index);
        const actual = await runExample(runtime, op, index, true);
        for (const [k, values] of actual.entries()) {
          assertClose(values, expected[k] as Float32Array, LIMIT, `${name} example ${index} output ${k}`);
        }
      }
    });
  }

  gpuTest(`${name}() gives the same bits twice`, async (runtime) => {
    const [first, second] = [await runExample(runtime, op, 0), await runExample(runtime, op, 0)];
    assertEquals(first, second);
  });

  Deno.test(`${name}() states a finite, positive cost in bytes`, () => {
    for (const example of examples) {
      const types = Object.fromEntries(example.inputs.map((input, k) => {
        return [`x${k}`, "data" in input ? input : { shape: input, dtype: "f32" as const }];
      }));
      const graph = trace(name, types, (tensors) => {
        return Object.fromEntries(op(Object.values(tensors), example.attrs).map((t, k) => [`y${k}`, t]));
      });
      const { flops, bytes } = op.definition.cost(graph.calls.at(-1) as never);
      assert(Number.isFinite(flops) && flops >= 0, `${name}: ${flops} operations`);
      assert(Number.isFinite(bytes) && (bytes > 0 || op.definition.alias), `${name}: ${bytes} bytes`);
    }
  });
}
