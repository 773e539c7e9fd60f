import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows, fail } from "@std/assert";
import {
  DeviceLimitError,
  type DeviceTensor,
  f16ToF32,
  halfWordCount,
  packHalf,
  ReferenceRuntime,
  type Runtime,
  type Shape,
} from "../../engine/mod.ts";
import {
  bytesByteSource,
  CheckpointError,
  f32ToF16,
  openSafetensors,
  type Precision,
  safetensorsBytes,
  type SafetensorsFile,
} from "../../models/mod.ts";
import { type Parameter, repackedParts, repackParameter } from "../../models/repack.ts";
import { loadWeights, type ParameterSource, uploadWeights } from "../../models/weights.ts";
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

Deno.test("repackParameter() moves every element of a convolution of several parts to its place", () => {
  const [outputs, inputs, side] = [1030, 35, 3];
  const { data } = repackParameter(tensor("", [outputs, inputs, side, side]).data, {
    shape: [outputs, inputs, side, side],
    layout: "convolution",
  });
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let k = 0; k < side * side; k++) {
        const expected = (o * inputs + i) * side * side + k;
        if (data[(k * inputs + i) * outputs + o] !== expected) fail(`output ${o}, input ${i}, tap ${k}`);
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

Deno.test("loadWeights() refuses a tensor more than the network has, even where all others are there", async () => {
  const message = await messageOf(await fileOf([...FITTING, tensor("stray", [1])]));
  assertStringIncludes(message, '1 is unexpected (first "stray" [1])');
});

Deno.test("uploadWeights() keeps parameters apart where the next is read before one is uploaded", async () => {
  const runtime = new ReferenceRuntime();
  const uploaded: (readonly number[])[] = [];
  const upload = runtime.uploadParts.bind(runtime);
  runtime.uploadParts = (type, parts) => {
    const given = [...parts];
    uploaded.push(given.flatMap(({ data }) => [...data]));
    return upload(type, given);
  };
  const names = ["a", "b", "c"];
  const source: ParameterSource = {
    name: "source",
    parameters: new Map(names.map((name) => [name, { shape: [2], layout: "plain" }])),
    read: (name, into) => into.subarray(0, 2).fill(names.indexOf(name)),
  };
  await uploadWeights(runtime, source);
  assertEquals(uploaded, [[0, 0], [1, 1], [2, 2]]);
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

Deno.test("loadWeights() uploads one tensor at a time and reads one ahead", async () => {
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
    upload: (...given: Parameters<Runtime["upload"]>): DeviceTensor => {
      events.push("upload");
      return reference.upload(...given);
    },
  });
  const progress: number[] = [];
  await loadWeights(runtime, file, PARAMETERS, { onProgress: (done, total) => progress.push(done / total) });
  assertEquals(events, ["read", ...FITTING.slice(1).flatMap(() => ["read", "upload"]), "upload"]);
  assertEquals(progress.length, FITTING.length);
  assertEquals(progress.at(-1), 1);
});

Deno.test("loadWeights() frees what it has uploaded when it fails", async () => {
  let freed = 0;
  let uploads = 0;
  const reference = new ReferenceRuntime();
  const runtime: Runtime = Object.assign(Object.create(reference), {
    upload: (...given: Parameters<Runtime["upload"]>): DeviceTensor => {
      if (++uploads === 3) throw new RangeError("full");
      return Object.assign(reference.upload(...given), { free: () => freed++ });
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

Deno.test("repackedParts() of patterns is repackParameter() with two inputs in a word", () => {
  const cases: readonly Parameter[] = [
    { shape: [37, 6, 3, 3], layout: "convolution" },
    { shape: [5, 3, 1, 2], layout: "convolution" },
    { shape: [33, 7], layout: "matrix" },
    { shape: [3, 4, 1], layout: "matrix" },
    { shape: [1030, 67, 3, 3], layout: "convolution" }, // several parts, the last of them odd
  ];
  for (const parameter of cases) {
    const { data } = tensor("", parameter.shape);
    const bits = f32ToF16(data);
    const expected = repackParameter(f16ToF32(bits), parameter);
    const words = new Uint32Array(halfWordCount(expected.shape));
    for (const part of repackedParts(bits, parameter)) words.set(part.data, part.at);
    assertEquals(words, packHalf(expected.data, expected.shape));
  }
  assertThrows(() => repackedParts(new Uint16Array(6), { shape: [6], layout: "plain" }), TypeError, "Cannot repack");
  assertThrows(
    () => repackedParts(new Uint16Array(5), { shape: [3, 2], layout: "matrix" }),
    TypeError,
    "6 are needed",
  );
});

const HALF_PARAMETERS = new Map<string, Parameter>([
  ["bias", { shape: [2], layout: "plain" }],
  ["weight", { shape: [2, 3], layout: "matrix" }],
]);

/** The matrix of a file in half precision, read back, and the types of both parameters. */
async function loadedHalf(
  dtype: "F32" | "F16" | "BF16" | "F64",
  weight: Float32Array | Float64Array | Uint16Array,
): Promise<{ readonly values: readonly number[]; readonly dtypes: readonly string[] }> {
  const runtime = new ReferenceRuntime();
  const uploaded: DeviceTensor[] = [];
  const recording: Runtime = Object.assign(Object.create(runtime), {
    upload: (...given: Parameters<Runtime["upload"]>): DeviceTensor => {
      uploaded.push(runtime.upload(...given));
      return uploaded.at(-1)!;
    },
  });
  const file = await fileOf([
    { name: "bias", dtype: "F32", shape: [2], data: new Float32Array([1e6, 1 / 3]) },
    { name: "weight", dtype, shape: [2, 3], data: weight },
  ]);
  const progress: number[] = [];
  const weights = await loadWeights(recording, file, HALF_PARAMETERS, {
    precision: "f16",
    onProgress: (done, total) => progress.push(done, total),
  });
  assertEquals(weights.parameterCount, 8);
  assertEquals(progress.slice(-2), [24, 24]);
  const byRank = uploaded.toSorted((a, b) => a.shape.length - b.shape.length);
  assertEquals(await byRank[0]!.read(), new Float32Array([1e6, 1 / 3]));
  return { values: [...await byRank[1]!.read()], dtypes: byRank.map((t) => t.dtype) };
}

Deno.test("loadWeights() in half precision keeps the bits of F16 and rounds other types to nearest, ties to even", async () => {
  const ulp = 2 ** -10;
  // Between 1 and 2 the neighbours are 2^-10 apart; halves go to the even one. 2^-24 is the least subnormal.
  const values = [1, 1 + 0.5 * ulp, 1 + 1.5 * ulp, 65519, -(2 ** -24), 2 ** -26];
  const rounded = [1, 65504, 1, -(2 ** -24), 1 + 2 * ulp, 0];
  assertEquals(await loadedHalf("F32", new Float32Array(values)), { values: rounded, dtypes: ["f32", "f16"] });
  assertEquals((await loadedHalf("F64", new Float64Array(values))).values, rounded);
  assertEquals((await loadedHalf("BF16", new Float32Array([1, 2, 3, 4, 5, 6]))).values, [1, 4, 2, 5, 3, 6]);
  const bits = new Uint16Array([0x0001, 0x83ff, 0x7c00, 0xfc00, 0x8000, 0x3555]);
  const kept = await loadedHalf("F16", bits);
  assertEquals(f32ToF16(new Float32Array(kept.values)), new Uint16Array([1, 0xfc00, 0x83ff, 0x8000, 0x7c00, 0x3555]));
});

Deno.test("loadWeights() names the parameter that half precision cannot hold", async () => {
  for (const beyond of [65520, -1e9]) {
    const error = await assertRejects(
      () => loadedHalf("F32", new Float32Array([0, 0, 0, 0, beyond, 0])),
      CheckpointError,
    );
    assertStringIncludes(
      (error as Error).message,
      `in half precision: parameter "weight" holds ${beyond}, half precision ends at 65504; ` +
        "load it in single precision (--precision f32)",
    );
  }
  assertEquals((await loadedHalf("F32", new Float32Array([Infinity, 0, 0, 0, 0, 0]))).values[0], Infinity);
});

Deno.test("loadWeights() refuses what a kernel cannot read before anything is read, and says whether f16 helps", async () => {
  const bytes = await safetensorsBytes({ tensors: [tensor("bias", [2]), tensor("weight", [2, 3])] });
  const file = await openSafetensors(bytesByteSource(bytes, "model.safetensors"));
  const small = (maxTensorBytes: number): Runtime =>
    Object.assign(Object.create(new ReferenceRuntime()), {
      maxTensorBytes,
      upload: () => {
        throw new Error("uploaded");
      },
    });
  const refused = async (limit: number, precision: Precision): Promise<string> =>
    (await assertRejects(() => loadWeights(small(limit), file, HALF_PARAMETERS, { precision }), DeviceLimitError))
      .message;
  assertEquals(
    await refused(16, "f32"),
    'Cannot load "model.safetensors": parameter "weight" [3, 2] takes 24 bytes in f32, the device binds at most 16 ' +
      "(maxStorageBufferBindingSize); use half precision (--precision f16), which takes 16",
  );
  assertStringIncludes(await refused(12, "f16"), "takes 16 bytes in f16, the device binds at most 12");
  assertStringIncludes(await refused(12, "f32"), "use another device");
});
