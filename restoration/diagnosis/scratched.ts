/** What lies over a picture: scratches and dust. */
import { percent } from "../../raster/mod.ts";
import { findScratches } from "../estimates/scratches.ts";
import { type Damage, type Finding, isFound } from "./finding.ts";

/** Scratches, with the dust of their brightness. */
export const SCRATCHED: Damage = {
  name: "scratched",
  look({ colour, found }): Finding | undefined {
    // What is missing is filled first: borders of holes are as straight as scratches.
    if (isFound(found, "missing")) return undefined;
    const seen = findScratches(colour);
    if (!seen) return undefined;
    const { known, scratches, spots, isBright, confidence } = seen;
    const lines = scratches === 1 ? "a scratch" : `${scratches} scratches`;
    const dust = spots === 0 ? "" : spots === 1 ? " and a spot" : ` and ${spots} spots`;
    return {
      damage: "scratched",
      text: `there ${scratches === 1 ? "is" : "are"} ${lines}${dust}, ${isBright ? "brighter" : "darker"} than ` +
        `the picture, over ${percent(known.share)} of it`,
      values: { scratches, spots, share: known.share },
      confidence,
      known,
      remedy: { task: "inpaint", options: {} },
    };
  },
};
