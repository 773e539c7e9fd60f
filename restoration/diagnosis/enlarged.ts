/** Pictures that were enlarged by a program: they have more pixels than detail. */
import { enlargementOf } from "./enlargement.ts";
import type { Damage, Finding } from "./finding.ts";

/** Factors so near to a whole one are that. */
const WHOLE = 0.03;

/** An enlargement. */
export const ENLARGED: Damage = {
  name: "enlarged",
  look({ colour }): Finding | undefined {
    const found = enlargementOf(colour);
    if (!found) return undefined;
    const { factor, confidence } = found;
    const near = Math.round(factor);
    const isWhole = near >= 2 && Math.abs(factor - near) < WHOLE * near;
    const [width, height] = [colour.width, colour.height].map((side) => Math.round(side / factor));
    return {
      damage: "enlarged",
      text: `it was enlarged ${(isWhole ? near : factor.toFixed(2))} times before, from about ${width}x${height}: ` +
        "the detail of that is all there is",
      values: { factor: isWhole ? near : factor },
      confidence,
      ...(isWhole
        ? { remedy: { task: `sr${near}`, options: {}, first: `degrade PICTURE SMALLER.png --task sr${near}` } }
        : {}),
    };
  },
};
