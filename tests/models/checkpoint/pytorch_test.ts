import { assert, assertEquals, assertRejects } from "@std/assert";
import { bytesByteSource, type ByteSource, PIECE_BYTES } from "../../../models/checkpoint/byte_source.ts";
import type { Checkpoint } from "../../../models/checkpoint/checkpoint.ts";
import { CheckpointError } from "../../../models/checkpoint/checkpoint_error.ts";
import { openCheckpoint } from "../../../models/checkpoint/open_checkpoint.ts";
import { openSafetensors, type SafetensorsFile } from "../../../models/checkpoint/safetensors.ts";
import { call, type Code, dict, int, list, storage, tensor, text, tuple } from "./handmade_pickle.ts";
import { floats, pytorchLegacy, pytorchSource, pytorchZip } from "./handmade_pytorch.ts";
import { countingSource } from "./handmade_file.ts";

async function sourceOf(name: string): Promise<ByteSource> {
  return bytesByteSource(await Deno.readFile(new URL(`pytorch/${name}`, import.meta.url)), name);
}

async function openReference(name: string): Promise<SafetensorsFile> {
  return await openSafetensors(await sourceOf(name));
}

async function readAll(pieces: AsyncIterable<Uint8Array>): Promise<number[]> {
  const bytes: number[] = [];
  for await (const piece of pieces) bytes.push(...piece);
  return bytes;
}

/** All tensors must have the type, the shape and the bits that PyTorch wrote. */
async function assertSameTensors(found: Checkpoint, expected: SafetensorsFile): Promise<void> {
  assertEquals([...found.tensors.keys()].sort(), [...expected.tensors.keys()].sort());
  for (const [name, { dtype, shape }] of expected.tensors) {
    const entry = found.tensors.get(name)!;
    assertEquals([entry.name, entry.dtype, entry.shape], [name, dtype, shape]);
    const bytes = await expected.readBytes(name);
    assertEquals(await found.readBytes(name), bytes, name);
    assertEquals(await readAll(found.readPieces(name)), [...bytes], name);
    if (!["F64", "F32", "F16", "BF16"].includes(dtype)) continue;
    assertEquals(bitsOf(await found.readFloat32(name)), bitsOf(await expected.readFloat32(name)), name);
  }
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

for (const [file, format] of [["all_kinds.pt", "pytorch"], ["all_kinds_legacy.pt", "pytorch-legacy"]] as const) {
  Deno.test(`openCheckpoint() reads every kind of tensor that PyTorch wrote into ${file}`, async () => {
    const found = await openCheckpoint(await sourceOf(file));
    assertEquals([found.format, found.stateDict, found.name, found.metadata.size], [format, "", file, 0]);
    await assertSameTensors(found, await openReference("expected.safetensors"));
  });
}

Deno.test("openCheckpoint() finds the network among what a training script saved, and no optimizer state", async () => {
  const found = await openCheckpoint(await sourceOf("training.ckpt"));
  assertEquals(found.stateDict, "state_dict");
  await assertSameTensors(found, await openReference("network.safetensors"));
});

Deno.test("openCheckpoint() finds the network first in a list, and strips the wrapper's prefix", async () => {
  const found = await openCheckpoint(await sourceOf("list_legacy.ckpt"));
  assertEquals(found.stateDict, "[0]");
  await assertSameTensors(found, await openReference("network.safetensors"));
});

Deno.test("openCheckpoint() takes the state dict that is named, and lists them where none is", async () => {
  const source = await sourceOf("two_dicts.pt");
  await assertRejects(
    () => openCheckpoint(source),
    CheckpointError,
    `Cannot load "two_dicts.pt": it has 2 state dicts, one must be named (--state-dict PATH): ` +
      `"model" (7 tensors, 284 bytes), "ema" (7 tensors, 284 bytes); ` +
      `"ema" holds the moving average (EMA) of "model", which samples are usually made with`,
  );
  await assertRejects(
    () => openCheckpoint(source, { stateDict: "other" }),
    CheckpointError,
    `it has no state dict "other", one of these is needed: "model" (7 tensors, 284 bytes), "ema" (`,
  );
  const found = await openCheckpoint(source, { stateDict: "ema" });
  assertEquals(found.stateDict, "ema");
  await assertSameTensors(found, await openReference("network.safetensors"));
});

Deno.test("openCheckpoint() reads the state dict of a network that was pickled whole", async () => {
  const found = await openCheckpoint(await sourceOf("whole_model.pt"));
  assertEquals(found.stateDict, "");
  await assertSameTensors(found, await openReference("network.safetensors"));
});

Deno.test("openCheckpoint() says when the file is a program", async () => {
  const script = await sourceOf("script.pt");
  await assertRejects(
    () => openCheckpoint(script),
    CheckpointError,
    "it is a TorchScript program, a state dict is needed",
  );
});

/** `[[v, v + 1], [v + 2, v + 3]]` from the first storage. */
function matrix(offset = 0): Code {
  return tensor(storage("FloatStorage", "0", 8), { offset, shape: [2, 2], stride: [2, 1] });
}

const EIGHT = { "0": floats(0, 1, 2, 3, 4, 5, 6, 7) };

/** The state dict that is chosen in an object. */
async function chosen(object: Code): Promise<[string, string[]]> {
  const { stateDict, tensors } = await openCheckpoint(pytorchSource(pytorchZip(object, EIGHT)));
  return [stateDict, [...tensors.keys()]];
}

Deno.test("openCheckpoint() leaves out what a state dict holds beside tensors", async () => {
  const object = dict({ step: int(5), note: text("x"), none: [0x4e], list: list(int(1)), "out.weight": matrix() });
  assertEquals(await chosen(object), ["", ["out.weight"]]);
});

Deno.test("openCheckpoint() strips a prefix only if all names have it", async () => {
  assertEquals(await chosen(dict({ "module.a": matrix(), "module.b": matrix(4) })), ["", ["a", "b"]]);
  assertEquals(await chosen(dict({ "module.a": matrix(), "modules.b": matrix(4) })), ["", ["module.a", "modules.b"]]);
});

Deno.test("openCheckpoint() lists tensors in the order in which they lie in the file", async () => {
  assertEquals(await chosen(dict({ c: matrix(4), a: matrix(0), b: matrix(2) })), ["", ["a", "b", "c"]]);
});

Deno.test("openCheckpoint() takes a matrix for the sign of a network, and vectors where there is none", async () => {
  const vector = tensor(storage("FloatStorage", "0", 8), { shape: [3], stride: [1] });
  assertEquals(await chosen(dict({ betas: vector, deep: dict({ net: dict({ w: matrix() }) }) })), ["deep.net", ["w"]]);
  assertEquals(await chosen(dict({ a: dict({ bias: vector }) })), ["a", ["bias"]]);
});

Deno.test("openCheckpoint() counts a dict once that is saved under two names", async () => {
  const shared: Code = [...dict({ w: matrix() }), 0x71, 0];
  assertEquals(await chosen(dict({ model: shared, ema: [0x68, 0] })), ["model", ["w"]]);
});

Deno.test("openCheckpoint() passes over optimizer states wherever they are", async () => {
  const moments = dict({ exp_avg: matrix() });
  const optimizer = dict({ state: dict({ weight: moments }), param_groups: list() });
  assertEquals(await chosen(tuple(dict({ w: matrix() }), optimizer, list(optimizer), int(7))), ["[0]", ["w"]]);
});

Deno.test("openCheckpoint() says what a file without tensors holds", async () => {
  for (
    const [object, found] of [
      [list(int(1), int(2)), "a list of 2 items"],
      [dict({ a: int(1) }), "a dict of 1 items"],
      [matrix(), "a tensor"],
      [text("x"), "a string"],
      [list(matrix()), "a list of 1 items"],
    ] as const
  ) {
    await assertRejects(() => chosen(object), CheckpointError, `it holds ${found} without a state dict, one is needed`);
  }
});

Deno.test("openCheckpoint() reads tensors of every older and newer way to build them", async () => {
  const block = storage("FloatStorage", "0", 8);
  const sizes = [tuple(int(2), int(2)), tuple(int(1), int(2))];
  const old = call("torch._utils", "_rebuild_tensor", block, int(1), ...sizes);
  const hooks = call("collections", "OrderedDict");
  const parameter = call("torch._utils", "_rebuild_parameter", matrix(), [0x88], hooks);
  const extended = call(
    "torch._utils",
    "_rebuild_parameter_with_state",
    matrix(4),
    [0x88],
    hooks,
    dict({ tag: int(1) }),
  );
  const flagged = call(
    "torch._utils",
    "_rebuild_tensor_v2",
    block,
    int(0),
    ...sizes,
    [0x89],
    hooks,
    dict({ neg: [0x89] }),
  );
  const file = await openCheckpoint(pytorchSource(pytorchZip(dict({ old, parameter, extended, flagged }), EIGHT)));
  assertEquals([...await file.readFloat32("old")], [1, 3, 2, 4]);
  assertEquals([...await file.readFloat32("parameter")], [0, 1, 2, 3]);
  assertEquals([...await file.readFloat32("extended")], [4, 5, 6, 7]);
  assertEquals([...await file.readFloat32("flagged")], [0, 2, 1, 3]);
});

Deno.test("openCheckpoint() reads views of a part of a storage in the older container", async () => {
  const part = storage("FloatStorage", "9", 8, tuple(text("part"), int(2), int(4)));
  const object = dict({ w: tensor(part, { offset: 1, shape: [1, 3], stride: [3, 1] }) });
  const file = await openCheckpoint(pytorchSource(pytorchLegacy(object, { "9": EIGHT["0"] })));
  assertEquals([...await file.readFloat32("w")], [3, 4, 5]);
});

Deno.test("openCheckpoint() turns numbers round that were written on a big-endian machine", async () => {
  const reversed = (bytes: Uint8Array, width: number): Uint8Array =>
    Uint8Array.from(bytes, (_, i) => bytes[i - i % width + width - 1 - i % width]!);
  const doubles = new Uint8Array(Float64Array.of(0.1, -2, 3, 4).buffer);
  const halves = new Uint8Array(Uint16Array.of(0x3c00, 0x4000, 0x4200, 0x4400).buffer);
  const object = dict({
    double: tensor(storage("DoubleStorage", "0", 4), { shape: [2, 2], stride: [2, 1] }),
    turned: tensor(storage("DoubleStorage", "0", 4), { shape: [2, 2], stride: [1, 2] }),
    half: tensor(storage("HalfStorage", "1", 4), { shape: [2, 2], stride: [1, 2] }),
    byte: tensor(storage("ByteStorage", "2", 3), { shape: [3], stride: [1] }),
  });
  const storages = { "0": reversed(doubles, 8), "1": reversed(halves, 2), "2": Uint8Array.of(1, 2, 3) };
  const stored = storages["0"].slice();
  const order = (text: string): Parameters<typeof pytorchZip>[2] => [
    { name: "archive/byteorder", data: new TextEncoder().encode(text) },
  ];
  const file = await openCheckpoint(pytorchSource(pytorchZip(object, storages, order("big"))));
  for (let times = 0; times < 2; times++) {
    assertEquals(await file.readBytes("double"), doubles);
    assertEquals([...await file.readFloat32("turned")], [Math.fround(0.1), 3, -2, 4]);
    assertEquals([...await file.readFloat32("half")], [1, 3, 2, 4]);
    assertEquals(await readAll(file.readPieces("double")), [...doubles]);
    assertEquals([...await file.readBytes("byte")], [1, 2, 3]);
  }
  const little = await openCheckpoint(pytorchSource(pytorchZip(object, storages, order("little"))));
  assertEquals(await little.readBytes("double"), stored);
  await assertRejects(
    () => openCheckpoint(pytorchSource(pytorchZip(object, storages, order("middle")))),
    CheckpointError,
    `byteorder is "middle", "little" or "big" is needed`,
  );
});

Deno.test("openCheckpoint() reads zip64 archives, with tensors at any address", async () => {
  for (let padding = 0; padding < 8; padding++) {
    const more = [{ name: "archive/extra", data: new Uint8Array(1), padding }];
    const bytes = pytorchZip(dict({ w: matrix(2) }), EIGHT, more, { zip64: true });
    const shifted = new Uint8Array(bytes.length + padding);
    shifted.set(bytes, padding);
    const file = await openCheckpoint(pytorchSource(shifted.subarray(padding)));
    assertEquals([...await file.readFloat32("w")], [2, 3, 4, 5]);
  }
});

Deno.test("readFloat32() and readBytes() fill the array that they are given, whatever its alignment", async () => {
  const file = await openCheckpoint(await sourceOf("all_kinds.pt"));
  const expected = await openReference("expected.safetensors");
  for (const name of ["plain.F32", "transposed.F32", "transposed.F64", "transposed.BF16", "channels_last"]) {
    const bytes = await expected.readBytes(name);
    for (const shift of [0, 1, 2, 3, 5]) {
      const into = new Uint8Array(bytes.length + 9).fill(77);
      const filled = await file.readBytes(name, into.subarray(shift, into.length));
      assertEquals(filled, bytes, name);
      assert(filled.buffer === into.buffer && filled.byteOffset === shift);
      assertEquals([...into.subarray(shift + bytes.length)], Array(9 - shift).fill(77));
    }
    const values = new Float32Array(100).fill(-1);
    const part = await file.readFloat32(name, values);
    assertEquals(part, await expected.readFloat32(name));
    assert(part.buffer === values.buffer && values[part.length] === -1);
  }
});

/** A file of the older container that is made while it is read: element i of its storage "0" is the u32 number i. */
function virtualSource(object: Code, elements: number): ByteSource & { readonly reads: [number, number][] } {
  const head = pytorchLegacy(object, { "0": new Uint8Array(0) }, { lengths: { "0": BigInt(elements) } });
  return countingSource({
    name: "virtual.pt",
    size: head.length + 4 * elements,
    read(offset: number, length: number): Promise<Uint8Array> {
      if (offset < head.length) {
        const bytes = new Uint8Array(length);
        bytes.set(head.subarray(offset, offset + length));
        return Promise.resolve(bytes);
      }
      assertEquals((offset - head.length) % 4, 0);
      const first = (offset - head.length) / 4;
      const words = new Uint32Array(length / 4);
      for (let i = 0; i < words.length; i++) words[i] = first + i;
      return Promise.resolve(new Uint8Array(words.buffer));
    },
  });
}

/** All elements of tensor "w", piece by piece, must be what `element` says. */
async function assertElements(source: ByteSource, element: (index: number) => number): Promise<number> {
  const file = await openCheckpoint(source);
  let index = 0;
  for await (const piece of file.readPieces("w")) {
    assert(piece.length <= PIECE_BYTES && piece.byteOffset % 4 === 0);
    const words = new Uint32Array(piece.buffer, piece.byteOffset, piece.length / 4);
    for (let i = 0; i < words.length; i++, index++) {
      if (words[i] !== element(index)) assertEquals(words[i], element(index), `element ${index}`);
    }
  }
  return index;
}

Deno.test("readPieces() reads a large tensor in pieces, nothing twice, and nothing before it is asked for", async () => {
  const count = 3_000_000;
  const object = dict({ w: tensor(storage("IntStorage", "0", 2 * count), { offset: 5, shape: [count], stride: [1] }) });
  const source = virtualSource(object, 2 * count);
  await openCheckpoint(source);
  const opened = source.reads.reduce((sum, [, length]) => sum + length, 0);
  assert(opened < 300_000);
  assertEquals(await assertElements(source, (i) => 5 + i), count);
  assertEquals(source.reads.reduce((sum, [, length]) => sum + length, 0), 2 * opened + 4 * count);
  assert(source.reads.every(([, length]) => length <= PIECE_BYTES));
});

Deno.test("readPieces() puts a transposed tensor in order that is larger than what is held at a time", async () => {
  const [rows, columns] = [3, 6_000_000];
  const shape = { shape: [rows, columns], stride: [1, rows] };
  const source = virtualSource(dict({ w: tensor(storage("IntStorage", "0", rows * columns), shape) }), rows * columns);
  const found = await assertElements(source, (i) => Math.floor(i / columns) + rows * (i % columns));
  assertEquals(found, rows * columns);
  assert(source.reads.every(([, length]) => length <= PIECE_BYTES));
});

Deno.test("readPieces() reads a view that is scattered over more than what is held at a time", async () => {
  const elements = 40_000_000;
  const shape = { shape: [2, 4, 3], stride: [7, 9_999_999, 2] };
  const source = virtualSource(dict({ w: tensor(storage("IntStorage", "0", elements), shape) }), elements);
  assertEquals(
    await assertElements(source, (i) => 7 * Math.floor(i / 12) + 9_999_999 * (Math.floor(i / 3) % 4) + 2 * (i % 3)),
    24,
  );
});
