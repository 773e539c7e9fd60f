import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { constant, hostTensor, printGraph, scope, type Tensor, trace } from "../../engine/mod.ts";
import { aliasRoots, simplify, splitConstantCalls } from "../../engine/simplify.ts";
import { plus, scaled, viewed } from "../support/toy_ops.ts";

const x23 = { x: { shape: [2, 3], dtype: "f32" as const } };

Deno.test("an operation outside a trace is refused", () => {
  const stray: Tensor = { id: 0, shape: [1], dtype: "f32" };
  assertThrows(() => plus(stray, stray), Error, "Cannot record plus outside a trace");
});

Deno.test("traces do not nest, and a failed trace leaves no recorder behind", () => {
  const nest = (): unknown => trace("outer", x23, () => void trace("inner", x23, () => ({})) as never);
  assertThrows(nest, Error, 'Cannot trace "inner": another trace is being recorded');
  assertEquals(trace("again", x23, ({ x }) => ({ y: scaled(x!, 2) })).calls.length, 1);
});

Deno.test("a tensor of another trace is refused", () => {
  const foreign = trace("one", x23, ({ x }) => ({ y: plus(plus(x!, x!), x!) })).outputs.get("y")!;
  assertThrows(
    () => trace("two", x23, ({ x }) => ({ y: plus(x!, foreign) })),
    Error,
    "an input belongs to another trace",
  );
});

Deno.test("a shape error names the scope", () => {
  const other = hostTensor(new Float32Array(4), [4]);
  const body = ({ x }: Record<string, Tensor>): Record<string, Tensor> => ({
    y: scope("input_blocks", () => scope("3.0", () => plus(x!, constant(other)))),
  });
  assertThrows(() => trace("net", x23, body), TypeError, 'Cannot build plus at "input_blocks.3.0": shapes');
});

Deno.test("the listing names inputs, calls, scopes and outputs", () => {
  const graph = trace("net", x23, ({ x }) => ({ y: scope("block", () => scaled(x!, 2)) }));
  const text = printGraph(graph);
  assertStringIncludes(text, '%0 [2, 3] = input "x"');
  assertStringIncludes(text, "%1 [2, 3] = scaled(%0) at block");
  assertStringIncludes(text, 'output "y" = %1');
});

Deno.test("simplify drops calls nobody uses and merges equal calls", () => {
  const graph = trace("net", x23, ({ x }) => {
    scaled(x!, 5);
    return { y: plus(scaled(x!, 2), scaled(x!, 2)), z: scaled(x!, 3) };
  });
  const { calls, outputs } = simplify(graph);
  assertEquals(calls.map((call) => call.op.name), ["scaled", "plus", "scaled"]);
  assertEquals(calls[1]!.inputs[0]!.id, calls[1]!.inputs[1]!.id);
  assertEquals([...outputs.keys()], ["y", "z"]);
});

Deno.test("calls that differ in a scalar are not merged", () => {
  const graph = trace("net", x23, ({ x }) => ({ y: plus(scaled(x!, { scalar: "a" }), scaled(x!, { scalar: "b" })) }));
  assertEquals(simplify(graph).calls.length, 3);
});

Deno.test("calls on constants alone are split off, those with a scalar are not", () => {
  const matrix = hostTensor(new Float32Array(6), [2, 3]);
  const graph = trace("net", x23, ({ x }) => {
    const weight = scaled(viewed(scaled(constant(matrix), 2), [2, 3]), 3);
    return { y: plus(x!, weight), z: scaled(constant(matrix), { scalar: "s" }) };
  });
  const { prologue, body, folded } = splitConstantCalls(graph);
  assertEquals(prologue.map((call) => call.op.name), ["scaled", "viewed", "scaled"]);
  assertEquals(body.map((call) => call.op.name), ["viewed", "plus", "scaled"]);
  assertEquals(folded.map((t) => t.id), [graph.calls[0]!.outputs[0]!.id, graph.calls[2]!.outputs[0]!.id]);
});

Deno.test("a reshape of a reshape shares the memory of the first value", () => {
  const graph = trace("net", x23, ({ x }) => ({ y: viewed(viewed(plus(x!, x!), [6]), [3, 2]) }));
  const root = aliasRoots(graph.calls);
  assertEquals(root(graph.outputs.get("y")!.id), graph.calls[0]!.outputs[0]!.id);
});
