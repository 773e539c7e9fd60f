import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { type DeviceTensor, ReferenceRuntime, type Runtime, type Shape } from "../../engine/mod.ts";
import {
  bytesByteSource,
  CheckpointError,
  openSafetensors,
  safetensorsBytes,
  type SafetensorsFile,
} from "../../models/mod.ts";
import { loadWeights, type Parameter, repackParameter } from "../../models/weights.ts";
import { fileOf } from "./random_checkpoint.ts";

const PARAMETERS = new Map<string, Parameter>([
  ["conv.weight", { shape: [2, 3, 1, 2], layout: "convolution" }],
  ["conv.bias", { shape: [2], layout: "plain" }],
  ["qkv.weight", { shape: [3, 2, 1], layout: "matrix" }],
  ["table", { shape: [2, 2], layout: "plain" }],
]);

function tensor(
  name: string,
  shape: readonly number[],
): { name: string; dtype: "F32"; shape: readonly number[]; data: Float32Array } {
  const count = shape.reduce((product, extent) => product * extent, 1);
  return { name, dtype: "F32", shape, data: Float32Array.from({ length: count }, (_, i) => i) };
}

const FITTING = [...PARAMETERS].map(([name, { shape }]) => tensor(name, shape));

async function messageOf(file: SafetensorsFile): Promise<string> {
  const error = await assertRejects(() => loadWeights(new ReferenceRuntime(), file, PARAMETERS), CheckpointError);
  return (error as Error).message;
}

Deno.test("repackParameter() puts the outputs last", () => {
  const packed = (shape: Shape, layout: Parameter["layout"]): [number[], Shape] => {
    const { data, shape: result } = repackParameter(tensor("", shape).data, { shape, layout });
    return [[...data], result];
  };
  // Element [o, i, 0, kx] is 6 o + 2 i + kx.
  assertEquals(packed([2, 3, 1, 2], "convolution"), [[0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11], [1, 2, 3, 2]]);
  assertEquals(packed([3, 2], "matrix"), [[0, 2, 4, 1, 3, 5], [2, 3]]);
  assertEquals(packed([3, 2, 1], "matrix"), [[0, 2, 4, 1, 3, 5], [2, 3]]);
  assertEquals(packed([3, 2], "plain"), [[0, 1, 2, 3, 4, 5], [3, 2]]);
});

Deno.test("repackParameter() moves every element of a large convolution to its place", () => {
  const [outputs, inputs, side] = [37, 5, 3];
  const { data } = repackParameter(tensor("", [outputs, inputs, side, side]).data, {
    shape: [outputs, inputs, side, side],
    layout: "convolution",
  });
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let k = 0; k < side * side; k++) {
        assertEquals(data[(k * inputs + i) * outputs + o], (o * inputs + i) * side * side + k);
      }
    }
  }
});

Deno.test("repackParameter() rejects shapes that do not fit the layout", () => {
  const data = new Float32Array(6);
  assertThrows(() => repackParameter(data, { shape: [3, 2], layout: "convolution" }), TypeError, "[O, I, KH, KW]");
  assertThrows(() => repackParameter(data, { shape: [1, 2, 3], layout: "matrix" }), TypeError, "[O, I, 1]");
  assertThrows(() => repackParameter(data, { shape: [7], layout: "plain" }), TypeError, "7 are needed");
});

Deno.test("loadWeights() names missing, unexpected and misshapen tensors together", async () => {
  const message = await messageOf(
    await fileOf([tensor("conv.bias", [3]), tensor("qkv.weight", [3, 2, 1]), tensor("extra", [4, 4])]),
  );
  assertEquals(
    message,
    'Cannot load "model.safetensors": 2 parameters are missing (first "conv.weight" [2, 3, 1, 2]; "table" [2, 2]), ' +
      '1 is unexpected (first "extra" [4, 4]), 1 has another shape (first "conv.bias" [3], [2] is needed); ' +
      "choose the file that belongs to this network",
  );
});

Deno.test("loadWeights() reports parameters that are no floats and counts what it does not list", async () => {
  const integers = { name: "table", dtype: "I32" as const, shape: [2, 2], data: new Int32Array(4) };
  const extra = ["a", "b", "c", "d"].map((name) => tensor(name, [1]));
  const message = await messageOf(await fileOf([...FITTING.slice(0, 3), integers, ...extra]));
  assertStringIncludes(message, '1 is no float tensor (first "table" [2, 2] of I32)');
  assertStringIncludes(message, '4 are unexpected (first "a" [1]; "b" [1]; "c" [1]; ...)');
});

Deno.test("loadWeights() with a prefix takes only the tensors that have it", async () => {
  const file = await fileOf([
    ...FITTING.map((t) => ({ ...t, name: `model.${t.name}` })),
    tensor("act.conv", [5]),
  ]);
  const weights = await loadWeights(new ReferenceRuntime(), file, PARAMETERS, { prefix: "model." });
  assertEquals(weights.parameterCount, 24);
  assertStringIncludes(await messageOf(file), "4 parameters are missing");
});

Deno.test("loadWeights() reads, uploads and drops one tensor at a time", async () => {
  const events: string[] = [];
  const bytes = await safetensorsBytes({ tensors: FITTING });
  const source = bytesByteSource(bytes, "model.safetensors");
  const file = await openSafetensors({
    ...source,
    read: (offset: number, length: number) => {
      events.push("read");
      return source.read(offset, length);
    },
  });
  events.length = 0;
  const reference = new ReferenceRuntime();
  const runtime: Runtime = Object.assign(Object.create(reference), {
    upload: (data: Float32Array, shape: Shape): DeviceTensor => {
      events.push("upload");
      return reference.upload(data, shape);
    },
  });
  const progress: number[] = [];
  await loadWeights(runtime, file, PARAMETERS, { onProgress: (done, total) => progress.push(done / total) });
  assertEquals(events, FITTING.flatMap(() => ["read", "upload"]));
  assertEquals(progress.length, FITTING.length);
  assertEquals(progress.at(-1), 1);
});

Deno.test("loadWeights() frees what it has uploaded when it fails", async () => {
  let freed = 0;
  let uploads = 0;
  const reference = new ReferenceRuntime();
  const runtime: Runtime = Object.assign(Object.create(reference), {
    upload: (data: Float32Array, shape: Shape): DeviceTensor => {
      if (++uploads === 3) throw new RangeError("full");
      return Object.assign(reference.upload(data, shape), { free: () => freed++ });
    },
  });
  await assertRejects(async () => loadWeights(runtime, await fileOf(FITTING), PARAMETERS), RangeError, "full");
  assertEquals(freed, 2);
});

Deno.test("constant() of weights gives one tensor per parameter and rejects undeclared names", async () => {
  const runtime = new ReferenceRuntime();
  const weights = await loadWeights(runtime, await fileOf(FITTING), PARAMETERS);
  const stage = runtime.stage("weights", () => {
    assert(weights.constant("table") === weights.constant("table"));
    assertThrows(() => weights.constant("tables"), RangeError, '"tables"');
    return { kernel: weights.constant("conv.weight") };
  });
  const { kernel } = await stage({}, {});
  assertEquals(kernel.shape, [1, 2, 3, 2]);
  assertEquals([...await kernel.read()], [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11]);
});
