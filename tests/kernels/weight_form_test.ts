import { assert, assertEquals } from "@std/assert";
import {
  constant,
  type DeviceTensor,
  elementCount,
  type Plan,
  type Preferences,
  type Shape,
  type Tensor,
  type Tensors,
  trace,
  WebGpuRuntime,
} from "../../engine/mod.ts";
import { conv2d, matmul } from "../../kernels/mod.ts";
import { makePlan } from "../../engine/plan.ts";
import { BufferStore } from "../../engine/webgpu/buffers.ts";
import { openDevice } from "../../engine/webgpu/device.ts";
import { fasterForm } from "../../engine/webgpu/weight_probe.ts";
import { ShapeOnly } from "../../engine/shape_only.ts";
import { randomValues } from "../support/random.ts";
import { SOFTWARE_PROFILE } from "../support/device_profile.ts";

interface Case {
  readonly operation: "weights" | "winogradWeights";
  readonly preferences: Preferences;
  readonly x: Shape;
  readonly weight: Shape;
  readonly record: (x: Tensor, weight: Tensor) => Tensor;
}

const CASES: Readonly<Record<string, Case>> = {
  winograd: {
    operation: "winogradWeights",
    preferences: { conv2d: "winograd4" },
    x: [2, 9, 14, 12],
    weight: [3, 3, 12, 40],
    record: (x, weight) => conv2d(x, weight, { padding: 1 }),
  },
  direct: {
    operation: "weights",
    preferences: { conv2d: "direct" },
    x: [1, 7, 9, 10],
    weight: [3, 3, 10, 19],
    record: (x, weight) => conv2d(x, weight, { padding: 1, stride: 2 }),
  },
  product: { operation: "weights", preferences: {}, x: [11, 13], weight: [13, 37], record: (x, w) => matmul(x, w) },
};

for (const [name, { operation, preferences, x, weight, record }] of Object.entries(CASES)) {
  Deno.test(`the weights of a ${name} form give the same bits as texture and as buffer`, async () => {
    const base = await WebGpuRuntime.open();
    const weights = base.upload(randomValues(elementCount(weight), 2), weight);
    const input = base.upload(randomValues(elementCount(x), 1), x);
    const results: Float32Array[] = [];
    for (const form of ["texture", "buffer"]) {
      const runtime = base.withPreferences({ ...preferences, [operation]: form });
      const stage = runtime.stage(name, ({ x }: Tensors<"x">) => ({ y: record(x, constant(weights)) }));
      results.push(await ((await stage({ x: input }, {})).y as DeviceTensor).read());
      const { dispatches, layers } = runtime.statistics().plans.get(name)!;
      assert(base.adapter.subgroupSize === 0 || samples(dispatches) === (form === "texture"), form);
      assert(base.adapter.subgroupSize === 0 || layers.some((layer) => layer.operation === operation), "not listed");
      runtime.destroy();
    }
    assertEquals(results[0], results[1]);
    base.destroy();
  });
}

function samples(dispatches: Plan["dispatches"]): boolean {
  return dispatches.some(({ bindings }) => bindings.some(({ access }) => access === "sample"));
}

Deno.test("the form of weights is measured once for a device", async () => {
  const opened = await openDevice();
  const store = new BufferStore(opened);
  const form = await fasterForm({ opened, store }, 8);
  assert(["texture", "buffer"].includes(form), form);
  assertEquals(store.liveBytes, 0, "what measuring took is given back");
  const start = performance.now();
  assertEquals([await fasterForm({ opened, store }, 8), performance.now() - start < 5], [form, true]);
  assertEquals(await fasterForm({ opened: { ...opened, features: [] }, store }, 8), "texture");
  opened.close();
});

Deno.test("products of Winograd convolutions take the form that was measured, others a texture", () => {
  for (const [name, { operation, preferences, x, weight, record }] of Object.entries(CASES)) {
    const graph = trace(name, { x: { shape: x, dtype: "f32" } }, (inputs) => ({
      y: record(inputs.x!, constant(new ShapeOnly({ shape: weight, dtype: "f32" }))),
    }));
    const profile = { ...SOFTWARE_PROFILE, subgroupSize: 8, preferences };
    const measured = makePlan(graph, { ...profile, fasterWeights: "buffer" });
    assertEquals(samples(measured.dispatches), operation === "weights", name);
    assertEquals(measured.layers.some((layer) => layer.takesFasterWeights), operation === "winogradWeights", name);
    assertEquals(samples(makePlan(graph, profile).dispatches), true, name);
    const wanted = { ...preferences, [operation]: "texture" };
    assertEquals(
      samples(makePlan(graph, { ...profile, preferences: wanted, fasterWeights: "buffer" }).dispatches),
      true,
    );
  }
});
