import { assertEquals, assertRejects } from "@std/assert";
import { FileError } from "../../io/file_error.ts";
import { PartialFile } from "../../io/partial_file.ts";
import { flushesAndRenames, writingLittle } from "./disk.ts";

async function inFolder(body: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(`${folder}/file`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const ORIGIN = { url: "https://example.org/file", validator: '"1"', total: 6 };

Deno.test("a finished download is flushed to the disk before it gets its name", async () => {
  await inFolder(async (path) => {
    const order = await flushesAndRenames(async () => {
      using part = await PartialFile.open(path);
      await part.restart(ORIGIN);
      await part.append(Uint8Array.of(1, 2, 3));
      await part.finish();
    });
    assertEquals(order, ["flush", "rename"]);
    assertEquals(await Deno.readFile(path), Uint8Array.of(1, 2, 3));
  });
});

Deno.test("a later run appends to what an earlier one has left, and knows where it came from", async () => {
  await inFolder(async (path) => {
    {
      using part = await PartialFile.open(path);
      await part.restart(ORIGIN);
      await part.append(Uint8Array.of(1, 2, 3));
    }
    using part = await PartialFile.open(path);
    assertEquals([part.size, part.inherited, part.origin], [3, 3, ORIGIN]);
    await part.append(Uint8Array.of(4, 5, 6));
    assertEquals([part.size, part.inherited], [6, 3]);
    await part.finish();
    assertEquals(await Deno.readFile(path), Uint8Array.of(1, 2, 3, 4, 5, 6));
  });
});

Deno.test("a download that begins again leaves nothing of what had arrived, and writes all bytes", async () => {
  await inFolder(async (path) => {
    using part = await PartialFile.open(path);
    await part.restart(ORIGIN);
    await part.append(Uint8Array.of(1, 2, 3, 4, 5));
    await part.restart({ ...ORIGIN, total: 4 });
    assertEquals(part.size, 0);
    await writingLittle(3, () => part.append(Uint8Array.of(6, 7, 8, 9)));
    await part.finish();
    assertEquals(await Deno.readFile(path), Uint8Array.of(6, 7, 8, 9));
  });
});

Deno.test("two processes do not write to one partial file", async () => {
  await inFolder(async (path) => {
    using _part = await PartialFile.open(path);
    await assertRejects(() => PartialFile.open(path), FileError, "another process is downloading it");
  });
});
