/** Operations on tensors that one binding cannot hold: the same bits as in one binding, or what is needed. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  byteLength,
  defineOp,
  DeviceLimitError,
  type DeviceProfile,
  type Op,
  type Plan,
  type Shape,
  type Tensor,
  type TensorType,
  trace,
  WebGpuRuntime,
} from "../../engine/mod.ts";
import { makePlan } from "../../engine/plan.ts";
import * as register from "../../kernels/mod.ts";
import { kernel } from "../../kernels/text/wgsl.ts";
import { SOFTWARE_PROFILE } from "../support/device_profile.ts";
import { gpuTest } from "../support/gpu.ts";
import { runExample } from "../support/run_example.ts";

function bytesOf(input: Shape | TensorType): number {
  return byteLength("dtype" in input ? input : { shape: input, dtype: "f32" });
}

/** Runs an example where a binding holds half of the largest operand and no more. */
async function inParts(op: Op<unknown>, index: number): Promise<readonly Float32Array[]> {
  const { inputs } = op.definition.examples[index]!;
  const maxBindingBytes = 256 * Math.ceil(Math.max(...inputs.map(bytesOf)) / 2 / 256);
  const runtime = await WebGpuRuntime.open({ limits: { maxBindingBytes } });
  try {
    const results = await runExample(runtime, op, index);
    const { dispatches } = runtime.statistics().plans.get(op.definition.name)!;
    assert(dispatches.some(({ bindings }) => bindings.some(({ range }) => range)), "nothing is bound in parts");
    return results;
  } finally {
    runtime.destroy();
  }
}

/** What restorations do with whole pictures, and which of its examples are taken. */
const CASES: Readonly<Record<string, readonly number[]>> = {
  add: [0, 1],
  addRatio: [0],
  addWindows: [1],
  alongHeight: [0],
  alongWidth: [0],
  averagePool: [0],
  concatChannels: [0],
  copy: [1],
  cutWindows: [0],
  gatherElements: [1],
  matmul: [0],
  randomNormal: [1],
  sampleDot: [0],
  sliceChannels: [0],
  spread: [1],
  sumRepeats: [0],
  upsampleNearest: [0],
  weightedSum: [2],
};

for (const [name, indices] of Object.entries(CASES)) {
  const op = Reflect.get(register, `${name}Op`) as Op<unknown>;
  gpuTest(`${name}() gives the same bits where a binding holds half of an operand`, async (runtime) => {
    for (const index of indices) {
      assertEquals(await inParts(op, index), await runExample(runtime, op, index), `example ${index}`);
    }
  });
}

const x = { x: { shape: [1000], dtype: "f32" as const } };

function planned(body: (x: Tensor) => Tensor, limits: Partial<DeviceProfile>): Plan {
  return makePlan(trace("t", x, ({ x }) => ({ y: body(x!) })), { ...SOFTWARE_PROFILE, ...limits });
}

Deno.test("independent elements are computed in bands that bind what they need, one text for all", () => {
  const { dispatches } = planned((x) => register.weightedSum([[1, x], [2, x]]), { maxBindingBytes: 1100 });
  assertEquals(
    dispatches.map(({ bindings }) => bindings.map(({ range }) => [range!.offset, range!.bytes])),
    [0, 1024, 2048, 3072].map((offset) => Array(3).fill([offset, Math.min(1024, 4000 - offset)])),
  );
  assertEquals(new Set(dispatches.map(({ wgsl }) => wgsl)).size, 1);
});

Deno.test("what finds its elements elsewhere binds all parts at once", () => {
  const { dispatches } = planned((x) => register.sampleNorm(register.reshape(x, [1, 1000])), { maxBindingBytes: 2048 });
  assertEquals(dispatches.map(({ bindings }) => bindings.map(({ range }) => range)), [
    [{ offset: 0, bytes: 2048 }, { offset: 2048, bytes: 1952 }, undefined],
  ]);
});

Deno.test("more parts than a kernel can bind, or more bytes than a buffer holds, are refused with all numbers", () => {
  const norm = (x: Tensor): Tensor => register.sampleNorm(register.reshape(x, [1, 1000]));
  assertThrows(
    () => planned(norm, { maxBindingBytes: 512 }),
    DeviceLimitError,
    "Cannot run sampleNorm: it binds 9 buffers for tensors of up to 4000 bytes, at most 512 each, the device allows 8 " +
      "(maxStorageBuffersPerShaderStage); use a smaller image or batch",
  );
  assertThrows(
    () => planned(norm, { maxBindingBytes: 1024, maxBufferBytes: 2048 }),
    DeviceLimitError,
    "buffer of tensor [1, 1000] needs 4000 bytes, the device allows 2048 a buffer (maxBufferSize); use a smaller image",
  );
  assertThrows(() => planned(norm, { maxBindingBytes: 255 }), DeviceLimitError, "the device binds at most 255");
});

/** A kernel with some text that takes parts of its operand. */
function written(declarations: string, body: string): (x: Tensor) => Tensor {
  const op = defineOp<Record<string, never>>({
    name: "written",
    infer: ([x]) => [x!],
    reference: (_call, [x]) => [x!],
    lower: ({ inputs, outputs }) => [
      kernel({
        label: "written",
        read: { x: inputs[0]! },
        write: { y: outputs[0]! },
        takesParts: true,
        declarations,
        workgroupSize: 64,
        workgroups: [16, 1, 1],
        body,
      }),
    ],
    cost: () => ({ flops: 0, bytes: 0 }),
    examples: [],
  });
  return (x) => op([x], {})[0]!;
}

Deno.test("loads and stores become calls wherever they stand, and what else is done with an array is refused", () => {
  const limits = { maxBindingBytes: 2048 };
  const { wgsl } = planned(
    written(
      "fn at(k: u32) -> f32 { return x[k]; }",
      "y[u32(x[lane])] -= x[2u * u32(x[1])] + s.x[0];\nx_x = y[0] == 1;",
    ),
    limits,
  ).dispatches[0]!;
  assert(wgsl.includes("fn at(k: u32) -> f32 { return x_load(u32(k)); }"));
  const first = "y_load(u32(u32(x_load(u32(lane)))))";
  assert(wgsl.includes(
    `y_store(u32(u32(x_load(u32(lane)))), ${first} - ( x_load(u32(2u * u32(x_load(u32(1))))) + s.x[0]));\n` +
      "x_x = y_load(u32(0)) == 1;",
  ));
  for (const body of ["let end = arrayLength(&x);", "y[0]++;", "y[0].x = 1.0;"]) {
    assertThrows(() => planned(written("", body), limits), DeviceLimitError, "binds at most 2048");
  }
});
