/** Pixels that a picture lacks: transparent ones, and rows that a cut file does not hold. */
import { maskFromAlpha, percent } from "../../raster/mod.ts";
import type { Damage, Finding } from "./finding.ts";

/** Pixels that are missing. */
export const MISSING: Damage = {
  name: "missing",
  look({ picture }): Finding | undefined {
    const { missing } = picture;
    const share = missing
      ? missing.filter((known) => known === 0).length / missing.length
      : maskFromAlpha(picture)?.share ?? 0;
    if (share === 0) return undefined;
    return {
      damage: "missing",
      text: `${percent(share)} of the picture is ${missing ? "missing in the file" : "transparent"}`,
      values: { share },
      confidence: 1,
      remedy: { task: "inpaint", options: {} },
    };
  },
};
