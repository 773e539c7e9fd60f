/** Masks as people have them: of any two values, of nearly the picture's size, or in the picture itself. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readImage } from "../../io/mod.ts";
import { casePath } from "../io/cases.ts";
import { quickModel } from "./random_model.ts";
import { commandTest, type Folder, type Outcome, readReport, runCommand, runWell } from "./run_command.ts";

/** The method that takes least, with the smallest network. */
const QUICK = ["--method", "pseudo-inverse", "--model", await quickModel()];

const GOOD = casePath("common/good64.png");

/** Inpaints with the quickest method; what is not missing stays, whatever the method. */
async function inpainted(folder: Folder, picture: string, ...options: string[]): Promise<Outcome> {
  const words = ["restore", picture, "--task", "inpaint", ...QUICK, "--out", folder.path("o.png")];
  return await runCommand([...words, ...options]);
}

/** Part of the pixels that the report calls known. */
function knownPart(folder: Folder): number {
  const { task } = readReport(folder.path("o.png")) as { task: { parameters: { mask: { known: number } } } };
  return task.parameters.mask.known;
}

commandTest("two-valued masks of any values keep what the usual one keeps", async (folder) => {
  const usual = await inpainted(folder, GOOD, "--mask", casePath("masks/gray.png"));
  assertEquals(usual.code, 0, usual.stderr);
  const known = knownPart(folder);
  assert(known > 0.5 && known < 1, `${known}`);
  for (const name of ["zeros-and-ones", "alpha-mask"]) {
    const { code, stderr } = await inpainted(folder, GOOD, "--mask", casePath(`masks/${name}.png`));
    assertEquals([code, knownPart(folder)], [0, known], `${name}: ${stderr}`);
  }
});

commandTest("a mask that replaces most of the picture says so and names the other reading", async (folder) => {
  const { code, stderr } = await inpainted(folder, GOOD, "--mask", casePath("masks/white-is-hole.png"));
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /replaces 8\d % of the picture \(white is kept\); with black kept \(--mask-keep black\)/);
});

commandTest("a mask of the same shape and another size is resized with a note", async (folder) => {
  for (const name of ["too-large", "off-by-one"]) {
    const { code, stderr } = await inpainted(folder, GOOD, "--mask", casePath(`masks/${name}.png`));
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, "and is resized to 64 x 64");
  }
});

commandTest(
  "transparent pixels are what is missing where no mask is named, and their fill is opaque",
  async (folder) => {
    const path = casePath("masks/picture-with-hole-in-alpha.png");
    const { code, stderr } = await inpainted(folder, path);
    assertEquals(code, 0, stderr);
    assertMatch(stderr, /[\d.]+ % of the picture is transparent and is filled; --mask FILE names other pixels/);
    const [before, after] = [await readImage(path), await readImage(folder.path("o.png"))];
    assertEquals(after.alpha, undefined);
    const kept = before.alpha!.filter((value) => value >= 128).length / before.alpha!.length;
    assertEquals(knownPart(folder), kept);
    before.alpha!.forEach((value, pixel) => {
      if (value === 255) assertEquals(after.samples[3 * pixel], before.samples[3 * pixel], `pixel ${pixel}`);
    });
  },
);

commandTest("the rows that a cut JPEG lacks are filled by inpaint, and told by the other tasks", async (folder) => {
  const path = casePath("truncated-photo/half.jpg");
  const { missing } = await readImage(path);
  const filled = await inpainted(folder, path);
  assertEquals(filled.code, 0, filled.stderr);
  assertStringIncludes(filled.stderr, "is missing in the file and is filled");
  assertEquals(knownPart(folder), missing!.reduce((sum, known) => sum + known, 0) / missing!.length);
  const words = ["restore", path, "--task", "sr2", ...QUICK, "--out", folder.path("o.png")];
  assertStringIncludes((await runWell(words)).stderr, "and stays gray; --task inpaint fills it");
});

commandTest("a folder goes on where one picture brings no mask", async (folder) => {
  folder.folder("in");
  folder.picture("in/a.png", {});
  folder.picture("in/b.png", { colorType: 6, sample: (x, _, c) => c === 3 ? (x < 4 ? 0 : 255) : 100 });
  const words = ["restore", folder.path("in"), folder.path("out"), "--task", "inpaint", ...QUICK];
  const { code, stderr, stdout } = await runCommand(words);
  assertEquals(code, 1);
  assertMatch(stderr, /a\.png": failed: --task inpaint needs --mask FILE/);
  assertStringIncludes(stdout, "Restored 1 files, 0 were restored already, 1 failed");
});

commandTest("what is painted over in the picture itself is filled where its colour is named", async (folder) => {
  const path = casePath("masks/hole-painted-red.png");
  const { code, stderr } = await inpainted(folder, path, "--mask-colour", "red");
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "11.9 % of the picture is painted in red and is filled");
  assertEquals(knownPart(folder), 1 - 489 / 4096);
  const unsaid = await inpainted(folder, path);
  assertEquals(unsaid.code, 2);
  assertStringIncludes(unsaid.stderr, "or --mask-colour COLOUR for pixels that are painted over");
  const other = await inpainted(folder, path, "--mask-colour", "cyan");
  assertEquals(other.code, 2);
  assertStringIncludes(other.stderr, "--mask-colour cyan does not fit the picture: no pixel is cyan");
});
