import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { bytesByteSource } from "../../../models/checkpoint/byte_source.ts";
import { openSafetensors, type SafetensorsFile } from "../../../models/checkpoint/safetensors.ts";
import { PIECE_BYTES } from "../../../models/checkpoint/byte_source.ts";
import { WRITABLE_DTYPES } from "../../../models/checkpoint/safetensors_dtype.ts";
import {
  safetensorsBytes,
  type SafetensorsContents,
  type TensorToWrite,
  writeSafetensors,
} from "../../../models/checkpoint/safetensors_writer.ts";

const ALL_TYPES: TensorToWrite[] = [
  { name: "u8", dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 255) },
  { name: "f16", dtype: "F16", shape: [3], data: Float32Array.of(0.1, 1e6, -6e-8) },
  { name: "bf16", dtype: "BF16", shape: [1], data: Float32Array.of(3.14159) },
  { name: "i32", dtype: "I32", shape: [1, 2], data: Int32Array.of(-5, 2 ** 31 - 1) },
  { name: "f32", dtype: "F32", shape: [2, 1], data: Float32Array.of(0.1, -Infinity) },
  { name: "f64", dtype: "F64", shape: [], data: Float64Array.of(0.1) },
  { name: "i64", dtype: "I64", shape: [2], data: BigInt64Array.of(-1n, 2n ** 53n - 1n) },
];

async function reopened(contents: SafetensorsContents): Promise<SafetensorsFile> {
  return openSafetensors(bytesByteSource(await safetensorsBytes(contents), "written"));
}

Deno.test("safetensorsBytes() round-trips every type and the metadata", async () => {
  const metadata = new Map([["__proto__", "p"], ['a "quote"', "grün\n\0 \u{1f600}"], ["", ""]]);
  const file = await reopened({ tensors: ALL_TYPES, metadata });
  assertEquals(new Map([...file.metadata].sort()), new Map([...metadata].sort()));
  assertEquals(await file.readIntegers("u8"), [1, 2, 255]);
  assertEquals(await file.readFloat32("f16"), Float32Array.of(0.0999755859375, Infinity, -(2 ** -24)));
  assertEquals(await file.readFloat32("bf16"), Float32Array.of(3.140625));
  assertEquals(await file.readIntegers("i32"), [-5, 2 ** 31 - 1]);
  assertEquals(await file.readFloat32("f32"), Float32Array.of(0.1, -Infinity));
  assertEquals(await file.readFloat64("f64"), Float64Array.of(0.1));
  assertEquals(await file.readIntegers("i64"), [-1, 2 ** 53 - 1]);
  for (const { name, dtype, shape } of ALL_TYPES) {
    assertEquals([file.tensors.get(name)?.dtype, file.tensors.get(name)?.shape], [dtype, shape]);
  }
});

Deno.test("safetensorsBytes() takes bit patterns for F16 and BF16 and stored bytes for every type", async () => {
  const file = await reopened({
    tensors: [
      { name: "a", dtype: "F16", shape: [2], data: Uint16Array.of(0x3c00, 0x7c01) },
      { name: "b", dtype: "BF16", shape: [1], data: Uint16Array.of(0x3f80) },
      ...WRITABLE_DTYPES.map((dtype): TensorToWrite => ({ name: dtype, dtype, shape: [0], data: new Uint8Array(0) })),
      { name: "c", dtype: "F32", shape: [1], data: Uint8Array.of(0, 0, 0x80, 0x3f) },
    ],
  });
  assertEquals(await file.readBytes("a"), Uint8Array.of(0, 0x3c, 1, 0x7c));
  assertEquals(await file.readFloat32("b"), Float32Array.of(1));
  assertEquals(await file.readFloat32("c"), Float32Array.of(1));
  assertStrictEquals(file.tensors.size, 10);
});

Deno.test("safetensorsBytes() writes exactly the bytes that the format prescribes", async () => {
  const bytes = await safetensorsBytes({
    metadata: new Map([["format", "pt"]]),
    tensors: [
      { name: "b", dtype: "U8", shape: [2], data: Uint8Array.of(7, 8) },
      { name: "a", dtype: "F32", shape: [], data: Float32Array.of(1) },
    ],
  });
  const header = `{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},` +
    `"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}`;
  const padded = header + " ".repeat((8 - header.length % 8) % 8);
  assertEquals(
    bytes,
    Uint8Array.of(padded.length, 0, 0, 0, 0, 0, 0, 0, ...new TextEncoder().encode(padded), 0, 0, 0x80, 0x3f, 7, 8),
  );
});

Deno.test("safetensorsBytes() starts the data at a multiple of 8 and every tensor at a multiple of its element size", async () => {
  for (let length = 0; length < 9; length++) {
    const bytes = await safetensorsBytes({ tensors: ALL_TYPES, metadata: new Map([["k", "x".repeat(length)]]) });
    const headerLength = new DataView(bytes.buffer).getUint32(0, true);
    assertStrictEquals(headerLength % 8, 0);
    assertStrictEquals(bytes[8], "{".charCodeAt(0));
    const file = await openSafetensors(bytesByteSource(bytes, "aligned"));
    for (const { dtype, begin } of file.tensors.values()) {
      const width = { U8: 1, F16: 2, BF16: 2, I32: 4, F32: 4, F64: 8, I64: 8 }[dtype as string]!;
      assertStrictEquals(begin % width, 0);
    }
  }
});

Deno.test("safetensorsBytes() gives equal bytes for equal contents in another order", async () => {
  const metadata: [string, string][] = [["b", "1"], ["a", "2"], ["é", "3"]];
  const same = { ...ALL_TYPES[0]!, name: "a" };
  const forward = await safetensorsBytes({ tensors: [...ALL_TYPES, same], metadata: new Map(metadata) });
  const backward = await safetensorsBytes({
    tensors: [...ALL_TYPES, same].reverse(),
    metadata: new Map(metadata.reverse()),
  });
  assertEquals(forward, backward);
});

Deno.test("safetensorsBytes() without tensors and metadata is the smallest file", async () => {
  assertEquals(
    await safetensorsBytes({ tensors: [] }),
    Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d, 32, 32, 32, 32, 32, 32),
  );
});

Deno.test("writeSafetensors() hands over a large array in bounded pieces, narrowed on the way", async () => {
  const values = Float32Array.from({ length: PIECE_BYTES / 4 + 3 }, (_, i) => i % 1000);
  const lengths: number[] = [];
  const parts: Uint8Array[] = [];
  await writeSafetensors({ tensors: [{ name: "w", dtype: "F16", shape: [values.length], data: values }] }, (bytes) => {
    lengths.push(bytes.length);
    parts.push(bytes.slice());
    return Promise.resolve();
  });
  assertEquals(lengths.slice(1), [PIECE_BYTES / 2, 6]);
  const file = await openSafetensors(
    bytesByteSource(new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()), "w"),
  );
  assertEquals(await file.readFloat32("w"), values);
});

Deno.test("writeSafetensors() asks for supplied pieces one at a time, after the one before has been taken", async () => {
  const events: string[] = [];
  const pieces = async function* (): AsyncGenerator<Uint8Array, void> {
    for (let i = 0; i < 3; i++) {
      events.push(`made ${i}`);
      yield await Promise.resolve(Uint8Array.of(i, i));
    }
  };
  await writeSafetensors({ tensors: [{ name: "w", dtype: "U8", shape: [3, 2], data: pieces }] }, async (bytes) => {
    if (bytes.length > 2) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
    events.push(`took ${bytes[0]}`);
  });
  assertEquals(events, ["made 0", "took 0", "made 1", "took 1", "made 2", "took 2"]);
});

Deno.test("writeSafetensors() copies a tensor from file to file through readPieces()", async () => {
  const from = await reopened({ tensors: ALL_TYPES });
  const copy = await reopened({
    tensors: ALL_TYPES.map((tensor) => ({ ...tensor, data: () => from.readPieces(tensor.name) })),
  });
  for (const { name } of ALL_TYPES) assertEquals(await copy.readBytes(name), await from.readBytes(name));
});

Deno.test("writeSafetensors() refuses supplied pieces with too few or too many bytes", async () => {
  const write = (count: number): Promise<Uint8Array> =>
    safetensorsBytes({
      tensors: [{ name: "w", dtype: "F32", shape: [2], data: () => new Array(count).fill(new Uint8Array(4)) }],
    });
  assertStrictEquals((await write(2)).length % 8, 0);
  await assertRejects(() => write(1), TypeError, `Cannot write tensor "w": its pieces have 4 bytes, F32 [2] needs 8`);
  await assertRejects(() => write(3), TypeError, `Cannot write tensor "w": its pieces have more than 8 bytes`);
});

const REFUSED: [string, typeof TypeError | typeof RangeError, string, Partial<TensorToWrite>][] = [
  ["an array that is too short", TypeError, `its data fill 4 bytes, F32 [2] needs 8`, {
    shape: [2],
    data: new Float32Array(1),
  }],
  ["an array that is too long", TypeError, `its data fill 8 bytes, F32 [] needs 4`, {
    shape: [],
    data: new Float32Array(2),
  }],
  ["f32 values of a wrong number for F16", TypeError, `its data fill 4 bytes, F16 [1] needs 2`, {
    dtype: "F16",
    data: new Float32Array(2),
  }],
  ["an array of another type", TypeError, "its data are a Float64Array, F32 needs Float32Array", {
    data: new Float64Array(1),
  }],
  ["f32 values for I32", TypeError, "its data are a Float32Array, I32 needs Int32Array", { dtype: "I32" }],
  ["a type that cannot be written", TypeError, "its type is BOOL, one of I64, F64", { dtype: "BOOL" as "U8" }],
  ["a negative dimension", RangeError, "its shape is [-1], at most 64 integers from 0", { shape: [-1] }],
  ["a fractional dimension", RangeError, "its shape is [0.5], at most 64 integers", { shape: [0.5] }],
  ["65 dimensions", RangeError, "at most 64 integers", { shape: new Array(65).fill(1) }],
  ["a size that overflows", RangeError, "is beyond 2^53 - 1 bits", { shape: [2 ** 30, 2 ** 30] }],
  ["the reserved name", RangeError, `Cannot write tensor "__metadata__": the name is reserved`, {
    name: "__metadata__",
  }],
  ["half a surrogate pair in the name", RangeError, "the name has half a surrogate pair", { name: "\ud800" }],
];

for (const [title, type, message, change] of REFUSED) {
  Deno.test(`writeSafetensors() refuses ${title} before it writes anything`, async () => {
    const tensor: TensorToWrite = { name: "w", dtype: "F32", shape: [1], data: new Float32Array(1), ...change };
    let written = 0;
    const sink = (bytes: Uint8Array): Promise<void> => {
      written += bytes.length;
      return Promise.resolve();
    };
    await assertRejects(() => writeSafetensors({ tensors: [ALL_TYPES[0]!, tensor] }, sink), type, message);
    assertStrictEquals(written, 0);
  });
}

Deno.test("writeSafetensors() refuses a name that comes twice", async () => {
  const { name, ...rest } = ALL_TYPES[0]!;
  await assertRejects(
    () => safetensorsBytes({ tensors: [{ name, ...rest }, { name, ...rest }] }),
    RangeError,
    `Cannot write tensor "u8": the name comes twice`,
  );
});

Deno.test("writeSafetensors() refuses half a surrogate pair in the metadata", async () => {
  await assertRejects(
    () => safetensorsBytes({ tensors: [], metadata: new Map([["k", "\udc00"]]) }),
    RangeError,
    `metadata "k" has half a surrogate pair`,
  );
});

Deno.test("writeSafetensors() refuses a header of more than 100 MB without building it", async () => {
  const started = performance.now();
  const message = "at most 100000000 are allowed";
  await assertRejects(
    () => safetensorsBytes({ tensors: [], metadata: new Map([["k", "x".repeat(100_000_000)]]) }),
    RangeError,
    message,
  );
  const name = "y".repeat(60_000_000);
  const tensors = ["1", "2"].map((end): TensorToWrite => ({ ...ALL_TYPES[0]!, name: name + end }));
  await assertRejects(() => safetensorsBytes({ tensors }), RangeError, message);
  assert(performance.now() - started < 20_000);
});

Deno.test("writeSafetensors() refuses more tensors than a reader takes", async () => {
  const tensors = new Array<TensorToWrite>(100_001).fill(ALL_TYPES[0]!);
  await assertRejects(() => safetensorsBytes({ tensors }), RangeError, "there are 100001 tensors, at most 100000 fit");
});
