/** The reverse pass over a trace: what it records, where, and what it keeps in memory. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  checkpoint,
  constant,
  type Graph,
  hostTensor,
  ReferenceRuntime,
  scope,
  type Tensor,
  trace,
} from "../../engine/mod.ts";
import { orderCalls, peakBytes } from "../../engine/order.ts";
import { simplify } from "../../engine/simplify.ts";
import {
  averagePool,
  gradient,
  mul,
  randomNormal,
  sampleDot,
  silu,
  sqrt,
  upsampleNearest,
  weightedSum,
} from "../../kernels/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { plus } from "../support/toy_ops.ts";

const SIDE = 32;
const TYPES = { x: { shape: [1, SIDE, SIDE, 4], dtype: "f32" as const } };
const BYTES = 4 * SIDE * SIDE * 4;

/** Blocks of four operations, each of which needs its input for its gradient. */
function network(x: Tensor, blocks: number, within: (body: () => Tensor) => Tensor): Tensor {
  let h = x;
  for (let block = 0; block < blocks; block++) {
    h = scope(`block.${block}`, () => within(() => mul(silu(silu(silu(h))), h)));
  }
  return h;
}

function traced(blocks: number, within: (body: () => Tensor) => Tensor): Graph {
  return simplify(trace("net", TYPES, ({ x }) => {
    const y = network(x!, blocks, within);
    return { dx: gradient(sampleDot(y, y), [x!])[0]! };
  }));
}

const kept = (body: () => Tensor): Tensor => body();

function peakOf(graph: Graph): number {
  return peakBytes(graph, orderCalls(graph)) / BYTES;
}

Deno.test("gradient() records calls at the scope of what they differentiate, marked as backward", () => {
  const graph = traced(2, kept);
  const scopes = new Set(graph.calls.map((call) => call.scope));
  assertEquals(
    [...scopes],
    ["block.0", "block.1", "backward", "block.1.backward", "block.0.backward"],
  );
});

Deno.test("gradient() walks only what depends on the tensors in question", () => {
  const graph = simplify(trace("part", TYPES, ({ x }) => {
    const fixed = silu(x!);
    const h = silu(fixed);
    return { dh: gradient(sampleDot(h, fixed), [h])[0]! };
  }));
  assertEquals(graph.calls.filter(({ op }) => op.name === "siluGradient").length, 0);
});

Deno.test("gradient() is zero for a tensor that the loss does not depend on", async () => {
  const runtime = new ReferenceRuntime();
  const stage = runtime.stage("zero", ({ x }: { readonly x: Tensor }) => {
    const z = silu(x);
    return { dz: gradient(sampleDot(x, x), [z])[0]! };
  });
  const { dz } = await stage({ x: runtime.upload(Float32Array.of(1, 2), [1, 2]) }, {});
  assertEquals(await dz.read(), Float32Array.of(0, 0));
});

Deno.test("gradient() names the operation without a gradient and where it stands", () => {
  const build = (): Graph =>
    trace("none", TYPES, ({ x }) => {
      const y = scope("noise", () => plus(x!, x!));
      return { dx: gradient(sampleDot(y, y), [x!])[0]! };
    });
  assertThrows(
    build,
    TypeError,
    'Cannot differentiate plus at "noise": it has no gradient; add a vjp to its definition',
  );
});

Deno.test("gradient() passes beside an operation without a gradient that does not depend on the input", () => {
  trace("beside", TYPES, ({ x }) => {
    const y = mul(x!, randomNormal(TYPES.x.shape, [1]));
    return { dx: gradient(sampleDot(y, y), [x!])[0]! };
  });
});

Deno.test("checkpoint() keeps the peak memory of a gradient near that of one block, in any order of execution", () => {
  const [without, eight, sixteen] = [traced(8, kept), traced(8, checkpoint), traced(16, checkpoint)].map(peakOf);
  assert(without! > 8 * 3, `without a checkpoint ${without} tensors are live`);
  // A block boundary for each block, and what one block needs.
  assert(eight! <= 8 + 7, `8 blocks with checkpoints keep ${eight} tensors`);
  assert(sixteen! - eight! <= 8, `8 more blocks keep ${sixteen! - eight!} more tensors`);
});

Deno.test("a recomputation waits for the cotangents of its segment, even where it would free memory to run early", () => {
  const graph = simplify(trace("wide", TYPES, ({ x }) => {
    // Many tensors made long before they are added: in another order than that of the trace they need less memory.
    const terms = Array.from({ length: 8 }, (_, k) => weightedSum([[k + 2, x!]]));
    const small = scope("block", () => checkpoint(() => silu(silu(averagePool(x!, 4)))));
    const sum = terms.reduce((sum, term) => weightedSum([[1, sum], [1, term]]));
    const large = silu(upsampleNearest(small, 4));
    const loss = weightedSum([[1, sampleDot(large, large)], [1, sampleDot(sum, sum)]]);
    return { sum, dx: gradient(loss, [x!])[0]! };
  }));
  const order = orderCalls(graph);
  assert(order !== graph.calls, "the order of the trace was kept");
  const done = new Set<number>();
  let waited = 0;
  for (const call of order) {
    for (const { id } of call.recomputation?.after ?? []) {
      assert(done.has(id), `${call.op.name} at ${call.scope} ran before cotangent ${id}`);
      waited++;
    }
    call.outputs.forEach(({ id }) => done.add(id));
  }
  assert(waited > 0);
  const again = new Set(graph.calls.filter((call) => call.recomputation).map((call) => call.scope));
  assert(again.has("block.recomputed") && again.has("block.backward"), [...again].join());
});

Deno.test("a recomputation takes what depends on constants alone as it is", () => {
  const graph = simplify(trace("fixed", TYPES, ({ x }) => {
    const weight = constant(hostTensor(randomValues(BYTES / 4, 1), TYPES.x.shape));
    const y = checkpoint(() => mul(silu(x!), silu(weight)));
    return { dx: gradient(sampleDot(y, y), [x!])[0]! };
  }));
  assertEquals(graph.calls.filter((call) => call.inputs.some(({ id }) => graph.constants.has(id))).length, 1);
});

Deno.test("a recomputation leaves out what passes on to later calls, as they keep it in any case", () => {
  const body = (x: Tensor): Tensor => checkpoint(() => sqrt(sqrt(sqrt(x))));
  const graph = simplify(trace("chain", TYPES, ({ x }) => {
    const y = body(body(x!));
    return { dx: gradient(sampleDot(y, y), [x!])[0]! };
  }));
  const again = graph.calls.filter(({ op, recomputation }) => op.name === "sqrt" && recomputation);
  // Each root needs its result for its gradient: two of three are computed again, the third has left the segment.
  assertEquals(again.length, 4);
});

for (
  const [name, within] of [
    ["checkpoint()", checkpoint],
    ["a checkpoint in a checkpoint", (body: () => Tensor): Tensor => checkpoint(() => silu(checkpoint(body)))],
  ] as const
) {
  gpuTest(`${name} changes no bit of a gradient`, async (runtime) => {
    const plainly = name === "checkpoint()" ? kept : (body: () => Tensor): Tensor => silu(body());
    const results: Float32Array[] = [];
    for (const form of [plainly, within]) {
      const stage = runtime.stage("net", ({ x }: { readonly x: Tensor }) => {
        const y = network(x, 3, form);
        return { dx: gradient(sampleDot(y, y), [x])[0]! };
      });
      const { dx } = await stage({ x: runtime.upload(randomValues(BYTES / 4, 3), TYPES.x.shape) }, {});
      results.push(await dx.read());
    }
    assertEquals(results[1], results[0]);
    assert(results[0]!.some((value) => value !== 0));
  });
}

Deno.test("a checkpoint passes on records, and what is inside can be differentiated by", async () => {
  const runtime = new ReferenceRuntime();
  const stage = runtime.stage("inside", ({ x }: { readonly x: Tensor }) => {
    const { h, y } = checkpoint(() => {
      const h = weightedSum([[3, x]]);
      return { h, y: mul(h, h) };
    });
    const [dh, dx] = gradient(sampleDot(y, y), [h, x]);
    return { dh: dh!, dx: dx! };
  });
  const { dh, dx } = await stage({ x: runtime.upload(Float32Array.of(1, 2), [1, 2]) }, {});
  // The loss is h^4 with h = 3 x.
  assertEquals(await dh.read(), Float32Array.of(4 * 27, 4 * 216));
  assertEquals(await dx.read(), Float32Array.of(12 * 27, 12 * 216));
});

Deno.test("a loss inside a checkpoint has the gradient that it has outside", async () => {
  for (const within of [(body: () => Tensor): Tensor => body(), checkpoint]) {
    const runtime = new ReferenceRuntime();
    const stage = runtime.stage("loss", ({ x }: { readonly x: Tensor }) => ({
      dx: gradient(within(() => sampleDot(mul(x, x), x)), [x])[0]!,
    }));
    const { dx } = await stage({ x: runtime.upload(Float32Array.of(1, 2), [1, 2]) }, {});
    // The loss is x^3.
    assertEquals(await dx.read(), Float32Array.of(3, 12));
  }
});

Deno.test("values that are held count as fixed, also inside a checkpoint", async () => {
  for (const within of [kept, checkpoint]) {
    const runtime = new ReferenceRuntime();
    const stage = runtime.stage("held", ({ x }: { readonly x: Tensor }) => {
      let square = x;
      const y = within(() => {
        square = mul(x, x);
        return mul(square, x);
      });
      const [free] = gradient(sampleDot(y, square), [x]);
      const [held] = gradient(sampleDot(y, square), [x], [square]);
      return { free: free!, held: held! };
    });
    const { free, held } = await stage({ x: runtime.upload(Float32Array.of(1, 2), [1, 2]) }, {});
    // The loss is x^5; with x^2 held it is c^2 x, whose derivative is c^2 = x^4.
    assertEquals(await free.read(), Float32Array.of(5, 80));
    assertEquals(await held.read(), Float32Array.of(1, 16));
  }
});

gpuTest("gradient() of a batch gives the bytes of single runs", async (runtime) => {
  const data = randomValues(3 * BYTES / 4, 5);
  const run = async (images: number, part: Float32Array): Promise<Float32Array> => {
    const stage = runtime.stage(`batch of ${images}`, ({ x }: { readonly x: Tensor }) => {
      const y = network(x, 2, checkpoint);
      return { dx: gradient(sampleDot(y, y), [x])[0]! };
    });
    return await (await stage({ x: runtime.upload(part, [images, SIDE, SIDE, 4]) }, {})).dx.read();
  };
  const together = await run(3, data);
  const size = BYTES / 4;
  for (let n = 0; n < 3; n++) {
    assertEquals(await run(1, data.slice(n * size, (n + 1) * size)), together.slice(n * size, (n + 1) * size));
  }
});
