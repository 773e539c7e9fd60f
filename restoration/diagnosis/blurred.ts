/** Blur: of a lens, of motion, of a program. */
import type { OptionValues } from "../../parameters/mod.ts";
import { type Blur, estimateBlur } from "../estimates/blur.ts";
import { type Damage, type Finding, isFound, SURE } from "./finding.ts";

/**
 * From this deviation of the noise on, in units of [-1, 1], what stands out of it is too little to tell a blur: of nine
 * sharp pictures with 0.1 two passed for blurred, and with 0.2 one.
 */
const HIDING = 0.05;

/** How sure a blur can be behind so much noise. */
const HIDDEN = 0.5;

/** A blur. */
export const BLURRED: Damage = {
  name: "blurred",
  look({ colour, found }): Finding | undefined {
    // What was enlarged is soft, and no blur.
    if (isFound(found, "enlarged")) return undefined;
    const blur = estimateBlur(colour);
    if (!blur || (blur.kind === "gaussian" && blur.sigma === 0)) return undefined;
    const noise = found.find(({ damage }) => damage === "noisy")?.values["sigma"] ?? 0;
    return {
      damage: "blurred",
      text: describe(blur),
      values: valuesOf(blur),
      confidence: noise > HIDING ? Math.min(HIDDEN, blur.confidence) : blur.confidence,
      remedy: { task: "deblur", options: remedyOptions(blur) },
    };
  },
};

/** Estimates that are not sure are refused by `restore`; of a Gaussian the width can be said. */
function remedyOptions(blur: Blur): OptionValues {
  const isDoubtful = blur.confidence < SURE && blur.kind === "gaussian";
  return isDoubtful ? { "blur-sigma": Number(blur.sigma.toFixed(2)) } : { blur: "estimate" };
}

function describe(blur: Blur): string {
  switch (blur.kind) {
    case "gaussian":
      return `it is blurred as by a Gaussian of ${blur.sigma.toFixed(2)} +- ${blur.spread.toFixed(2)} pixels ` +
        "(standard deviation), or out of focus by a small disc";
    case "disc":
      return `it is out of focus: a disc ${blur.width.toFixed(1)} pixels wide`;
    case "square":
      return `it is blurred by means over squares of ${blur.width.toFixed(1)} pixels`;
    case "motion":
      return `it was moved by ${blur.length.toFixed(1)} pixels at ${blur.angle.toFixed(0)} degrees`;
  }
}

function valuesOf(blur: Blur): Readonly<Record<string, number>> {
  switch (blur.kind) {
    case "gaussian":
      return { sigma: blur.sigma, spread: blur.spread };
    case "motion":
      return { length: blur.length, angle: blur.angle };
    default:
      return { width: blur.width };
  }
}
