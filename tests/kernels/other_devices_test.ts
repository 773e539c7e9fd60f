/** The forms that kernels take on other devices than this: without subgroups, and on a graphics card. */
import { assertEquals } from "@std/assert";
import { elementCount, type Op, type Shape, type Tensor, WebGpuRuntime } from "../../engine/mod.ts";
import { conv2dOp, groupNormOp, matmulOp } from "../../kernels/mod.ts";
import { assertClose } from "../support/close.ts";
import { asGraphicsCard, gpuTest, withoutSubgroups } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";

const opened = new Map<GPU, Promise<WebGpuRuntime>>();

function open(gpu: GPU): Promise<WebGpuRuntime> {
  const runtime = opened.get(gpu) ?? WebGpuRuntime.open({ gpu });
  opened.set(gpu, runtime);
  return runtime;
}

const DEVICES = [
  { where: "without subgroups", gpu: withoutSubgroups, operations: [conv2dOp, matmulOp] },
  { where: "on a graphics card", gpu: asGraphicsCard, operations: [conv2dOp, matmulOp, groupNormOp] },
] as const;

const CASES = DEVICES.flatMap(({ where, gpu, operations }) =>
  (operations as readonly Op<unknown>[]).map((op) => ({ where, gpu, op }))
);

for (const { where, gpu, op } of CASES) {
  const { name, examples } = op.definition;
  gpuTest(`${name}() ${where} matches its reference on every example`, async () => {
    const runtime = await open(gpu);
    assertEquals(runtime.features.includes("subgroups"), false);
    for (const [index, example] of examples.entries()) {
      const shapes = example.inputs as readonly Shape[];
      const data = shapes.map((shape, k) => randomValues(elementCount(shape), 31 * index + k));
      const stage = runtime.stage(`${name} ${index}`, (tensors: Record<string, Tensor>) => {
        const [y] = op(Object.values(tensors), example.attrs);
        return { y: y as Tensor };
      });
      const uploaded = shapes.map((shape, k) => [`x${k}`, runtime.upload(data[k] as Float32Array, shape)] as const);
      const { y } = await stage(Object.fromEntries(uploaded), {});
      const types = shapes.map((shape, id) => ({ id, shape, dtype: "f32" as const }));
      const outputs = op.definition.infer(types, example.attrs).map((type) => ({ ...type, id: types.length }));
      const call = { op: op.definition, inputs: types, outputs, attrs: example.attrs, scope: "" };
      const [expected] = op.definition.reference(call, data, {});
      assertClose(await y.read(), expected as Float32Array, 1e-5, `example ${index}`);
    }
  });
}
