/** `diagnose`: what it prints, as text and as data, and how it ends. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { casePath } from "../io/cases.ts";
import { commandTest, readReport, runCommand, runWell, withFolder } from "./run_command.ts";

const SOFT = casePath("soft/soft-sigma1.2.png");
const BLOCKS = casePath("common/good64-q15.jpg");
const GOOD = casePath("common/good64.png");

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

Deno.test("restore --task auto leaves a good picture alone; without a picture it is a mistake", async () => {
  await withFolder(async (folder) => {
    const out = folder.path("out.png");
    const { stdout, stderr } = await runWell(["restore", GOOD, out, "--task", "auto"]);
    assertStringIncludes(stdout + stderr, "leave it as it is");
    assertEquals(folder.list(), []);
    assertEquals((await runCommand(["restore", "--task", "auto"])).code, 2);
    assertEquals((await runCommand(["restore", folder.path(""), "--task", "auto"])).code, 2);
  });
});
