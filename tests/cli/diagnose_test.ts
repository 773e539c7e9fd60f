/** `diagnose`: what it prints, as text and as data, and how it ends. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readImage } from "../../io/mod.ts";
import { casePath } from "../io/cases.ts";
import { commandTest, readReport, runCommand, runWell, withFolder } from "./run_command.ts";

const SOFT = casePath("soft/soft-sigma1.2.png");
const BLOCKS = casePath("common/good64-q15.jpg");
const GOOD = casePath("common/good64.png");
const FEW = ["--task", "auto", "--method", "ddnm", "--steps", "2"];
const SCRATCHED = casePath("old-photo/scratched-sepia.png");

Deno.test("diagnose names the damage of each picture, and the command that undoes it", async () => {
  const { stdout } = await runWell(["diagnose", SOFT, BLOCKS, GOOD]);
  for (
    const line of [
      `  deno task restore ${SOFT} --task deblur --blur estimate\n`,
      "Found: the file is a JPEG of quality 15\n",
      `  deno task restore ${BLOCKS} --task jpeg\n`,
      "Nothing is surely wrong with it: leave it as it is\n",
    ]
  ) assertStringIncludes(stdout, line);
});

Deno.test("diagnose --json gives quantities and advice as data", async () => {
  const { stdout } = await runWell(["diagnose", BLOCKS, "--json"]);
  const { picture, findings: [first], advice } = JSON.parse(stdout);
  assertEquals([picture, first.damage, first.values, first.confidence], [BLOCKS, "compressed", { quality: 15 }, 1]);
  assertEquals(advice, { task: "jpeg", options: {}, later: [] });
});

Deno.test("diagnose tells of a file that is no picture, looks at the others, and ends with 1", async () => {
  const { code, stdout, stderr } = await runCommand(["diagnose", new URL(import.meta.url).pathname, BLOCKS]);
  assertEquals(code, 1);
  assertStringIncludes(stdout + stderr, "diagnose_test.ts");
  assertStringIncludes(stdout, "--task jpeg");
  assertEquals((await runCommand(["diagnose"])).code, 2);
});

/** Runs what is called from a folder. */
async function calledFrom<T>(folder: string, body: () => Promise<T>): Promise<T> {
  const before = Deno.env.get("INIT_CWD");
  Deno.env.set("INIT_CWD", folder);
  try {
    return await body();
  } finally {
    if (before === undefined) Deno.env.delete("INIT_CWD");
    else Deno.env.set("INIT_CWD", before);
  }
}

commandTest("diagnose --sheet writes the mask of scratches and shows it, and auto fills them by it", async (folder) => {
  const looked = (...words: readonly string[]) => calledFrom(folder.path(""), () => runCommand(["diagnose", ...words]));
  const sheet = await looked(SCRATCHED, SOFT, "--sheet");
  assertEquals(sheet.code, 0, sheet.stderr);
  assertStringIncludes(sheet.stdout, "--task inpaint --mask");
  assertEquals(folder.list(), ["scratched-sepia-diagnosis.png", "scratched-sepia-mask.png"]);
  const mask = await readImage(folder.path("scratched-sepia-mask.png"));
  assertEquals([mask.width, mask.channels, new Set(mask.samples).size], [64, 1, 2]);
  const same = await looked(SCRATCHED, SCRATCHED.replace(".png", ".jpg"), "--sheet");
  assertEquals(same.code, 1);
  assertStringIncludes(same.stdout + same.stderr, "it is the mask of");

  const { stdout, stderr } = await runWell(["restore", SCRATCHED, folder.path("out.png"), ...FEW]);
  assertStringIncludes(stdout + stderr, `Wrote ${folder.path("out-mask.png")}`);
  const { options } = readReport(folder.path("out.png")) as { options: Record<string, unknown> };
  assertEquals([options["task"], options["mask"]], ["inpaint", folder.path("out-mask.png")]);
});

commandTest("restore --task auto does what is advised, and says why", async (folder) => {
  const { stdout, stderr } = await runWell([
    "restore",
    BLOCKS,
    folder.path("out.png"),
    "--task",
    "auto",
    "--method",
    "ddnm",
    "--steps",
    "2",
  ]);
  assertStringIncludes(stdout + stderr, "Found: the file is a JPEG of quality 15");
  assertEquals((readReport(folder.path("out.png"))["options"] as Record<string, unknown>)["task"], "jpeg");
});

commandTest("restore --task auto tries several readings on a part, shows them and takes the best", async (folder) => {
  const { stdout, stderr } = await runWell(["restore", SOFT, folder.path("out.png"), ...FEW]);
  const printed = stdout + stderr;
  for (const text of ["2. deblur", ", taken.", "3. hdr", `Wrote ${folder.path("out-readings.png")}`]) {
    assertStringIncludes(printed, text);
  }
  const strip = await readImage(folder.path("out-readings.png"));
  // Three pictures of at least 256 pixels, with gaps of 8.
  assertEquals([strip.width, strip.height], [3 * 264 + 8, 272]);
  assertEquals((readReport(folder.path("out.png"))["options"] as Record<string, unknown>)["task"], "deblur");
});

commandTest("restore --task auto --yes does what is advised without trying readings", async (folder) => {
  const { stdout, stderr } = await runWell(["restore", SOFT, folder.path("out.png"), ...FEW, "--yes"]);
  assert(!(stdout + stderr).includes("Tried on"));
  assertEquals(folder.list(), ["out.json", "out.png"]);
  const { options } = readReport(folder.path("out.png")) as { options: Record<string, unknown> };
  assertEquals([options["task"], options["yes"]], ["deblur", undefined]);
  assertEquals((await runCommand(["restore", SOFT, "--task", "denoise", "--yes"])).code, 2);
});

commandTest(
  "restore FOLDER --task auto looks at each file, leaves good ones alone, and keeps results",
  async (folder) => {
    const damaged = folder.folder("in");
    await Deno.copyFile(BLOCKS, `${damaged}/blocks.jpg`);
    await Deno.copyFile(GOOD, `${damaged}/good.png`);
    await Deno.copyFile(SOFT, `${damaged}/soft.png`);
    await Deno.writeTextFile(`${damaged}/torn.png`, "no picture");
    const words = ["restore", damaged, folder.path("out"), ...FEW];
    const { code, stdout, stderr } = await runCommand(words);
    const lines = (stdout + stderr).split("\n").filter((line) => line.includes(damaged));
    assertEquals(code, 1, stderr);
    assertEquals(lines.length, 4, lines.join("\n"));
    const lineOf = (name: string): string => lines.find((line) => line.includes(`/${name}"`)) ?? "";
    assertMatch(lineOf("blocks.jpg"), /restored to .*--task jpeg, of 1 readings/);
    assertMatch(lineOf("soft.png"), /restored to .*--task deblur, of 2 readings/);
    assertMatch(lineOf("good.png"), /passed over: .*leave it as it is/);
    assertMatch(lineOf("torn.png"), /failed: /);
    assertEquals(folder.list("out"), [
      "blocks.json",
      "blocks.png",
      "soft-readings.png",
      "soft.json",
      "soft.png",
    ]);
    const again = await runCommand(words);
    assertStringIncludes(again.stdout + again.stderr, "Restored 0 files, 2 were restored already");
  },
);

Deno.test("restore --task auto leaves a good picture alone; without a picture it is a mistake", async () => {
  await withFolder(async (folder) => {
    const out = folder.path("out.png");
    const { stdout, stderr } = await runWell(["restore", GOOD, out, "--task", "auto"]);
    assertStringIncludes(stdout + stderr, "leave it as it is");
    assertEquals(folder.list(), []);
    assertEquals((await runCommand(["restore", "--task", "auto"])).code, 2);
  });
});
