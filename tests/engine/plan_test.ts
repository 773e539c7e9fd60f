import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { assignSlots, type Lifetime } from "../../engine/arena.ts";
import {
  type Call,
  constant,
  defineOp,
  DeviceLimitError,
  type Dispatch,
  hostTensor,
  type Plan,
  printPlan,
  scope,
  type Shape,
  ShapeOnly,
  type Target,
  type Tensor,
  trace,
} from "../../engine/mod.ts";
import { orderCalls, peakBytes } from "../../engine/order.ts";
import { makePlan } from "../../engine/plan.ts";
import { elementwise } from "../../kernels/text/wgsl.ts";
import { gpuTest, sharedRuntime } from "../support/gpu.ts";
import { SOFTWARE_PROFILE } from "../support/device_profile.ts";
import { randomValues } from "../support/random.ts";
import { modest, plus, preparedPlus, scaled, viewed } from "../support/toy_ops.ts";

const x = (count: number): Record<string, { shape: number[]; dtype: "f32" }> => ({
  x: { shape: [count], dtype: "f32" },
});

Deno.test("values with overlapping lifetimes never share a slot, and every value fits its slot", () => {
  const numbers = randomValues(3 * 200, 7);
  const lifetimes: Lifetime[] = Array.from({ length: 200 }, (_, id) => {
    const [a, b, c] = [0, 1, 2].map((k) => (numbers[3 * id + k]! + 1) / 2);
    const first = Math.floor(a! * 100);
    return { id, bytes: 4 + 4 * Math.floor(c! * 1000), first, last: first + Math.floor(b! * 20) };
  });
  const { slotOf, slotBytes } = assignSlots(lifetimes);
  for (const one of lifetimes) {
    assert(one.bytes <= slotBytes[slotOf.get(one.id)!]!);
    for (const other of lifetimes) {
      if (one === other || slotOf.get(one.id) !== slotOf.get(other.id)) continue;
      assert(one.last < other.first || other.last < one.first, `${one.id} and ${other.id} overlap`);
    }
  }
  assert(slotBytes.length < 60, `${slotBytes.length} slots for 200 values of which about 20 live at once`);
});

Deno.test("a chain of calls runs in two slots besides its input", () => {
  const graph = trace("chain", x(100), ({ x }) => {
    let y = x!;
    for (let k = 0; k < 20; k++) y = scaled(y, k + 2);
    return { y };
  });
  const plan = makePlan(graph, SOFTWARE_PROFILE);
  assertEquals(plan.slotBytes, [400, 400, 400]);
  assertEquals(plan.dispatches.length, 20);
});

Deno.test("the order keeps few values alive where the trace makes many first", () => {
  const graph = trace("wide", x(100), ({ x }) => {
    const parts = Array.from({ length: 10 }, (_, k) => scaled(x!, k + 2));
    return { y: parts.reduce((sum, part) => plus(sum, part)) };
  });
  assertEquals(peakBytes(graph, graph.calls), 11 * 400);
  assertEquals(peakBytes(graph, orderCalls(graph)), 3 * 400);
});

Deno.test("a result that is an output stays in memory to the end, also where others read it", () => {
  const graph = trace("outputs", x(100), ({ x }) => {
    const a = scaled(x!, 2);
    const b = scaled(a, 3);
    return { a, b, c: scaled(b, 4) };
  });
  assertEquals(peakBytes(graph, graph.calls), 3 * 400);
});

Deno.test("the cost of a call stands at the first of its dispatches alone", () => {
  const once = ({ inputs: [from], outputs: [to] }: Call, target: Target): Dispatch =>
    elementwise("step", target, { read: { from: from! }, write: { to: to! }, body: "to[i] = from[i];" });
  const twiceOp = defineOp<Record<string, never>>({
    name: "twice",
    infer: ([x]) => [x!],
    reference: (_, [x]) => [x!],
    lower: (call, target) => [once(call, target), once(call, target)],
    cost: () => ({ flops: 7, bytes: 11 }),
    examples: [],
  });
  const graph = trace("twice", x(100), ({ x }) => ({ y: twiceOp([x!], {})[0]! }));
  const { dispatches } = makePlan(graph, SOFTWARE_PROFILE);
  assertEquals(dispatches.map(({ flops, bytes }) => [flops, bytes]), [[7, 11], [0, 0]]);
});

Deno.test("each scalar has one entry, however often and in whatever order calls name it", () => {
  const graph = trace("scalars", x(4), ({ x }) => {
    const [a, b] = [{ scalar: "a" }, { scalar: "b" }];
    return { y: scaled(scaled(scaled(scaled(x!, a), b), a), b) };
  });
  assertEquals(makePlan(graph, SOFTWARE_PROFILE).scalars, ["a", "b"]);
});

Deno.test("a reshape takes no dispatch and no slot of its own", () => {
  const graph = trace("view", x(6), ({ x }) => ({ y: scaled(viewed(scaled(x!, 2), [2, 3]), 3) }));
  const plan = makePlan(graph, SOFTWARE_PROFILE);
  assertEquals(plan.dispatches.length, 2);
  assertEquals(plan.slotBytes.length, 3);
});

Deno.test("a tensor that a binding does not hold, nor a part of it, is refused with its scope, its bytes and the limit", () => {
  const graph = trace("big", x(1000), ({ x }) => ({ y: scaled(x!, 2) }));
  assertThrows(
    () => makePlan(graph, { ...SOFTWARE_PROFILE, maxBindingBytes: 200 }),
    DeviceLimitError,
    "buffer of tensor [1000] needs 4000 bytes, the device binds at most 200 (maxStorageBufferBindingSize)",
  );
});

Deno.test("more scalars than the uniform holds are refused", () => {
  const graph = trace("many", x(4), ({ x }) => {
    let y = x!;
    for (let k = 0; k < 65; k++) y = scaled(y, { scalar: `s${k}` });
    return { y };
  });
  assertThrows(
    () => makePlan(graph, SOFTWARE_PROFILE),
    DeviceLimitError,
    "it uses 65 scalars, a stage has room for 64",
  );
});

Deno.test("an output that is an input itself is refused", () => {
  const same = ({ x }: Record<string, Tensor>): Record<string, Tensor> => ({ y: viewed(x!, [2, 2]) });
  assertThrows(
    () => makePlan(trace("same", x(4), same), SOFTWARE_PROFILE),
    TypeError,
    'output "y" is the input "x" itself',
  );
});

Deno.test("a plan prints dispatches with scope, grid and slots", () => {
  const graph = trace("chain", x(100), ({ x }) => ({ y: scaled(scaled(x!, 2), { scalar: "gain" }) }));
  const text = printPlan(makePlan(graph, SOFTWARE_PROFILE));
  assertStringIncludes(text, "plan chain: 2 dispatches, 3 slots of 1200 bytes, 0 constants, 2 pipelines");
  assertStringIncludes(text, "scalars: gain");
  assertStringIncludes(text, "0 scaled at - grid 2x1x1: slot 0 -> slot 1 [100]");
});

Deno.test("constants are prepared within the budget, first those that serve the most operations per byte", () => {
  const [once, twice] = [1, 2].map((value) => hostTensor(new Float32Array(100).fill(value), [100]));
  const graph = trace("prepared", x(100), ({ x }) => {
    const [a, b] = [constant(once!), constant(twice!)];
    return { y: preparedPlus(preparedPlus(preparedPlus(x!, a), b), b) };
  });
  const plan = (preparedBytes: number): Plan => makePlan(graph, { ...SOFTWARE_PROFILE, preparedBytes });
  assertEquals(makePlan(graph, SOFTWARE_PROFILE).prepared.length, 2);
  assertEquals(plan(800).prepared.length, 2);
  assertEquals(plan(399).prepared.length, 0);
  const within = plan(400);
  const sources = within.prepared.map(({ inputs: [source] }) => graph.constants.get(source!.id));
  assert(sources.length === 1 && sources[0] === twice, "the weight of two calls goes before the weight of one");
  assertEquals(within.dispatches.filter(({ wgsl }) => wgsl.includes("0.5 * weight")).length, 2);
  assertEquals([...within.constants.values()].length, 1, "the other weight is read as it is");
});

Deno.test("what is asked for in place of a refused constant is prepared while there is room", () => {
  const weight = hostTensor(new Float32Array(100), [100]);
  const graph = trace("modest", x(100), ({ x }) => ({ y: modest(x!, constant(weight)) }));
  const shapes = (preparedBytes: number): readonly Shape[] =>
    makePlan(graph, { ...SOFTWARE_PROFILE, preparedBytes }).prepared.map(({ outputs: [output] }) => output!.shape);
  assertEquals(shapes(1600), [[4, 100]]);
  assertEquals(shapes(1599), [[100]]);
  assertEquals(shapes(399), []);
});

gpuTest("a runtime plans a recording whose constants have shapes alone as it plans a stage with values", async () => {
  const runtime = await sharedRuntime();
  const source = hostTensor(randomValues(64, 1), [64]);
  const body = (x: Tensor, weight: Tensor): Tensor => plus(scaled(plus(x, scaled(weight, 2)), 3), weight);
  const graph = trace("shapes", x(64), ({ x }) => ({ y: body(x!, constant(new ShapeOnly(source))) }));
  const stage = runtime.stage("values", ({ x }: { readonly x: Tensor }) => ({ y: body(x, constant(source)) }));
  await stage({ x: runtime.upload(randomValues(64, 2), [64]) }, {});
  const [planned, built] = [runtime.plan(graph), runtime.statistics().plans.get("values")!];
  assertEquals(planned.dispatches.map(({ label }) => label), built.dispatches.map(({ label }) => label));
  assertEquals(planned.slotBytes, built.slotBytes);
  // What depends on constants alone is one: computed before, not planned.
  assertEquals(planned.constants.size, built.constants.size);
  assertEquals(planned.constants.size, 2);
});

/** Scales by a number that JSON does not tell from others, in two dispatches with a tensor between them. */
const twice = defineOp<{ readonly factor: number }>({
  name: "twice",
  infer: ([x]) => [x!],
  reference: (_call, [x]) => [x!],
  lower({ inputs: [x], outputs: [y], attrs: { factor } }, target): readonly Dispatch[] {
    const between = target.scratch(x!.shape);
    const [bits] = new Uint32Array(Float32Array.of(factor).buffer);
    return [
      elementwise("twice.first", target, { read: { x: x! }, write: { y: between }, body: "y[i] = x[i];" }),
      elementwise("twice.second", target, {
        read: { x: between },
        write: { y: y! },
        params: { factor: bits! },
        body: "y[i] = bitcast<f32>(params.factor) * x[i];",
      }),
    ];
  },
  cost: () => ({ flops: 1, bytes: 1 }),
  examples: [],
});

Deno.test("calls that differ in tensors alone are lowered once, with tensors of their own between dispatches", () => {
  const factors = [0, 0, -0, Infinity, -Infinity];
  const graph = trace("like", x(6), ({ x }) => ({
    y: factors.reduce((y, factor, k) => scope(`${k}`, () => twice([y], { factor })[0]!), x!),
  }));
  const { dispatches } = makePlan(graph, SOFTWARE_PROFILE);
  const seconds = dispatches.filter(({ label }) => label === "twice.second");
  assertEquals(seconds.map(({ scope }) => scope), ["0", "1", "2", "3", "4"]);
  assertEquals(
    seconds.map(({ params }) => params![1]),
    factors.map((factor) => new Uint32Array(Float32Array.of(factor).buffer)[0]),
  );
  const tensors = dispatches.map(({ bindings: [from, to] }) => [from!.tensor.id, to!.tensor.id]);
  assertEquals(tensors.slice(1).map(([from]) => from), tensors.slice(0, -1).map(([, to]) => to));
  assertEquals(new Set(tensors.flat()).size, 11);
});
