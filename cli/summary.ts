/** The outcome of a restoration for people. */
import { formatSeconds } from "../io/mod.ts";
import type { ImageQuality } from "../metrics/mod.ts";
import { isLinear } from "../operators/mod.ts";
import { type CombinedResult, describeCounts, formatSize, type Outcome } from "../restoration/mod.ts";
import { filesOf, type SampleOutput } from "./outputs.ts";

/** The outcome in a few lines. */
export function summarize(output: SampleOutput, { restoration, method, result, seed, picture }: Outcome): string {
  const { counts, seconds } = restoration;
  const applied = describeCounts(counts);
  const { comparison, raster } = result;
  const others = filesOf(output).slice(1).join(", ");
  const lines = [
    `Wrote ${output.image} (${formatSize(raster)}), ${others}`,
    `${method.name}: ${counts.nfe} network evaluations (${method.evaluations.nominal} nominal)` +
    `${applied && `, ${applied}`} in ${formatSeconds(seconds)}, seed ${seed}`,
  ];
  if (comparison) {
    lines.push(
      `Restored:     ${formatQuality(comparison.result)}`,
      `${isLinear(picture.problem.operator) ? "A^+ y alone: " : "Measured:    "} ${
        formatQuality(comparison.pseudoInverse)
      }`,
    );
  }
  return [...lines, result.verdict.text].join("\n");
}

/** What several restorations are together, in a few lines. */
export function summarizeCombined(output: SampleOutput, { raster, count, quality, verdict }: CombinedResult): string {
  const others = filesOf(output).slice(1).join(", ");
  const lines = [`Wrote ${output.image} (${formatSize(raster)}), the mean of ${count} samples, ${others}`];
  if (quality) {
    lines.push(
      `Mean:         ${formatQuality(quality.mean)}`,
      `Each sample:  ${formatQuality(quality.samples)} on average`,
    );
  }
  return [...lines, verdict.text].join("\n");
}

function formatQuality({ psnr, ssim }: ImageQuality): string {
  const closeness = psnr === Infinity ? "equal to the ground truth" : `PSNR ${psnr.toFixed(2)} dB`;
  return ssim === undefined ? closeness : `${closeness}, SSIM ${ssim.toFixed(4)}`;
}
