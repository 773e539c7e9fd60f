/** The noise of a measurement reaches the sampler, from the file or from the command line. */
import { assert, assertAlmostEquals, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readImage } from "../../io/mod.ts";
import { psnr } from "../../metrics/mod.ts";
import { colourRaster } from "../../raster/mod.ts";
import { casePath } from "../io/cases.ts";
import { quickModel } from "./random_model.ts";
import { commandTest, type Folder, readReport, runWell, withoutParameters } from "./run_command.ts";

/** For what holds with any network. */
const QUICK = ["--steps", "4", "--model", await quickModel()];

/** The bytes of a picture that is restored by a method for noisy measurements. */
async function restored(folder: Folder, input: string, ...options: readonly string[]): Promise<Uint8Array> {
  const out = folder.path("out.png");
  await runWell(["restore", input, "--out", out, "--method", "ddrm", ...QUICK, ...options]);
  return withoutParameters(await Deno.readFile(out));
}

commandTest("restore takes the noise level that a measurement brings, unless another is given", async (folder) => {
  const y = folder.path("y.safetensors");
  await runWell(["degrade", folder.picture("x.png", {}), y, "--task", "sr2", "--sigma-y", "0.3"]);
  const own = await restored(folder, y);
  assertEquals(await restored(folder, y, "--noise-level", "0.3"), own);
  const without = await restored(folder, y, "--noise-level", "0");
  assert(
    own.length !== without.length || own.some((byte, i) => byte !== without[i]),
    "the noise of the file is ignored",
  );
});

const NOISY = casePath("real-noise/noisy-sigma25.png");

/** PSNR of a result against the clean picture. */
async function quality(path: string): Promise<number> {
  const [result, truth] = [await readImage(path), await readImage(casePath("common/good64.png"))].map(colourRaster);
  return psnr(result!.data, truth!.data, { shape: [64, 64, 3] });
}

commandTest("denoise estimates the noise, says it, and takes a method that reckons with noise", async (folder) => {
  const out = folder.path("out.png");
  const { stderr } = await runWell(["restore", NOISY, out, "--task", "denoise", "--steps", "20"]);
  assertStringIncludes(stderr, "--method ddnm+ is taken, which reckons with noise");
  assertMatch(
    stderr,
    /The noise is estimated as 0\.\d{3} \+- 0\.\d{3} \(.*\); 7 % more is counted, .*; --noise-level N gives another/,
  );
  const report = readReport(out) as {
    method: { name: string };
    task: { estimatedNoise: { sigma: number; spread: number } };
    notes: string[];
  };
  const { sigma, spread } = report.task.estimatedNoise;
  assertAlmostEquals(sigma, 50 / 255, Math.max(0.01, 2 * spread));
  assertEquals(report.method.name, "ddnm_plus");
  assert(report.notes.some((note) => note.startsWith("The noise is estimated")));
  const found = await quality(out);
  // Where no more noise is counted than there is, some of it is left.
  assert(found >= 33.5, `${found} dB`);
});

commandTest("a noise level that is given is taken instead of an estimate; 0 gives the picture back", async (folder) => {
  const out = folder.path("out.png");
  const words = ["restore", NOISY, out, "--task", "denoise", ...QUICK];
  const { stderr } = await runWell([...words, "--noise-level", "0"]);
  assert(!stderr.includes("estimated"), stderr);
  assertEquals((await readImage(out)).samples, (await readImage(NOISY)).samples);
  const named = await runWell([...words, "--method", "ssd"]);
  assertMatch(named.stderr, /does not reckon with noise .*; ddnm\+, ddrm, .* do/);
  const tiny = folder.picture("tiny.png", { width: 5, height: 5 });
  const few = await runWell(["restore", tiny, out, "--task", "denoise", ...QUICK]);
  assertStringIncludes(few.stderr, "cannot be estimated from so few pixels");
});

commandTest("a noisy picture that was restored smaller does not get its noise back", async (folder) => {
  const out = folder.path("out.png");
  await runWell(["restore", NOISY, out, "--task", "denoise", "--size", "32", "--steps", "10"]);
  const found = await quality(out);
  const before = await quality(NOISY);
  assert(found > before + 3, `${before} -> ${found} dB`);
});
