import { assertEquals } from "@std/assert";
import { listFolder } from "../../cli/folder.ts";
import { withFolder } from "./run_command.ts";

Deno.test("everything in a folder is listed, and told by what it holds and not by its ending", async () => {
  await withFolder(async (folder) => {
    folder.picture("named-as.jpg", {});
    folder.picture("no-ending", {});
    folder.picture(".hidden.png", {});
    folder.picture("all-mask.png", {});
    folder.write("empty.png", new Uint8Array());
    folder.write("notes.txt", new TextEncoder().encode("nothing to see"));
    folder.write("scan.tif", Uint8Array.of(0x49, 0x49, 0x2a, 0, 8, 0, 0, 0));
    folder.write("y.safetensors", Uint8Array.of(1));
    folder.folder("inner.png");
    folder.folder("out");
    const items = await listFolder(folder.path("."), {
      "it is the mask of all": folder.path("all-mask.png"),
      "it holds the results": folder.path("out"),
      "it is not there": undefined,
    });
    const short = items.map((
      { path, kind, about },
    ) => [path.split("/").at(-1)!, kind, about?.split(":").at(-1)?.trim()]);
    assertEquals(short.sort(), [
      [".hidden.png", "other", "its name begins with a dot"],
      ["all-mask.png", "other", "it is the mask of all"],
      ["empty.png", "other", "the file is empty"],
      ["inner.png", "other", "it is a folder"],
      ["named-as.jpg", "picture", undefined],
      ["no-ending", "picture", undefined],
      ["notes.txt", "other", "it is not an image, PNG, JPEG, WebP or AVIF is needed"],
      ["out", "other", "it holds the results"],
      [
        "scan.tif",
        "other",
        "it is a TIFF file (or a raw camera file of that form), PNG, JPEG, WebP or AVIF is needed; save it as PNG in " +
        "another program first",
      ],
      ["y.safetensors", "measurement", undefined],
    ]);
  });
});
