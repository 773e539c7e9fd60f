import { assertEquals, assertRejects } from "@std/assert";
import { FileError } from "../../io/file_error.ts";
import { FileSource } from "../../io/file_source.ts";

async function withFile(bytes: Uint8Array, body: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, bytes);
    await body(path);
  } finally {
    await Deno.remove(path);
  }
}

const BYTES = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) % 251);

Deno.test("FileSource reads any span, also in many calls at once", async () => {
  await withFile(BYTES, async (path) => {
    using source = await FileSource.open(path);
    assertEquals([source.name, source.size], [path, 1000]);
    const spans = Array.from({ length: 60 }, (_, i) => [(i * 379) % 900, (i * 31) % 101] as const);
    const parts = await Promise.all(spans.map(([offset, length]) => source.read(offset, length)));
    parts.forEach((part, i) => assertEquals(part, BYTES.slice(spans[i]![0], spans[i]![0] + spans[i]![1])));
    assertEquals((await source.read(0, 1000)).length, 1000);
    assertEquals((await source.read(1000, 0)).length, 0);
  });
});

Deno.test("FileSource gives fewer bytes only where the file ends", async () => {
  await withFile(BYTES, async (path) => {
    using source = await FileSource.open(path);
    assertEquals(await source.read(990, 50), BYTES.slice(990));
    assertEquals((await source.read(2000, 5)).length, 0);
    await Deno.truncate(path, 400);
    assertEquals(await source.read(390, 50), BYTES.slice(390, 400));
  });
});

Deno.test("FileSource reads into an array, as far as the file goes", async () => {
  await withFile(BYTES, async (path) => {
    using source = await FileSource.open(path);
    const into = new Uint8Array(60);
    const counts = await Promise.all([
      source.readInto(100, into.subarray(10, 30)),
      source.read(0, 5).then(({ length }) => length),
      source.readInto(985, into.subarray(30, 50)),
      source.readInto(2000, into.subarray(50)),
    ]);
    assertEquals(counts, [20, 5, 15, 0]);
    const expected = [...new Uint8Array(10), ...BYTES.slice(100, 120), ...BYTES.slice(985), ...new Uint8Array(15)];
    assertEquals([...into], expected);
    await Deno.truncate(path, 400);
    assertEquals(await source.readInto(390, into), 10);
  });
});

Deno.test("FileSource refuses negative and fractional spans", async () => {
  await withFile(BYTES, async (path) => {
    using source = await FileSource.open(path);
    for (const [offset, length] of [[-1, 4], [0, -1], [0.5, 1], [0, NaN], [2 ** 53, 1]] as const) {
      await assertRejects(() => source.read(offset, length), RangeError, "whole numbers from 0 are needed");
    }
    await assertRejects(() => source.readInto(-1, new Uint8Array(1)), RangeError, "1 bytes at byte -1 were asked for");
    assertEquals(await source.read(1, 2), BYTES.slice(1, 3));
  });
});

Deno.test("FileSource says what is wrong with a path", async () => {
  await withFile(BYTES, async (path) => {
    await assertRejects(
      () => FileSource.open(`${path}.none`),
      FileError,
      `Cannot read "${path}.none": there is no such file`,
    );
    await assertRejects(() => FileSource.open(`${path}/x`), FileError, "is a file where a directory is needed");
    await assertRejects(() => FileSource.open(path.slice(0, path.lastIndexOf("/"))), FileError, "it is a directory");
    await Deno.truncate(path, 0);
    await assertRejects(() => FileSource.open(path), FileError, "the file is empty");
  });
  await assertRejects(() => FileSource.open("/dev/null"), FileError, "a regular file is needed");
});

Deno.test("FileSource can be closed twice and then says that it is closed", async () => {
  await withFile(BYTES, async (path) => {
    const source = await FileSource.open(path);
    source.close();
    source.close();
    await assertRejects(() => source.read(0, 1), FileError, "closed already");
  });
});
