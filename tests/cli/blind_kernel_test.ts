/** `restore --task deblur --kernel estimate`: the kernel lies beside the result, and is refused where none can be found. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { readImage, writePng } from "../../io/mod.ts";
import { colourRaster, crop, toImage } from "../../raster/mod.ts";
import { casePath } from "../io/cases.ts";
import { commandTest, readReport, runCommand, runWell } from "./run_command.ts";

const SOFT = casePath("soft/soft-sigma1.2.png");
const ASKED = ["--task", "deblur", "--kernel", "estimate"];

commandTest("a kernel is found, written and taken", async (folder) => {
  const small = crop(colourRaster(await readImage(SOFT)), { x: 0, y: 0, width: 32, height: 32 });
  await writePng(folder.path("soft.png"), toImage(small));
  const words = [
    "restore",
    folder.path("soft.png"),
    folder.path("out.png"),
    ...ASKED,
    "--method",
    "ddnm",
    "--steps",
    "2",
  ];
  const { stdout, stderr } = await runWell(words);
  assertStringIncludes(stdout + stderr, "The kernel was looked for on a part");
  assertEquals(folder.list(), ["out-kernel.png", "out.json", "out.png", "soft.png"]);
  const { options } = readReport(folder.path("out.png")) as { options: Record<string, unknown> };
  assertEquals([options["task"], options["kernel"]], ["deblur-kernel", folder.path("out-kernel.png")]);
  const kernel = await readImage(folder.path("out-kernel.png"));
  assertEquals([kernel.width, kernel.width % 2, kernel.bitDepth, kernel.channels], [kernel.height, 1, 16, 1]);
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
