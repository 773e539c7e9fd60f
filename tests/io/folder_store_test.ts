import { assertEquals, assertRejects } from "@std/assert";
import { FileError, FolderStore } from "../../io/mod.ts";
import { withFolder } from "../cli/run_command.ts";

Deno.test("a folder is written by one evaluation at a time, and swept of what a killed one left", async () => {
  await withFolder(async (folder) => {
    folder.folder("out");
    folder.folder("out/units");
    folder.write(`out/units/.${crypto.randomUUID()}.tmp`, Uint8Array.of(1));
    folder.write("out/units/kept.json", Uint8Array.of(1));
    {
      using store = await FolderStore.writing(folder.path("out"));
      await assertRejects(() => FolderStore.writing(folder.path("out")), FileError, "another evaluation is at work");
      assertEquals(await store.list("units"), ["kept.json"]);
      assertEquals([await store.has("units/kept.json"), await store.has("units")], [true, false]);
      assertEquals(await store.read("units/kept.json"), Uint8Array.of(1));
    }
    using _again = await FolderStore.writing(folder.path("out"));
  });
});

Deno.test("files and pictures of a store are read as they were written, piece by piece, too", async () => {
  await withFolder(async (folder) => {
    using store = await FolderStore.writing(folder.path("out"));
    const writer = await store.create("units/b.json");
    await writer.write(Uint8Array.of(1));
    assertEquals(await store.has("units/b.json"), false);
    await writer.write(Uint8Array.of(2, 3));
    await writer.commit();
    await store.write("units/a.json", Uint8Array.of(4));
    folder.write("out/units/.hidden", Uint8Array.of(5));
    const bytes = await Array.fromAsync((await store.open("units/b.json"))!);
    assertEquals(bytes.flatMap((piece) => [...piece]), [1, 2, 3]);
    assertEquals(await store.open("units/c.json"), undefined);
    assertEquals((await Array.fromAsync(store.names("units"))).toSorted(), ["a.json", "b.json"]);
    const picture = { width: 2, height: 1, channels: 1, data: Float32Array.of(-1, 1) } as const;
    await store.writePicture("pictures/p.png", picture);
    assertEquals(await store.readPicture("pictures/p.png"), picture);
    assertEquals(await store.list("pictures"), ["p.png"]);
  });
});
