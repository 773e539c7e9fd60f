import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  blobByteSource,
  bytesByteSource,
  type ByteSource,
  PIECE_BYTES,
  readExactly,
  readInto,
} from "../../../models/checkpoint/byte_source.ts";
import { CheckpointError, quoteName } from "../../../models/checkpoint/checkpoint_error.ts";

const BYTES = Uint8Array.from({ length: 20 }, (_, i) => i * 3);

for (
  const [kind, source] of Object.entries<ByteSource>({
    blobByteSource: blobByteSource(new Blob([BYTES]), "name"),
    bytesByteSource: bytesByteSource(BYTES, "name"),
  })
) {
  Deno.test(`${kind}() reads any range and ends where the bytes end`, async () => {
    assertEquals([source.name, source.size], ["name", 20]);
    assertEquals(await source.read(3, 5), BYTES.slice(3, 8));
    assertEquals(await source.read(20, 0), new Uint8Array(0));
    assertEquals(await source.read(17, 10), BYTES.slice(17));
  });
}

Deno.test("blobByteSource() says which file could not be read and why", async () => {
  const blob = new Blob([BYTES]);
  blob.slice = (): Blob => {
    throw new DOMException("The file is gone", "NotReadableError");
  };
  await assertRejects(
    () => blobByteSource(blob, "gone.safetensors").read(4, 8),
    CheckpointError,
    `Cannot read "gone.safetensors": 8 bytes at byte 4 were refused (The file is gone)`,
  );
});

Deno.test("readExactly() refuses fewer bytes than asked for", async () => {
  assertEquals(await readExactly(bytesByteSource(BYTES, "a"), 15, 5, "the end"), BYTES.slice(15));
  await assertRejects(
    () => readExactly(bytesByteSource(BYTES, "a.safetensors"), 15, 6, `tensor "w"`),
    CheckpointError,
    `Cannot read "a.safetensors": tensor "w" gave 5 bytes at byte 15, 6 are needed`,
  );
});

Deno.test("readInto() fills an array at once where the source can, and in pieces elsewhere", async () => {
  const bytes = Uint8Array.from({ length: 2 * PIECE_BYTES + 5 }, (_, i) => i % 251);
  const plain = bytesByteSource(bytes, "a.safetensors");
  const lengths: number[] = [];
  const direct: ByteSource = {
    ...plain,
    read: () => Promise.reject(new Error("readInto should be used")),
    readInto(offset: number, into: Uint8Array): Promise<number> {
      lengths.push(into.length);
      const part = bytes.subarray(offset, offset + into.length);
      into.set(part);
      return Promise.resolve(part.length);
    },
  };
  for (const source of [plain, direct]) {
    const into = new Uint8Array(bytes.length - 2);
    await readInto(source, 2, into, `tensor "w"`);
    assertEquals(into.every((byte, i) => byte === bytes[i + 2]), true);
    await assertRejects(
      () => readInto(source, bytes.length - 5, new Uint8Array(6), `tensor "w"`),
      CheckpointError,
      `Cannot read "a.safetensors": tensor "w" gave 5 bytes at byte ${bytes.length - 5}, 6 are needed`,
    );
  }
  assertEquals(lengths, [2 * PIECE_BYTES + 3, 6]);
});

Deno.test("quoteName() escapes what could change a terminal and cuts what is long", () => {
  assertStrictEquals(quoteName("out.2.weight"), `"out.2.weight"`);
  assertStrictEquals(quoteName("grün ☃"), `"grün ☃"`);
  assertStrictEquals(quoteName('a"b\0\x1b[2J'), `"a\\"b\\u0000\\u001b[2J"`);
  assertStrictEquals(quoteName("a\u202eb\x9bc\u2066"), `"a\\u202eb\\u009bc\\u2066"`);
  assertStrictEquals(quoteName("x".repeat(1000)), `"${"x".repeat(120)}..."`);
});
