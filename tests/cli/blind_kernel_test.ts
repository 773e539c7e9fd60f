/** `restore --task deblur --kernel estimate`: the kernel lies beside the result, and is refused where none can be found. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { readImage, writePng } from "../../io/mod.ts";
import { colourRaster, crop, toImage } from "../../raster/mod.ts";
import { casePath } from "../io/cases.ts";
import { commandTest, type Folder, readReport, runCommand, runWell } from "./run_command.ts";

const SOFT = casePath("soft/soft-sigma1.2.png");
/** A picture of which no blur is told. */
const UNTOLD = casePath("common/good64.png");
const ASKED = ["--task", "deblur", "--kernel", "estimate"];

/** Looks for the kernel of the corner of a picture, restores with it, and gives the options of the report. */
async function found(folder: Folder, path: string): Promise<Record<string, unknown>> {
  const small = crop(colourRaster(await readImage(path)), { x: 0, y: 0, width: 32, height: 32 });
  await writePng(folder.path("in.png"), toImage(small));
  const quick = ["--method", "ddnm", "--steps", "2"];
  const { stdout, stderr } = await runWell([
    "restore",
    folder.path("in.png"),
    folder.path("out.png"),
    ...ASKED,
    ...quick,
  ]);
  assertStringIncludes(stdout + stderr, "The kernel was looked for on a part");
  assertEquals(folder.list(), ["in.png", "out-kernel.png", "out.json", "out.png"]);
  const kernel = await readImage(folder.path("out-kernel.png"));
  assertEquals([kernel.width, kernel.width % 2, kernel.bitDepth, kernel.channels], [kernel.height, 1, 16, 1]);
  return (readReport(folder.path("out.png")) as { options: Record<string, unknown> }).options;
}

commandTest(
  "a kernel is looked for and written, and the estimate is done where its guess is sure and stays",
  async (folder) => {
    const { task, blur, kernel } = await found(folder, SOFT);
    assertEquals([task, blur, kernel], ["deblur", "estimate", undefined]);
  },
);

commandTest("a kernel is found, written and taken where the picture does not tell surely which", async (folder) => {
  const { task, blur, kernel } = await found(folder, UNTOLD);
  assertEquals([task, blur, kernel], ["deblur-kernel", undefined, folder.path("out-kernel.png")]);
});

commandTest(
  "a kernel is not looked for in folders, good pictures and beside another word of the blur",
  async (folder) => {
    const refused = async (text: string, ...words: readonly string[]): Promise<void> => {
      const { code, stderr } = await runCommand(["restore", ...words]);
      assertEquals(code, 2, stderr);
      assertStringIncludes(stderr, text);
    };
    await refused("is a folder", folder.folder("in"), folder.path("out"), ...ASKED);
    await refused("leave out --degrade", SOFT, ...ASKED, "--degrade");
    await refused("exclude each other", SOFT, ...ASKED, "--blur-sigma", "2");
    await refused("belongs to --task deblur alone", SOFT, "--task", "deblur + jpeg", "--kernel", "estimate");
  },
);
