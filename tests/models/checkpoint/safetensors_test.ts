import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { blobByteSource, bytesByteSource } from "../../../models/checkpoint/byte_source.ts";
import { CheckpointError } from "../../../models/checkpoint/checkpoint_error.ts";
import { openSafetensors, type SafetensorsFile } from "../../../models/checkpoint/safetensors.ts";
import { PIECE_BYTES } from "../../../models/checkpoint/byte_source.ts";
import { safetensorsBytes } from "../../../models/checkpoint/safetensors_writer.ts";
import { countingSource, handmadeFile, handmadeSource } from "./handmade_file.ts";

async function openReference(): Promise<SafetensorsFile> {
  const bytes = await Deno.readFile(new URL("reference_layout.safetensors", import.meta.url));
  return openSafetensors(blobByteSource(new Blob([bytes]), "reference_layout.safetensors"));
}

Deno.test("openSafetensors() reads names, shapes, types and metadata of a file in the reference layout", async () => {
  const file = await openReference();
  assertEquals([...file.metadata], [["format", "pt"], ["note", "grüß ☃"]]);
  assertEquals([...file.tensors.values()].map(({ name, dtype, shape }) => [name, dtype, shape]), [
    ["step", "I64", []],
    ["classes", "I64", [3]],
    ["alpha_bar", "F64", [3]],
    ["input_blocks.0.0.weight", "F32", [2, 3, 3, 3]],
    ["index", "I32", [2, 2]],
    ["out.0.weight", "BF16", [4]],
    ["input_blocks.0.0.bias", "F16", [3]],
    ["empty", "F16", [0, 4]],
    ["mask", "U8", [3]],
    ["flags", "BOOL", [2]],
  ]);
});

Deno.test("readFloat32() reads F32, F16, BF16 and F64 of a file in the reference layout", async () => {
  const file = await openReference();
  const weight = await file.readFloat32("input_blocks.0.0.weight");
  assertEquals(weight, Float32Array.from({ length: 54 }, (_, i) => (i - 27) / 8));
  assertEquals(await file.readFloat32("input_blocks.0.0.bias"), Float32Array.of(0.0999755859375, -65504, 2 ** -24));
  assertEquals(await file.readFloat32("out.0.weight"), Float32Array.of(1, -2.5, 3.140625, 0x96 * 2 ** 119));
  assertEquals(await file.readFloat32("alpha_bar"), Float32Array.of(0.9999, 0.5, 0));
  assertEquals(await file.readFloat32("empty"), new Float32Array(0));
});

Deno.test("readFloat64() keeps F64 exactly and widens F32, F16 and BF16", async () => {
  const file = await openReference();
  assertEquals(await file.readFloat64("alpha_bar"), Float64Array.of(0.9999, 0.5, 1e-300));
  assertEquals((await file.readFloat64("input_blocks.0.0.weight"))[53], 26 / 8);
  assertEquals(await file.readFloat64("input_blocks.0.0.bias"), Float64Array.of(0.0999755859375, -65504, 2 ** -24));
  assertEquals((await file.readFloat64("out.0.weight"))[2], 3.140625);
});

Deno.test("readIntegers() reads I32, I64 and U8, also a single number without a shape", async () => {
  const file = await openReference();
  assertEquals(await file.readIntegers("step"), [2 ** 53 - 1]);
  assertEquals(await file.readIntegers("classes"), [-1, 0, 999]);
  assertEquals(await file.readIntegers("index"), [0, -7, 2 ** 31 - 1, -(2 ** 31)]);
  assertEquals(await file.readIntegers("mask"), [0, 127, 255]);
});

Deno.test("readBytes() gives the stored bytes of any type as a copy", async () => {
  assertEquals(await (await openReference()).readBytes("flags"), Uint8Array.of(1, 0));
  const bytes = handmadeFile(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, Uint8Array.of(1, 2));
  const file = await openSafetensors(bytesByteSource(bytes, "a"));
  (await file.readBytes("a")).fill(9);
  assertEquals(await file.readBytes("a"), Uint8Array.of(1, 2));
});

Deno.test("readBytes() and readFloat32() fill the beginning of an array, and refuse one that is too short", async () => {
  const file = await openReference();
  const bytes = new Uint8Array(5).fill(7);
  assertEquals(await file.readBytes("mask", bytes), Uint8Array.of(0, 127, 255));
  assertEquals([...bytes], [0, 127, 255, 7, 7]);
  const values = new Float32Array(60).fill(7);
  const weight = await file.readFloat32("input_blocks.0.0.weight", values);
  assertStrictEquals(weight.buffer, values.buffer);
  assertEquals([values[53], values[54]], [26 / 8, 7]);
  const message = "the array given for it has 2 elements, 3 are needed";
  await assertRejects(() => file.readBytes("mask", new Uint8Array(2)), RangeError, message);
  await assertRejects(() => file.readFloat32("alpha_bar", new Float32Array(2)), RangeError, message);
});

Deno.test("readFloat32() keeps the bits of NaNs and the sign of zero", async () => {
  const words = Uint32Array.of(0x7f800001, 0xffc12345, 0x80000000, 1);
  const file = await openSafetensors(
    handmadeSource(`{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}`, new Uint8Array(words.buffer)),
  );
  assertEquals(new Uint32Array((await file.readFloat32("a")).buffer), words);
});

Deno.test("openSafetensors() works on an array that begins inside a larger buffer, at any alignment", async () => {
  const bytes = await safetensorsBytes({
    tensors: [
      { name: "a", dtype: "F32", shape: [2], data: Float32Array.of(1.5, -2) },
      { name: "b", dtype: "F64", shape: [1], data: Float64Array.of(0.1) },
      { name: "c", dtype: "F16", shape: [1], data: Float32Array.of(3) },
      { name: "d", dtype: "I64", shape: [1], data: BigInt64Array.of(-5n) },
    ],
  });
  for (let offset = 0; offset < 9; offset++) {
    const buffer = new Uint8Array(offset + bytes.length);
    buffer.set(bytes, offset);
    const file = await openSafetensors(bytesByteSource(buffer.subarray(offset), "a"));
    assertEquals(await file.readFloat32("a"), Float32Array.of(1.5, -2));
    assertEquals(await file.readFloat64("b"), Float64Array.of(0.1));
    assertEquals(await file.readFloat32("c"), Float32Array.of(3));
    assertEquals(await file.readIntegers("d"), [-5]);
  }
});

Deno.test("openSafetensors() reads the header only, a tensor is read alone and in bounded pieces", async () => {
  const large = PIECE_BYTES + 40;
  const header = `{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},` +
    `"b":{"dtype":"F16","shape":[${large / 2}],"data_offsets":[3,${3 + large}]},` +
    `"c":{"dtype":"U8","shape":[5],"data_offsets":[${3 + large},${8 + large}]}}`;
  const data = new Uint8Array(8 + large);
  data.set([0, 0x3c], 3 + large - 2); // the last element of b is 1
  const source = countingSource(handmadeSource(header, data));
  const file = await openSafetensors(source);
  assertEquals(source.reads, [[0, 512], [8, header.length]]);
  source.reads.length = 0;
  const values = await file.readFloat32("b");
  const start = 8 + header.length + 3;
  assertEquals(source.reads, [[start, PIECE_BYTES], [start + PIECE_BYTES, 40]]);
  assertStrictEquals(values.length, large / 2);
  assertEquals([values.indexOf(1), values[0]], [large / 2 - 1, 0]);
  source.reads.length = 0;
  assertEquals(await file.readIntegers("c"), [0, 0, 0, 0, 0]);
  assertEquals(source.reads, [[start + large, 5]]);
});

Deno.test("openSafetensors() lists tensors in the order of their data, whatever the order in the header", async () => {
  const file = await openSafetensors(handmadeSource(
    `{"z":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"a":{"data_offsets":[0,2],"shape":[2],"dtype":"U8"},` +
      `"none":{"dtype":"F32","shape":[2,0],"data_offsets":[2,2]}}`,
    Uint8Array.of(1, 2, 3),
  ));
  assertEquals([...file.tensors.keys()], ["a", "none", "z"]);
  assertEquals(await file.readIntegers("z"), [3]);
});

Deno.test("openSafetensors() accepts a file without tensors", async () => {
  const file = await openSafetensors(handmadeSource("{}"));
  assertEquals([file.tensors.size, file.metadata.size], [0, 0]);
});

Deno.test("openSafetensors() accepts zero-sized tensors and tensors of rank 0", async () => {
  const file = await openSafetensors(handmadeSource(
    `{"z":{"dtype":"F32","shape":[2,0],"data_offsets":[0,0]},"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`,
    new Uint8Array(Float32Array.of(7).buffer),
  ));
  assertEquals(await file.readFloat32("z"), new Float32Array(0));
  assertEquals(await file.readFloat32("s"), Float32Array.of(7));
});

Deno.test("openSafetensors() accepts whitespace after the header and, as the reference reader, before it", async () => {
  for (
    const header of ["{}       ", " \t\r\n{}", ` { "a" : {"dtype":"U8" , "shape":[ ],"data_offsets":[ 0 , 1 ]} } `]
  ) {
    const file = await openSafetensors(handmadeSource(header, header.includes("a") ? 1 : 0));
    assertInstanceOf(file.tensors, Map);
  }
});

Deno.test("openSafetensors() takes any name for a name: __proto__, empty, escaped, with control characters", async () => {
  const names = ["__proto__", "constructor", "", "a\0b", 'q"\\/\b\f\n\r\t', "\u{1f600}", "\ufeff"];
  const fields = names.map((name, i) =>
    `${JSON.stringify(name)}:{"dtype":"U8","shape":[1],"data_offsets":[${i},${i + 1}]}`
  );
  const file = await openSafetensors(handmadeSource(
    `{"__metadata__":{"__proto__":"p"},${
      fields.join(",")
    },"\\u00e9\\ud83d\\ude00":{"dtype":"U8","shape":[],"data_offsets":[7,8]}}`,
    Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7),
  ));
  assertEquals([...file.tensors.keys()], [...names, "é\u{1f600}"]);
  assertStrictEquals(file.metadata.get("__proto__"), "p");
  for (const [i, name] of names.entries()) assertEquals(await file.readIntegers(name), [i]);
});

Deno.test("openSafetensors() knows the width of every type, reading the unsupported ones is refused by name", async () => {
  const bits: Record<string, number> = {
    ...{ BOOL: 8, I8: 8, I16: 16, U16: 16, U32: 32, U64: 64, C64: 64, F4: 4, F6_E2M3: 6, F6_E3M2: 6 },
    F8_E8M0: 8,
  };
  for (const [dtype, width] of Object.entries(bits)) {
    const file = await openSafetensors(
      handmadeSource(`{"a":{"dtype":"${dtype}","shape":[2,4],"data_offsets":[0,${width}]}}`, width),
    );
    assertStrictEquals((await file.readBytes("a")).length, width);
    const message = `Cannot read tensor "a" of "test.safetensors": its type ${dtype} is not supported`;
    await assertRejects(() => file.readFloat32("a"), CheckpointError, message);
    await assertRejects(() => file.readFloat64("a"), CheckpointError, message);
    await assertRejects(() => file.readIntegers("a"), CheckpointError, message);
  }
});

Deno.test("reading a tensor as another kind of number is refused with the types that fit", async () => {
  const file = await openReference();
  await assertRejects(
    () => file.readFloat32("mask"),
    CheckpointError,
    `tensor "mask" of "reference_layout.safetensors": its type U8 is another kind of number, one of F32, F16, BF16, F64`,
  );
  await assertRejects(() => file.readFloat64("index"), CheckpointError, "its type I32 is another kind of number");
  await assertRejects(() => file.readIntegers("alpha_bar"), CheckpointError, "one of I32, I64, U8 is needed");
});

Deno.test("reading a tensor that is not there names it and says what there is", async () => {
  const file = await openReference();
  const message = `Cannot read tensor "toString" of "reference_layout.safetensors": there is none of that name, ` +
    `the file has 10 (first "step")`;
  await assertRejects(() => file.readFloat32("toString"), CheckpointError, message);
  await assertRejects(() => file.readBytes("toString"), CheckpointError, message);
  const empty = await openSafetensors(handmadeSource("{}"));
  await assertRejects(() => empty.readIntegers("a"), CheckpointError, "the file has none at all");
});

Deno.test("readIntegers() refuses an I64 that a number cannot hold and says which", async () => {
  for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n]) {
    const data = new Uint8Array(BigInt64Array.of(4n, value).buffer);
    const file = await openSafetensors(handmadeSource(`{"y":{"dtype":"I64","shape":[2],"data_offsets":[0,16]}}`, data));
    await assertRejects(
      () => file.readIntegers("y"),
      CheckpointError,
      `tensor "y" of "test.safetensors": element 1 is ${value}`,
    );
  }
});

Deno.test("a file that shrinks between opening and reading is an error, one that grows is not", async () => {
  const whole = handmadeFile(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8);
  let current = whole;
  const file = await openSafetensors({
    name: "shrinking.safetensors",
    size: whole.length,
    read: (offset, length) => Promise.resolve(current.subarray(offset, offset + length)),
  });
  current = new Uint8Array([...whole, 1, 2, 3]);
  assertEquals(await file.readFloat32("w"), new Float32Array(2));
  current = whole.subarray(0, whole.length - 3);
  const message = `Cannot read "shrinking.safetensors": tensor "w" gave 5 bytes at byte ${
    whole.length - 8
  }, 8 are needed`;
  await assertRejects(() => file.readFloat32("w"), CheckpointError, message);
  await assertRejects(() => file.readBytes("w"), CheckpointError, message);
});

Deno.test("a file that shrinks while its header is read is an error", async () => {
  const whole = handmadeFile(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8);
  for (const left of [0, 7, 30]) {
    const source = { ...bytesByteSource(whole.subarray(0, left), "short"), size: whole.length };
    await assertRejects(() => openSafetensors(source), CheckpointError, "are needed; the file was changed");
  }
});

Deno.test("2,000 random single-byte changes of a file either load or end in a CheckpointError, with bounded reads", async () => {
  const original = await safetensorsBytes({
    metadata: new Map([["format", "pt"], ["kind", "grün"]]),
    tensors: [
      { name: "layer.weight", dtype: "F32", shape: [2, 3], data: new Float32Array(6) },
      { name: "layer.bias", dtype: "F16", shape: [3], data: new Float32Array(3) },
      { name: "index", dtype: "I64", shape: [], data: BigInt64Array.of(3n) },
    ],
  });
  let state = 12345;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  let loaded = 0;
  let refused = 0;
  for (let round = 0; round < 2000; round++) {
    const bytes = original.slice();
    bytes[random(bytes.length)] = random(256);
    const source = countingSource(bytesByteSource(bytes, "mutated.safetensors"));
    try {
      const file = await openSafetensors(source);
      for (const name of file.tensors.keys()) {
        assert((await file.readBytes(name)).length <= bytes.length);
        await file.readFloat32(name).catch(() => file.readIntegers(name));
      }
      loaded++;
    } catch (error) {
      assertInstanceOf(error, CheckpointError);
      assert(/^Cannot (load|read) .*"mutated\.safetensors"/.test(error.message), error.message);
      refused++;
    }
    assert(source.reads.every(([offset, length]) => offset + length <= bytes.length));
  }
  assert(loaded > 200 && refused > 1000, `${loaded} loaded, ${refused} refused`);
});
