/** Brightness and colour: what is clipped, faded, or without colour. */
import { isGrayContent, percent, rgbToGray } from "../../raster/mod.ts";
import { fadedContrast } from "../own/fading.ts";
import { findClipping } from "../own/highlights.ts";
import type { Damage, Finding } from "./finding.ts";

/** More than this part of the values at white is a damage. */
const MOST_CLIPPED = 0.02;

/** Colours that differ by no more than two levels are gray. */
const TOLERANCE = 2 / 255;

/** Highlights that are brighter than white. */
export const CLIPPED: Damage = {
  name: "clipped",
  look({ picture: { bitDepth }, colour }): Finding | undefined {
    const channels = findClipping(colour, bitDepth);
    const share = channels.reduce((sum, one) => sum + one.share, 0) / channels.length;
    if (share < MOST_CLIPPED) return undefined;
    return {
      damage: "clipped",
      text: `${percent(share)} of the values are as bright as they can be: sky, lamps, or a white background`,
      values: { share },
      // A white background is as white as a sky that is overexposed.
      confidence: 0.5,
      remedy: { task: "hdr", options: {} },
    };
  },
};

/** Gray pictures that use a part of the range alone. */
export const FADED: Damage = {
  name: "faded",
  look({ colour }): Finding | undefined {
    if (!isGray(colour)) return undefined;
    const contrast = fadedContrast(colour.channels === 3 ? rgbToGray(colour) : colour);
    if (!contrast) return undefined;
    const [low, high] = [contrast.black, contrast.white].map((value) => Math.round((value + 1) * 127.5)) as [
      number,
      number,
    ];
    return {
      damage: "faded",
      text: `it is gray and faded: 99 % of its values are from ${low} to ${high} of 255`,
      values: { black: low, white: high },
      // Fog and paper are as pale.
      confidence: high - low < 150 ? 0.8 : 0.5,
      remedy: { task: "old-photo", options: {} },
    };
  },
};

/** Pictures without colour. */
export const GRAY: Damage = {
  name: "gray",
  look({ colour }): Finding | undefined {
    if (!isGray(colour)) return undefined;
    return { damage: "gray", text: "it is gray: --task colorize gives it likely colours", values: {}, confidence: 1 };
  },
};

function isGray(colour: Parameters<Damage["look"]>[0]["colour"]): boolean {
  return colour.channels === 1 || isGrayContent(colour, TOLERANCE);
}
