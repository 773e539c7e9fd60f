/** What is told of a restoration: the JSON file beside the picture, and a few lines for people. */
import { isLinear } from "../operators/mod.ts";
import { formatSize, type Outcome, type Quality, type Report, reportOf } from "../restoration/mod.ts";
import { filesOf, type SampleOutput } from "./outputs.ts";
import { formatSeconds } from "./progress.ts";

/** What the report of a command tells besides the restoration. */
export interface CommandOutcome {
  readonly words: readonly string[];
  /** The file that was restored, and its SHA-256. */
  readonly input: { readonly file: string; readonly sha256: string };
  /** What is known of its picture. */
  readonly picture: Report;
  readonly output: SampleOutput;
}

/** Everything needed to make the picture again, and what came of it. */
export async function makeReport(
  { words, input, picture, output }: CommandOutcome,
  outcome: Outcome,
): Promise<Report> {
  return {
    program: { name: "shortcut", deno: Deno.version.deno },
    command: ["restore", ...words],
    files: filesOf(output),
    input,
    picture,
    ...await reportOf(outcome),
  };
}

/** The outcome in a few lines. */
export function summarize(output: SampleOutput, { restoration, method, result, seed, picture }: Outcome): string {
  const { actual, nominal } = method.evaluations;
  const { comparison, raster } = result;
  const others = filesOf(output).slice(1).join(", ");
  const lines = [
    `Wrote ${output.image} (${formatSize(raster)}), ${others}`,
    `${method.name}: ${actual} network evaluations (${nominal} nominal) in ` +
    `${formatSeconds(restoration.seconds)}, seed ${seed}`,
  ];
  if (comparison) {
    lines.push(
      `Restored:     ${formatQuality(comparison.result)}`,
      `${isLinear(picture.problem.operator) ? "A^+ y alone: " : "Measured:    "} ${
        formatQuality(comparison.pseudoInverse)
      }`,
    );
  }
  return lines.join("\n");
}

function formatQuality({ psnr, ssim }: Quality): string {
  const closeness = psnr === Infinity ? "equal to the ground truth" : `PSNR ${psnr.toFixed(2)} dB`;
  return ssim === undefined ? closeness : `${closeness}, SSIM ${ssim.toFixed(4)}`;
}
