import { assertEquals, assertRejects } from "@std/assert";
import { FolderStore } from "../../cli/evaluate_store.ts";
import { FileError } from "../../io/mod.ts";
import { withFolder } from "./run_command.ts";

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
