/** The forms that kernels take on other devices than this: without subgroups, and on a graphics card. */
import { assertEquals } from "@std/assert";
import { type Op, ReferenceRuntime, WebGpuRuntime } from "../../engine/mod.ts";
import { conv2dOp, groupNormOp, inputGradientOp, matmulOp } from "../../kernels/mod.ts";
import { assertClose } from "../support/close.ts";
import { asGraphicsCard, gpuTest, withoutSubgroups } from "../support/gpu.ts";
import { runExample } from "../support/run_example.ts";

const opened = new Map<GPU, Promise<WebGpuRuntime>>();

function open(gpu: GPU): Promise<WebGpuRuntime> {
  const runtime = opened.get(gpu) ?? WebGpuRuntime.open({ gpu });
  opened.set(gpu, runtime);
  return runtime;
}

const DEVICES = [
  { where: "without subgroups", gpu: withoutSubgroups, operations: [conv2dOp, matmulOp] },
  { where: "on a graphics card", gpu: asGraphicsCard, operations: [conv2dOp, matmulOp, groupNormOp, inputGradientOp] },
] as const;

const CASES = DEVICES.flatMap(({ where, gpu, operations }) =>
  (operations as readonly Op<unknown>[]).map((op) => ({ where, gpu, op }))
);

for (const { where, gpu, op } of CASES) {
  const { name, examples } = op.definition;
  gpuTest(`${name}() ${where} matches its reference on every example`, async () => {
    const runtime = await open(gpu);
    assertEquals(runtime.features.includes("subgroups"), false);
    for (const index of examples.keys()) {
      const expected = await runExample(new ReferenceRuntime(), op, index);
      const actual = await runExample(runtime, op, index);
      actual.forEach((values, k) => assertClose(values, expected[k]!, 1e-5, `example ${index} output ${k}`));
    }
  });
}
