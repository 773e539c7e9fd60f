import { assertEquals, assertRejects } from "@std/assert";
import { listFolder } from "../../cli/folder.ts";
import { FileError } from "../../io/mod.ts";
import { withFolder } from "./run_command.ts";

Deno.test("the files of a folder are sorted, hidden ones and masks left out, and masks found by name", async () => {
  await withFolder(async (folder) => {
    const names = ["b.png", "a.JPG", "a-mask.png", "lone-mask.png", ".hidden.png", "y.safetensors", "text.txt"];
    for (const name of names) folder.write(name, Uint8Array.of(1));
    folder.folder("inner.png");
    const { pictures, measurements, masks } = await listFolder(folder.path("."));
    const short = (path: string): string => path.split("/").at(-1)!;
    assertEquals(pictures.map(short), ["a.JPG", "b.png", "lone-mask.png"]);
    assertEquals(measurements.map(short), ["y.safetensors"]);
    assertEquals([...masks].map(([picture, mask]) => [short(picture), short(mask)]), [["a.JPG", "a-mask.png"]]);
  });
});

Deno.test("two pictures of one name are refused, as their results would be one", async () => {
  await withFolder(async (folder) => {
    for (const name of ["a.png", "a.jpg"]) folder.write(name, Uint8Array.of(1));
    await assertRejects(() => listFolder(folder.path(".")), FileError, "have one name");
  });
});
