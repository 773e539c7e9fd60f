/** The outcome of a restoration for people. */
import type { ImageQuality } from "../metrics/mod.ts";
import { isLinear } from "../operators/mod.ts";
import { formatSize } from "./canvas.ts";
import { describeCounts } from "./counts.ts";
import type { Outcome } from "./report.ts";
import type { CombinedResult } from "./samples.ts";

/**
 * The outcome in a few lines.
 * @param files that were written, the picture first
 * @param time that it took, as people read it
 */
export function summarize(
  [image, ...others]: readonly string[],
  time: string,
  { restoration: { counts }, method, result, seed, picture }: Outcome,
): string {
  const applied = describeCounts(counts);
  const { comparison, raster } = result;
  const lines = [
    `Wrote ${image} (${formatSize(raster)}), ${others.join(", ")}`,
    `${method.name}: ${counts.nfe} network evaluations (${method.evaluations.nominal} nominal)` +
    `${applied && `, ${applied}`} in ${time}, seed ${seed}`,
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

/**
 * What several restorations are together, in a few lines.
 * @param files that were written, the picture first
 */
export function summarizeCombined(
  [image, ...others]: readonly string[],
  { raster, count, quality, verdict }: CombinedResult,
): string {
  const lines = [`Wrote ${image} (${formatSize(raster)}), the mean of ${count} samples, ${others.join(", ")}`];
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
