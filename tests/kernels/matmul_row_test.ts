/** Products of few rows as graphics cards compute them: lanes share k. */
import { assertEquals } from "@std/assert";
import { defineOp, type Op, ReferenceRuntime, trace, WebGpuRuntime } from "../../engine/mod.ts";
import { makePlan } from "../../engine/plan.ts";
import { matmul, matmulOp } from "../../kernels/mod.ts";
import { halfExample } from "../../kernels/operands.ts";
import { assertClose } from "../support/close.ts";
import { SOFTWARE_PROFILE } from "../support/device_profile.ts";
import { asGraphicsCard, gpuTest } from "../support/gpu.ts";
import { runExample } from "../support/run_example.ts";
import { runOnce, values } from "./run_once.ts";

const ATTRS = { bias: false, residual: false, factors: false };

/** Rows of every block, k and columns that are no multiples of 4, 16 or 64. */
const EXAMPLES = [
  { inputs: [[1, 260], [260, 132], [132]], attrs: { ...ATTRS, bias: true } },
  { inputs: [[6, 257], [257, 70], [6, 70]], attrs: { ...ATTRS, residual: true } },
  { inputs: [[2, 2, 259], halfExample([2, 259, 66])], attrs: ATTRS },
];

let card: WebGpuRuntime | undefined;

globalThis.addEventListener("unload", () => card?.destroy());

async function open(): Promise<WebGpuRuntime> {
  return card ??= await WebGpuRuntime.open({ gpu: asGraphicsCard });
}

gpuTest("a product of few rows matches its reference on a graphics card", async () => {
  const runtime = await open();
  const op = defineOp({ ...matmulOp.definition, examples: EXAMPLES }) as Op<unknown>;
  for (const index of EXAMPLES.keys()) {
    const expected = await runExample(new ReferenceRuntime(), op, index);
    const actual = await runExample(runtime, op, index);
    actual.forEach((values, k) => assertClose(values, expected[k]!, 1e-6, `example ${index} output ${k}`));
  }
});

gpuTest("a row of a product has the same bits alone and beside others on a graphics card", async () => {
  const runtime = await open();
  const [rows, weight] = [values([6, 257], 1), values([257, 70], 2)];
  const y = await runOnce(runtime, [rows, weight], (a, b) => matmul(a, b));
  const last = { shape: [1, 257], data: rows.data.subarray(5 * 257) };
  assertEquals(await runOnce(runtime, [last, weight], (a, b) => matmul(a, b)), y.subarray(5 * 70));
});

Deno.test("graphics cards share k where rows are few and k is long", () => {
  const labels = (rows: number, inner: number, software = false): readonly string[] => {
    const shapes = { a: [rows, inner], b: [inner, 64] };
    const types = Object.entries(shapes).map(([name, shape]) => [name, { shape, dtype: "f32" as const }]);
    const graph = trace("product", Object.fromEntries(types), ({ a, b }) => ({ y: matmul(a!, b!) }));
    return makePlan(graph, { ...SOFTWARE_PROFILE, software }).dispatches.map(({ label }) => label);
  };
  assertEquals(labels(1, 1024), ["matmul.row"]);
  assertEquals(labels(15, 256), ["matmul.row"]);
  assertEquals(labels(1, 128), ["matmul.vector"]);
  assertEquals(labels(1, 1024, true), ["matmul.vector"]);
  assertEquals(labels(16, 1024).includes("matmul.row"), false);
});
