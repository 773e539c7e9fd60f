import { assert, assertEquals } from "@std/assert";
import { readImage } from "../../io/mod.ts";
import { commandTest, readReport, runWell } from "./run_command.ts";

const HELD_OUT = new URL("../held_out/", import.meta.url).pathname;
const BOX = new URL("../../evaluation/studies/masks/box.png", import.meta.url).pathname;

/**
 * What the embedded prior gains over A^+ y where nothing of the method is named, in dB, by picture. The noise has the same bits on
 * every adapter and the network nearly so; the band of 0.3 dB is less than a tenth of the gain.
 */
const GAINS = [
  { task: "sr4", options: [], gains: { "05.png": 4.80, "11.png": 4.99 } },
  { task: "inpaint", options: ["--mask", BOX], gains: { "05.png": 5.00, "11.png": 8.85 } },
];

/** The same for the picture that is restored where none is named. */
const SAMPLE_GAIN = 10.88;

/** Restores and measures the gain over A^+ y in dB. */
async function gainOf(out: string, words: readonly string[]): Promise<number> {
  await runWell(["restore", ...words, "--out", out]);
  const { metrics } = readReport(out) as { metrics: Record<"result" | "pseudoInverse", { psnr: number }> };
  return metrics.result.psnr - metrics.pseudoInverse.psnr;
}

for (const { task, options, gains } of GAINS) {
  commandTest(`the embedded prior restores held-out pictures: ${task}`, async (folder) => {
    for (const [picture, expected] of Object.entries(gains)) {
      const out = folder.path(picture);
      const gain = await gainOf(out, [`${HELD_OUT}${picture}`, "--degrade", "--task", task, ...options]);
      assert(Math.abs(gain - expected) < 0.3, `${picture}: ${gain.toFixed(2)} dB, ${expected} dB were expected`);
    }
  });
}

commandTest(
  "restore without a picture restores the sample at the training size, and again to the same bytes",
  async (folder) => {
    const [first, second] = [folder.path("a.png"), folder.path("b.png")];
    const gain = await gainOf(first, []);
    assert(Math.abs(gain - SAMPLE_GAIN) < 0.3, `${gain.toFixed(2)} dB, ${SAMPLE_GAIN} dB were expected`);
    assertEquals((await readImage(first)).width, 64);
    // Bytes are the same from the first step on, or not at all.
    for (const out of [first, second]) await runWell(["restore", "--steps", "4", "--out", out]);
    assertEquals(await Deno.readFile(second), await Deno.readFile(first));
  },
);
