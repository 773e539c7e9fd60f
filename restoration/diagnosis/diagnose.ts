/** What is wrong with a picture, and what to do: from the picture alone. */
import { alphaRaster, colourRaster, fillUnderAlpha } from "../../raster/mod.ts";
import { quoted } from "../options/tasks.ts";
import type { DecodedPicture } from "../picture_source.ts";
import { isTaken, orders, type Treatment, treatmentOf } from "./advice.ts";
import { BLURRED } from "./blurred.ts";
import { COMPRESSED } from "./compressed.ts";
import { ENLARGED } from "./enlarged.ts";
import { type Damage, type Finding, LIKELY, SURE } from "./finding.ts";
import { MISSING } from "./missing.ts";
import { NOISY } from "./noisy.ts";
import { CLIPPED, FADED, GRAY } from "./tones.ts";

/** What is looked for, in the order in which one explains another. */
export const DAMAGES: readonly Damage[] = [MISSING, ENLARGED, COMPRESSED, NOISY, BLURRED, CLIPPED, FADED, GRAY];

/** What was found. */
export interface Diagnosis {
  /** Everything that was seen, in the order of the register. */
  readonly findings: readonly Finding[];
  /** What to do; absent where nothing is surely wrong. */
  readonly advice?: Advice;
}

/** What undoes what was found. */
export interface Advice extends Treatment {
  /** What stays for another run. */
  readonly later: readonly string[];
}

/**
 * Looks at a picture: which damages it shows, how sure that is, and how `restore` undoes them. What is advised was checked
 * against the picture: `restore` takes it.
 * @param picture as a decoder gives it
 * @param name what messages call it
 */
export function diagnose(picture: DecodedPicture, name: string): Diagnosis {
  const [alpha, opaque] = [alphaRaster(picture), colourRaster(picture)];
  const colour = alpha ? fillUnderAlpha(opaque, alpha) : opaque;
  const findings: Finding[] = [];
  for (const damage of DAMAGES) {
    const finding = damage.look({ picture, colour, found: findings });
    if (finding && finding.confidence >= LIKELY) findings.push(finding);
  }
  const sure = findings.filter(({ confidence, remedy }) => confidence >= SURE && remedy);
  for (const remedies of orders(sure)) {
    const advice = treatmentOf(remedies.map(({ remedy }) => remedy!));
    if (!isTaken(picture, { name, isSeen: true }, advice)) continue;
    const later = sure.filter((finding) => !remedies.includes(finding)).map(({ damage }) => damage);
    return { findings, advice: { ...advice, later } };
  }
  return { findings };
}

/** A diagnosis in lines for a terminal: what was found, what may be, and the command. */
export function describeDiagnosis({ findings, advice }: Diagnosis, name: string): readonly string[] {
  const lines = findings.map(({ text, confidence }) =>
    `${confidence >= SURE ? "Found" : "Perhaps"}: ${text}${
      confidence === 1 ? "" : ` (${Math.round(100 * confidence)} % sure)`
    }`
  );
  if (!advice) return [...lines, "Nothing is surely wrong with it: leave it as it is"];
  const { task, options, first, later } = advice;
  const words = Object.entries(options).map(([option, value]) => ` --${option} ${value}`);
  const picture = /^[\w@%+=:,./-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
  const restore = `deno task restore ${first ? "SMALLER.png" : picture} --task ${quoted(task)}${words.join("")}`;
  return [
    ...lines,
    "To undo it:",
    ...first === undefined ? [] : [`  deno task ${first.replace("PICTURE", picture)}`],
    `  ${restore}`,
    ...later.length === 0 ? [] : [`Then look at the result again: it was ${later.join(" and ")}, too`],
  ];
}
