/** The blur of a picture that one has is given, estimated where that is asked for, or asked for. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readImage } from "../../io/mod.ts";
import { psnr } from "../../metrics/mod.ts";
import { colourRaster } from "../../raster/mod.ts";
import { settleBlur, TASKS } from "../../restoration/mod.ts";
import { casePath } from "../io/cases.ts";
import { commandTest, readReport, runCommand, runWell } from "./run_command.ts";

const SOFT = casePath("soft/soft-sigma1.2.png");

/** A part of a photo under a motion by 9 pixels at 30 degrees, with what the motion brought over its borders. */
const MOVED = casePath("moved/moved-9-30.png");

/** PSNR against the sharp picture. */
async function quality(path: string, sharp = "common/good64.png"): Promise<number> {
  const [result, truth] = [await readImage(path), await readImage(casePath(sharp))].map(colourRaster);
  return psnr(result!.data, truth!.data, { shape: [truth!.height, truth!.width, 3] });
}

commandTest("deblur without a width asks for it, and names the estimate and both options", async (folder) => {
  const { code, stderr } = await runCommand(["restore", SOFT, folder.path("o.png"), "--task", "deblur"]);
  assertEquals(code, 2);
  assertMatch(
    stderr,
    /was not given; it is estimated as 1\.\d\d \+- 0\.\d\d pixels .*: give --blur-sigma 1\.\d\d or --blur/,
  );
  const flat = folder.picture("flat.png", { sample: () => 90 });
  const none = await runCommand(["restore", flat, folder.path("o.png"), "--task", "deblur", "--blur", "estimate"]);
  assertEquals(none.code, 2);
  assertStringIncludes(none.stderr, "cannot be estimated");
});

commandTest("deblur with an estimated width says it and makes a soft picture better", async (folder) => {
  const out = folder.path("o.png");
  const words = ["restore", SOFT, out, "--task", "deblur", "--blur", "estimate", "--steps", "10"];
  const { stderr } = await runWell(words);
  assertMatch(stderr, /The blur is estimated as a Gaussian of 1\.\d\d \+- 0\.\d\d pixels/);
  const { task } = readReport(out) as { task: { parameters: { sigma: number; threshold: number } } };
  assertEquals(task.parameters.threshold, 0.2);
  const [before, after] = [await quality(SOFT), await quality(out)];
  assert(after > before + 1.5, `${before} -> ${after} dB`);
});

commandTest("a slanted motion is undone though nothing is known beyond the borders of the photo", async (folder) => {
  const out = folder.path("o.png");
  const how = ["--task", "deblur", "--blur", "estimate", "--method", "pseudo-inverse"];
  const { stderr } = await runWell(["restore", MOVED, out, ...how]);
  assertStringIncludes(stderr, "undone as --task deblur-kernel --blur-boundary unknown does");
  assertStringIncludes(stderr, "96x96 are restored within");
  const [before, after] = [await quality(MOVED, "moved/sharp.png"), await quality(out, "moved/sharp.png")];
  assert(after > before + 3, `${before} -> ${after} dB`);
});

commandTest("--blur goes with deblur of a soft picture, and without a width", async (folder) => {
  const refused = async (fragment: string, ...options: string[]): Promise<void> => {
    const { code, stderr } = await runCommand([
      "restore",
      SOFT,
      folder.path("o.png"),
      "--blur",
      "estimate",
      ...options,
    ]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, fragment);
  };
  await refused("--blur belongs to --task deblur", "--task", "sr2");
  await refused("--blur belongs to --task deblur", "--task", "deblur", "--degrade");
  await refused("--blur and --blur-sigma exclude each other", "--task", "deblur", "--blur-sigma", "2");
});

Deno.test("what is undone of a blur is at least the level of the noise, unless it is said", async () => {
  const picture = colourRaster(await readImage(SOFT));
  const threshold = (options: Readonly<Record<string, string | number>>): unknown =>
    settleBlur(options, TASKS.get("deblur")!, picture, "y").options["blur-threshold"];
  assertEquals(threshold({ "blur-sigma": 2 }), undefined);
  assertEquals(threshold({ "blur-sigma": 2, "noise-level": 0.3 }), 0.3);
  assertEquals(threshold({ "blur-sigma": 2, "noise-level": 0.05 }), undefined);
  assertEquals(threshold({ "blur-sigma": 2, "noise-level": 0.3, "blur-threshold": 0.01 }), 0.01);
  assertEquals(threshold({ blur: "estimate" }), 0.2);
  assertEquals(threshold({ blur: "estimate", "noise-level": 0.4 }), 0.4);
});
