import { assert } from "@std/assert";
import { commandTest, readReport, runWell } from "./run_command.ts";

const HELD_OUT = new URL("../held_out/", import.meta.url).pathname;

/**
 * What the embedded prior gains over A^+ y with the default preset, in dB, by picture. The noise has the same bits on
 * every adapter and the network nearly so; the band is a tenth of the usual gain.
 */
const GAINS = [
  { task: "sr4", options: [], gains: { "05.png": 2.71, "11.png": 2.08 } },
  { task: "inpaint", options: ["--mask", `${HELD_OUT}mask-box.png`], gains: { "05.png": 3.81, "11.png": 5.41 } },
];

for (const { task, options, gains } of GAINS) {
  commandTest(`the embedded prior restores held-out pictures: ${task}`, async (folder) => {
    for (const [picture, expected] of Object.entries(gains)) {
      const out = folder.path(picture);
      await runWell(["restore", `${HELD_OUT}${picture}`, "--degrade", "--task", task, ...options, "--out", out]);
      const { metrics } = readReport(out) as { metrics: Record<"result" | "pseudoInverse", { psnr: number }> };
      const gain = metrics.result.psnr - metrics.pseudoInverse.psnr;
      assert(Math.abs(gain - expected) < 0.3, `${picture}: ${gain.toFixed(2)} dB, ${expected} dB were expected`);
    }
  });
}
