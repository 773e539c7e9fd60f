import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CheckpointError } from "../../../models/checkpoint/checkpoint_error.ts";
import { openCheckpoint } from "../../../models/checkpoint/open_checkpoint.ts";
import { MAX_PICKLE_BYTES } from "../../../models/checkpoint/pickle/pickle.ts";
import { countingSource } from "./handmade_file.ts";
import {
  call,
  type Code,
  dict,
  EMPTY_LIST,
  global,
  int,
  list,
  NONE,
  persistent,
  pickle,
  storage,
  tensor,
  text,
  tuple,
} from "./handmade_pickle.ts";
import { floats, type LegacyParts, pytorchLegacy, pytorchSource, pytorchZip } from "./handmade_pytorch.ts";
import { handmadeZip } from "./handmade_zip.ts";

const FOUR = { "0": floats(1, 2, 3, 4) };
const BLOCK = storage("FloatStorage", "0", 4);
const GOOD = dict({ w: tensor(BLOCK, { shape: [2, 2], stride: [2, 1] }) });

/** Opening the file must fail with this text, without a read beyond the file. */
async function refuses(bytes: Uint8Array, message: string): Promise<void> {
  const source = countingSource(pytorchSource(bytes));
  const error = await assertRejects(() => openCheckpoint(source), CheckpointError, message);
  assertStringIncludes(error.message, `"test.pt"`);
  assert(source.reads.every(([offset, length]) => offset + length <= source.size), "read beyond the file");
}

/** A storage whose id has other items. */
function odd(...items: readonly Code[]): Code {
  return persistent(tuple(...items));
}

function view(
  offset: number | bigint,
  shape: readonly (number | bigint)[],
  stride: readonly (number | bigint)[],
): Code {
  return tensor(BLOCK, { offset, shape, stride });
}

/** `_rebuild_tensor_v2` with other arguments. */
function rebuilt(...args: readonly Code[]): Code {
  return call("torch._utils", "_rebuild_tensor_v2", ...args);
}

const FLOAT = global("torch", "FloatStorage");
const PAIR = tuple(int(2), int(2));
const FALSE: Code = [0x89];

const CASES: [title: string, message: string, value: Code][] = [
  [
    "a persistent id that is too short",
    "a persistent id of 4 items",
    odd(text("storage"), FLOAT, text("0"), text("cpu")),
  ],
  ["a persistent id that is too long", "a persistent id of 7 items", storage("FloatStorage", "0", 4, NONE, NONE)],
  [
    "a storage of no type",
    "a string as the type of a storage",
    odd(text("storage"), text("f"), text("0"), text("cpu"), int(4)),
  ],
  [
    "a storage whose key is a number",
    "the number 0 as the key of a storage",
    odd(text("storage"), FLOAT, int(0), text("cpu"), int(4)),
  ],
  ["a storage on no device", "None as the device of a storage", odd(text("storage"), FLOAT, text("0"), NONE, int(4))],
  [
    "a storage of -1 elements",
    "the number -1 as the number of elements of a storage",
    storage("FloatStorage", "0", -1),
  ],
  [
    "a storage of 2^62 elements",
    "the number 4611686018427387904 as the number of",
    storage("FloatStorage", "0", 2n ** 62n),
  ],
  ["a storage of 2^52 elements", "the number 4503599627370496 as the number of", storage("FloatStorage", "0", 2 ** 52)],
  [
    "a storage of None elements",
    "None as the number of elements",
    odd(text("storage"), FLOAT, text("0"), text("cpu"), NONE),
  ],
  [
    "a storage of two lengths",
    `storage "0" as 3 elements of F32 after 4 of F32`,
    list(BLOCK, storage("FloatStorage", "0", 3)),
  ],
  [
    "a storage of two types",
    `storage "0" as 4 elements of I32 after 4 of F32`,
    list(BLOCK, storage("IntStorage", "0", 4)),
  ],
  [
    "a part of a storage beyond its end",
    `a tuple of 3 items as a part of storage "0"`,
    storage("FloatStorage", "0", 4, tuple(text("p"), int(2), int(3))),
  ],
  [
    "a part of a storage that is a number",
    `the number 1 as a part of storage "0"`,
    storage("FloatStorage", "0", 4, int(1)),
  ],
  ["a tensor of nothing", "a tensor from 0 arguments, 6 or 7 are needed", rebuilt()],
  [
    "a tensor of eight arguments",
    "a tensor from 8 arguments",
    rebuilt(BLOCK, int(0), PAIR, PAIR, FALSE, NONE, NONE, NONE),
  ],
  [
    "a tensor of a tensor",
    "a tensor from a tensor, a storage is needed",
    tensor(view(0, [1], [1]), { shape: [1], stride: [1] }),
  ],
  [
    "a tensor of a number",
    "a tensor from the number 3, a storage is needed",
    tensor(int(3), { shape: [1], stride: [1] }),
  ],
  ["an offset that is text", "a string as the offset of a tensor", rebuilt(BLOCK, text("0"), PAIR, PAIR, FALSE, NONE)],
  ["an offset below 0", "the number -1 as the offset of a tensor", view(-1, [1], [1])],
  ["an offset of 2^64", "the number 18446744073709551616 as the offset", view(2n ** 64n, [1], [1])],
  [
    "an offset at the end",
    `whose last element is 4, one of the 4 elements of storage "0" is needed`,
    view(4, [1], [1]),
  ],
  [
    "a size that is too large",
    "a tensor of F32 [5] at offset 0 with strides [1], whose last element is 4",
    view(0, [5], [1]),
  ],
  ["a stride that is too large", "with strides [4, 1], whose last element is 5", view(0, [2, 2], [4, 1])],
  ["a stride of 2^52", "whose last element is 4503599627370496", view(0, [2], [2 ** 52])],
  ["a stride below 0", "a tuple with the number -1 as the strides of a tensor", view(3, [4], [-1])],
  ["a size below 0", "a tuple with the number -2 as the sizes of a tensor", view(0, [-2, -2], [1, 1])],
  ["a size of 2^64", "a tuple with the number 18446744073709551616 as the sizes", view(0, [2n ** 64n], [0])],
  [
    "sizes whose product overflows",
    "a tensor of F32 [67108864, 67108864], which overflows",
    view(0, [2 ** 26, 2 ** 26], [0, 0]),
  ],
  [
    "sizes whose product wraps to a small number at 64 bits",
    "which overflows",
    view(0, [2 ** 32, 2 ** 32, 4], [0, 0, 0]),
  ],
  [
    "sizes that are no tuple",
    "a list of 0 items as the sizes of a tensor",
    rebuilt(BLOCK, int(0), EMPTY_LIST, PAIR, FALSE, NONE),
  ],
  ["sizes of text", "a tuple with a string as the sizes", rebuilt(BLOCK, int(0), tuple(text("2")), PAIR, FALSE, NONE)],
  [
    "65 sizes",
    "a tuple of 65 items as the sizes of a tensor, at most 64",
    view(0, Array(65).fill(1), Array(65).fill(1)),
  ],
  ["more sizes than strides", "a tensor of 2 sizes and 1 strides", view(0, [2, 2], [1])],
  [
    "a tensor to be negated",
    "a tensor whose values are to be conjugated or negated",
    rebuilt(BLOCK, int(0), PAIR, PAIR, FALSE, NONE, dict({ neg: [0x88] })),
  ],
  ["an empty tensor that begins beyond its storage", "a tensor of F32 [0] at offset 5", view(5, [0], [1])],
  [
    "a parameter of nothing",
    "a parameter from nothing, a tensor is needed",
    call("torch._utils", "_rebuild_parameter"),
  ],
  [
    "a parameter of a storage",
    "a parameter from a storage",
    call("torch._utils", "_rebuild_parameter", BLOCK, FALSE, NONE),
  ],
];

for (const [title, message, value] of CASES) {
  Deno.test(`openCheckpoint() refuses ${title} in either container`, async () => {
    const object = dict({ good: tensor(BLOCK, { shape: [2, 2], stride: [2, 1] }), bad: value });
    await refuses(pytorchZip(object, FOUR), message);
    await refuses(pytorchLegacy(object, FOUR), message);
  });
}

Deno.test("openCheckpoint() refuses tensors that are far larger than the file, though no element lies outside", async () => {
  const large = (count: number): Code => dict({ a: GOOD, b: view(0, [count, count], [0, 0]) });
  const message =
    /^Cannot load "test\.pt": its tensors up to "b" F32 \[1000, 1000\] have 4000000 bytes, at most \d+ are/;
  for (const write of [pytorchZip, pytorchLegacy]) {
    const error = await assertRejects(
      () => openCheckpoint(pytorchSource(write(dict({ b: view(0, [1000, 1000], [0, 0]) }), FOUR))),
      CheckpointError,
    );
    assert(message.test(error.message), error.message);
    const file = await openCheckpoint(pytorchSource(write(large(300), FOUR)), { stateDict: "" });
    assertEquals(new Set(await file.readFloat32("b")), new Set([1]));
  }
  const many = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`t${i}`, [0x68, 0] as Code]));
  const object: Code = [...view(0, [30, 30], [0, 0]), 0x71, 0, ...dict(many), 0x86];
  await refuses(pytorchZip(object, FOUR), `its tensors up to "t`);
});

const ZIP_CASES: [title: string, message: string, bytes: Uint8Array][] = [
  [
    "a storage that is too short",
    `data/0 has 12 bytes, 4 elements of F32 need 16`,
    pytorchZip(GOOD, { "0": floats(1, 2, 3) }),
  ],
  [
    "a storage that is too long",
    `data/0 has 20 bytes, 4 elements of F32 need 16`,
    pytorchZip(GOOD, { "0": floats(1, 2, 3, 4, 5) }),
  ],
  ["a storage that is missing", `the archive has no entry "archive/data/0", it is needed`, pytorchZip(GOOD, {})],
  [
    "a storage outside its folder",
    `the archive has no entry "archive/data/../../secret", it is needed`,
    pytorchZip(dict({ w: tensor(storage("FloatStorage", "../../secret", 4), { shape: [4], stride: [1] }) }), FOUR),
  ],
  [
    "an entry with ..",
    `is named "archive/../../evil"`,
    pytorchZip(GOOD, FOUR, [{ name: "archive/../../evil", data: new Uint8Array(1) }]),
  ],
  [
    "a compressed storage",
    `entry "archive/data/0" is compressed (deflate), stored entries are needed`,
    handmadeZip([{ name: "archive/data.pkl", data: pickle(GOOD) }, {
      name: "archive/data/0",
      data: floats(1, 2, 3, 4),
      method: 8,
    }]),
  ],
  [
    "a compressed pickle",
    `entry "archive/data.pkl" is compressed (deflate)`,
    handmadeZip([{ name: "archive/data.pkl", data: pickle(GOOD), method: 8 }]),
  ],
  [
    "another compressed entry",
    `entry "archive/x" is compressed (LZMA)`,
    pytorchZip(GOOD, FOUR, [{ name: "archive/x", data: new Uint8Array(1), method: 14 }]),
  ],
  [
    "an archive without a pickle",
    "the archive has 0 entries FOLDER/data.pkl, one is needed",
    handmadeZip([{ name: "word/document.xml", data: new Uint8Array(5) }]),
  ],
  ["an empty archive", "the archive has 0 entries FOLDER/data.pkl", handmadeZip([])],
  [
    "two pickles",
    "the archive has 2 entries FOLDER/data.pkl",
    pytorchZip(GOOD, FOUR, [{ name: "b/data.pkl", data: pickle(GOOD) }]),
  ],
  [
    "a pickle that is too deep in folders",
    "the archive has 0 entries FOLDER/data.pkl",
    handmadeZip([{ name: "a/b/data.pkl", data: pickle(GOOD) }]),
  ],
  [
    "bytes behind the pickle",
    "data.pkl goes on for 2 bytes after its end at byte 4",
    handmadeZip([{ name: "a/data.pkl", data: Uint8Array.of(0x80, 2, 0x4e, 0x2e, 0, 0) }]),
  ],
  [
    "a pickle above the limit",
    `data.pkl has ${MAX_PICKLE_BYTES + 1} bytes, at most ${MAX_PICKLE_BYTES} are allowed`,
    declaredPickle(MAX_PICKLE_BYTES + 1),
  ],
  ["an empty pickle", "data.pkl ends at byte 0", handmadeZip([{ name: "a/data.pkl", data: new Uint8Array(0) }])],
  [
    "a byte order that is too long",
    "byteorder has 17 bytes, at most 16",
    pytorchZip(GOOD, FOUR, [{ name: "archive/byteorder", data: new Uint8Array(17) }]),
  ],
];

/** An archive whose pickle is all zeros, put together without an array of numbers of that length. */
function declaredPickle(size: number): Uint8Array {
  const whole = handmadeZip([{ name: "a/data.pkl", data: new Uint8Array(0), declared: { size, packed: size } }], {
    declared: { begin: 40 + size },
  });
  const bytes = new Uint8Array(whole.length + size);
  bytes.set(whole.subarray(0, 40));
  bytes.set(whole.subarray(40), 40 + size);
  return bytes;
}

for (const [title, message, bytes] of ZIP_CASES) {
  Deno.test(`openCheckpoint() refuses an archive with ${title}`, () => refuses(bytes, message));
}

const LEGACY_CASES: [title: string, message: string, parts: LegacyParts, storages?: Record<string, Uint8Array>][] = [
  ["another magic number", "its first pickle is the number 5, the number 119547037146038801333356 is needed", {
    magic: int(5),
  }],
  ["a state dict in place of the magic number", "its first pickle is a dict of 1 items", { magic: GOOD }],
  ["another version", "its version is the number 1000, 1001 is needed", { version: int(1000) }],
  ["no system information", "its system information is None, a dict is needed", { system: NONE }],
  ["a program as system information", `its system information is a call of "os.system"`, {
    system: call("os", "system", text("x")),
  }],
  ["no list of storages", "its list of storages is a tuple of 0 items", { keys: tuple() }],
  ["a list of storages with a number", "a key in its list of storages is the number 0", { keys: list(int(0)) }],
  ["a storage that is not listed", `storage "0" is not in the list of storages`, { keys: list() }, {}],
  ["a storage that nobody has", `storage "1" is in the list of storages, but no tensor has it`, {
    keys: list(text("0"), text("1")),
  }],
  ["a storage that is listed twice", `storage "0" is in the list of storages twice`, {
    keys: list(text("0"), text("0")),
  }],
  ["a storage of another length", `storage "0" has 3 elements at byte`, { lengths: { "0": 3n } }],
  ["a storage of a negative length", `storage "0" has -1 elements at byte`, { lengths: { "0": -1n } }],
  ["a storage of 2^62 elements", `storage "0" has 4611686018427387904 elements at byte`, {
    lengths: { "0": 2n ** 62n },
  }],
  ["a storage that is cut off", `storage "0" of 16 bytes ends at byte`, { lengths: { "0": 4n } }, {
    "0": floats(1, 2, 3),
  }],
  ["a storage whose length is missing", `storage "0" begins at byte`, { keys: list(text("0")) }, {}],
  ["bytes at its end", "2 bytes follow the last storage, none are needed", { tail: new Uint8Array(2) }],
];

for (const [title, message, parts, storages = FOUR] of LEGACY_CASES) {
  Deno.test(`openCheckpoint() refuses a file of the older container with ${title}`, () =>
    refuses(pytorchLegacy(GOOD, storages, parts), message));
}

Deno.test("openCheckpoint() reads more of the older container where the pickles are long", async () => {
  const object = dict({ w: tensor(BLOCK, { shape: [2, 2], stride: [2, 1] }), note: text("x".repeat(700_000)) });
  const file = await openCheckpoint(pytorchSource(pytorchLegacy(object, FOUR)));
  assertEquals([...await file.readFloat32("w")], [1, 2, 3, 4]);
});
