/** Folders as people have them: every file is told of in one line, and nothing stops the others. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { casePath } from "../io/cases.ts";
import { commandTest, type Folder, type Outcome, runCommand } from "./run_command.ts";

/** Restores a folder of cases without a network into `out`, and makes sure that everything in it has one line. */
async function restoreCase(folder: Folder, name: string, ...words: string[]): Promise<Outcome> {
  const from = casePath(name);
  const method = ["--method", "pseudo-inverse", "--cpu"];
  const outcome = await runCommand(["restore", from, folder.path("out"), ...method, ...words]);
  const lines = `${outcome.stdout}\n${outcome.stderr}`.split("\n");
  for await (const { name: entry } of Deno.readDir(from)) {
    const count = lines.filter((line) => line.startsWith(`"${from}/${entry}": `)).length;
    assertEquals(count, 1, `${entry} in\n${lines.join("\n")}`);
  }
  return outcome;
}

const PICTURES = /\.png$/;

commandTest(
  "a folder of all sorts: pictures by content, a reason for the rest, a broken one stops nothing",
  async (folder) => {
    const { code, stdout, stderr } = await restoreCase(folder, "mixed-folder", "--task", "sr2");
    assertEquals(code, 1, "broken.jpg has failed");
    assertEquals(folder.list("out").filter((name) => PICTURES.test(name)), [
      "UPPER.png",
      "b.png",
      "c.png",
      "ok.png",
      "wrong.png",
    ]);
    assertStringIncludes(stderr, 'broken.jpg": failed: Cannot read ');
    assertStringIncludes(stdout, 'notes.txt": passed over: it is not an image');
    assertStringIncludes(stdout, 'sub": passed over: it is a folder');
    assertStringIncludes(stdout, "Restored 5 files, 0 were restored already, 1 failed, 3 passed over");
    const again = await restoreCase(folder, "mixed-folder", "--task", "sr2");
    assertStringIncludes(again.stdout, 'ok.png": left as it is: it was made before in the same way');
    assertStringIncludes(again.stdout, "Restored 0 files, 5 were restored already, 1 failed, 3 passed over");
  },
);

commandTest("files of one name have results of their own", async (folder) => {
  assertEquals((await restoreCase(folder, "same-stem", "--task", "sr2")).code, 0);
  assertEquals(folder.list("out").filter((name) => PICTURES.test(name)), ["cat-jpg.png", "cat-png.png", "dog.png"]);
});

commandTest("what a file is called does not decide what it is", async (folder) => {
  assertEquals((await restoreCase(folder, "wrong-extension", "--task", "sr2")).code, 0);
  assertEquals(folder.list("out").filter((name) => PICTURES.test(name)), [
    "no-extension.png",
    "photo.png",
    "really-jpeg.png",
    "really-png.png",
  ]);
});

commandTest("a picture without a mask is said, and the others are filled; one mask serves all", async (folder) => {
  const { code, stdout, stderr } = await restoreCase(folder, "folder-masks", "--task", "inpaint");
  assertEquals(code, 1);
  assertStringIncludes(stdout, 'a.png": restored to ');
  assertStringIncludes(stdout, 'a-mask.png": passed over: it is the mask of ');
  assertStringIncludes(stderr, 'b.png": failed: --task inpaint needs --mask FILE');
  const mask = casePath("folder-masks/a-mask.png");
  const all = await restoreCase(folder, "one-mask-for-all", "--task", "inpaint", "--mask", mask);
  assertStringIncludes(all.stdout, "Restored 2 files, 0 were restored already\n");
  const mixed = await restoreCase(folder, "folder-size-mix", "--task", "inpaint", "--mask", mask);
  assertStringIncludes(mixed.stderr, "failed: Cannot use mask ");
  assertStringIncludes(mixed.stdout, "Restored 1 files, 0 were restored already, 1 failed\n");
});
