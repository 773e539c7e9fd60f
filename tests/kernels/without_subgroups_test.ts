/** The forms of the register-blocked kernels for devices without subgroups, on a device that does not have them. */
import { assertEquals } from "@std/assert";
import { elementCount, type Op, type Shape, type Tensor, WebGpuRuntime } from "../../engine/mod.ts";
import { conv2dOp, matmulOp } from "../../kernels/mod.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest, withoutSubgroups } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";

let shared: Promise<WebGpuRuntime> | undefined;

for (const op of [conv2dOp, matmulOp] as readonly Op<unknown>[]) {
  const { name, examples } = op.definition;
  gpuTest(`${name}() without subgroups matches its reference on every example`, async () => {
    const runtime = await (shared ??= WebGpuRuntime.open({ gpu: withoutSubgroups }));
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
