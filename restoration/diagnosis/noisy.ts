/** Noise: of a sensor in little light, of film, of a scan. */
import { estimateNoiseLevel } from "../estimates/noise_level.ts";
import type { Damage, Finding } from "./finding.ts";

/** Levels of 255 for a range of 2. */
const LEVELS = 127.5;

/** How sure noise is that is plain, and that is more than rounding alone. */
const CONFIDENCE = { plain: 0.95, seen: 0.5 };

/** What is said of each kind. */
const KINDS = {
  gaussian: "noise",
  photons: "noise that grows with the brightness, as of photons,",
  compressed: "noise from before the compression",
} as const;

/** White noise. */
export const NOISY: Damage = {
  name: "noisy",
  look({ picture: { jpeg, orientation }, colour }): Finding | undefined {
    const noise = estimateNoiseLevel(colour, { jpeg: jpeg && { ...jpeg, orientation } });
    if (!noise?.isSeen) return undefined;
    const { sigma, spread, kind, isPlain } = noise;
    const [level, error] = [sigma, spread].map((value) => (value * LEVELS).toFixed(1));
    return {
      damage: "noisy",
      text: `there is ${KINDS[kind]} of ${level} +- ${error} levels of 255 (standard deviation)`,
      values: { sigma, spread },
      confidence: isPlain ? CONFIDENCE.plain : CONFIDENCE.seen,
      remedy: { task: "denoise", options: {} },
    };
  },
};
