/** The blur of a picture that one has is given, estimated where that is asked for, or asked for. */
import { assert, assertAlmostEquals, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readImage } from "../../io/mod.ts";
import { psnr } from "../../metrics/mod.ts";
import type { OptionValues } from "../../parameters/mod.ts";
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
  const said = /estimated as a Gaussian of (1\.\d\d) \+- (0\.\d\d) pixels .* undone as one of (1\.\d\d)/.exec(stderr);
  const [, width, spread, used] = (said ?? []).map(Number);
  assertAlmostEquals(used!, width! - spread! / 2, 0.011);
  const { task } = readReport(out) as { task: { parameters: { threshold: number; boundary: string } } };
  assertEquals([task.parameters.threshold, task.parameters.boundary], [0.05, "unknown"]);
  assertStringIncludes(stderr, "--method ddnm+ is taken, which reckons with noise");
  assertStringIncludes(stderr, "64x64 are restored within");
  const [before, after] = [await quality(SOFT), await quality(out)];
  assert(after > before + 2.5, `${before} -> ${after} dB`);
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

/** How the soft picture is taken where its errors are those of rounding, and where it is noisy. */
async function settled(options: OptionValues, noise = 0): Promise<ReturnType<typeof settleBlur>> {
  const picture = colourRaster(await readImage(SOFT));
  return settleBlur(options, TASKS.get("deblur")!, picture, "y", { noise, rounding: 0.002 });
}

Deno.test("what a method undoes that does not reckon with noise is at least its level, unless it is said", async () => {
  const threshold = async (options: OptionValues): Promise<unknown> =>
    (await settled({ method: "ssd", ...options })).options["blur-threshold"];
  assertEquals(await threshold({ "blur-sigma": 2 }), undefined);
  assertEquals(await threshold({ "blur-sigma": 2, "noise-level": 0.3 }), 0.3);
  assertEquals(await threshold({ "blur-sigma": 2, "noise-level": 0.05 }), undefined);
  assertEquals(await threshold({ "blur-sigma": 2, "noise-level": 0.3, "blur-threshold": 0.01 }), 0.01);
  assertEquals(await threshold({ blur: "estimate" }), 0.2);
  assertEquals(await threshold({ blur: "estimate", "noise-level": 0.4 }), 0.4);
});

Deno.test("the errors of a soft picture are reckoned with for every singular value, those of rounding too", async () => {
  const width = { "blur-sigma": 2 };
  const taken = await settled(width);
  assertEquals(taken.options, {
    ...width,
    "blur-taps": 15,
    "blur-threshold": 0.01,
    "blur-boundary": "unknown",
    "noise-level": 0.03,
  });
  assertEquals(taken.method, { "noise-level": 0.03, form: "spectral", steps: 30 });
  const noisy = await settled(width, 0.1);
  assertEquals([noisy.options["noise-level"], noisy.method], [undefined, { form: "spectral", steps: 30 }]);
  const method = async (options: OptionValues): Promise<unknown> => (await settled({ ...width, ...options })).method;
  assertEquals(await method({ method: "ddrm" }), { "noise-level": 0.03 });
  const found = await settled({ blur: "estimate" });
  assertEquals(found.method, { "noise-level": 0.01, form: "spectral", steps: 30 });
  assertEquals(await method({ method: "ddnm+", "noise-level": 0.1 }), { form: "spectral" });
  const others = [{ method: "ddnm+", form: "simplified" }, { method: "dps" }, { shortcut: 400 }, { "noise-level": 0 }];
  for (const options of others) assertEquals(await method(options), undefined, JSON.stringify(options));
});

Deno.test("a kernel reaches as far as its width says, unless its taps are given or it is cut as published", async () => {
  const taps = async (options: OptionValues): Promise<unknown> => (await settled(options)).options["blur-taps"];
  assertEquals(await taps({ "blur-sigma": 3 }), 23);
  assertEquals(await taps({ "blur-sigma": 3, "blur-taps": 9 }), 9);
  assertEquals(await taps({ "blur-sigma": 100 }), 255);
  assertEquals(await taps({ "blur-sigma": 3, "blur-variant": "published" }), undefined);
});

Deno.test("a border that is said, a published blur and one of one tap stay as they are", async () => {
  const boundary = async (options: OptionValues): Promise<unknown> =>
    (await settled({ "blur-sigma": 2, ...options })).options["blur-boundary"];
  assertEquals(await boundary({ method: "ssd" }), "unknown");
  assertEquals(await boundary({ "blur-boundary": "reflect" }), "reflect");
  assertEquals(await boundary({ "blur-variant": "published" }), undefined);
  assertEquals(await boundary({ "blur-taps": 1 }), undefined);
});
