/** What is wrong with a picture, and what to do: from the picture alone. */
import { shellWord } from "../../parameters/mod.ts";
import {
  alphaRaster,
  colourRaster,
  fillUnderAlpha,
  grayToRgb,
  type KnownPixels,
  type Raster,
} from "../../raster/mod.ts";
import { fileStem } from "../folder.ts";
import { quoted } from "../options/tasks.ts";
import type { DecodedPicture } from "../picture_source.ts";
import { isTaken, orders, type Treatment, treatmentOf } from "./advice.ts";
import { BLURRED } from "./blurred.ts";
import { COMPRESSED } from "./compressed.ts";
import { ENLARGED } from "./enlarged.ts";
import { type Damage, type Finding, isFound, LIKELY, SURE } from "./finding.ts";
import { MISSING } from "./missing.ts";
import { NOISY } from "./noisy.ts";
import { SCRATCHED } from "./scratched.ts";
import { CLIPPED, FADED, GRAY } from "./tones.ts";

/** What is looked for, in the order in which one explains another. */
export const DAMAGES: readonly Damage[] = [
  MISSING,
  SCRATCHED,
  ENLARGED,
  COMPRESSED,
  NOISY,
  BLURRED,
  CLIPPED,
  FADED,
  GRAY,
];

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
  const looking = diagnosing(picture, name);
  for (;;) {
    const { done, value } = looking.next();
    if (done) return value;
  }
}

/**
 * The same in steps, for those who show how far it is, or stop it: a picture of megapixels takes a while.
 * @returns steps, each the number of damages that were looked for, of all in `DAMAGES`; in the end the diagnosis
 */
export function* diagnosing(picture: DecodedPicture, name: string): Generator<number, Diagnosis, void> {
  const [alpha, opaque] = [alphaRaster(picture), colourRaster(picture)];
  let colour = alpha ? fillUnderAlpha(opaque, alpha) : opaque;
  const findings: Finding[] = [];
  for (const [index, damage] of DAMAGES.entries()) {
    yield index;
    const finding = damage.look({ picture, colour, found: findings });
    if (!finding || finding.confidence < LIKELY) continue;
    findings.push(finding);
    // What lies over the picture tells nothing of it.
    if (finding.known && isFound(findings, damage.name)) colour = shownBy(colour, finding.known);
  }
  const sure = findings.filter(({ confidence, remedy }) => confidence >= SURE && remedy);
  for (const remedies of orders(sure)) {
    const advice = treatmentOf(remedies);
    if (!isTaken(picture, { name, isSeen: true }, advice)) continue;
    const later = sure.filter((finding) => !remedies.includes(finding)).map(({ damage }) => damage);
    return { findings, advice: { ...advice, later } };
  }
  return { findings };
}

/** A picture with what is hidden replaced by its surroundings. */
function shownBy(colour: Raster, { width, height, data }: KnownPixels): Raster {
  return fillUnderAlpha(colour, { width, height, channels: 1, data: data.map((known) => 2 * known - 1) });
}

/** The mask that a diagnosis proposes of what lies over a picture, surely or perhaps. */
export function proposedMask({ findings }: Diagnosis): KnownPixels | undefined {
  return findings.find(({ known }) => known)?.known;
}

/** A mask as the picture that `restore --mask` takes: white where the picture shows, black where something lies over it. */
export function maskRaster({ width, height, data }: KnownPixels): Raster {
  return { width, height, channels: 1, data: data.map((known) => 2 * known - 1) };
}

/** What is drawn over hidden pixels, in [-1, 1]. */
const MARK = [1, -1, -1];

/** The picture, the picture with what lies over it in red, and the mask of it, for a sheet. */
export function maskEvidence(picture: DecodedPicture, known: KnownPixels): readonly Raster[] {
  const colour = grayToRgb(colourRaster(picture));
  const data = colour.data.map((value, i) => known.data[Math.floor(i / 3)] === 0 ? MARK[i % 3]! : value);
  return [colour, { ...colour, data }, maskRaster(known)];
}

/**
 * A diagnosis as plain data: without the pixels of a mask, in whose place stands the name of its file where it is written.
 * @param mask path of that file
 */
export function reportedDiagnosis({ findings, advice }: Diagnosis, mask?: string): Readonly<Record<string, unknown>> {
  const seen = findings.map(({ known, ...finding }) => known && mask !== undefined ? { ...finding, mask } : finding);
  if (!advice) return { findings: seen };
  const { known, options, ...run } = advice;
  return { findings: seen, advice: { ...run, options: known && mask !== undefined ? { ...options, mask } : options } };
}

/**
 * A diagnosis in lines for a terminal: what was found, what may be, and the command.
 * @param name of the picture
 * @param mask of the file of its mask, where one is proposed
 */
export function describeDiagnosis(
  { findings, advice }: Diagnosis,
  name: string,
  { mask, isWritten }: { readonly mask: string; readonly isWritten: boolean } = {
    mask: `${fileStem(name)}-mask.png`,
    isWritten: false,
  },
): readonly string[] {
  const lines = findings.map(({ text, confidence }) =>
    `${confidence >= SURE ? "Found" : "Perhaps"}: ${text}${
      confidence === 1 ? "" : ` (${Math.round(100 * confidence)} % sure)`
    }`
  );
  const look = `deno task diagnose ${shellWord(name)} --sheet`;
  const proposal = isWritten ? "" : `; ${look} writes it`;
  const isDoubtful = findings.some(({ known, confidence }) => known && confidence < SURE);
  const doubts = isDoubtful ? [`The mask of what perhaps lies over it is ${shellWord(mask)}${proposal}`] : [];
  if (!advice) return [...lines, ...doubts, "Nothing is surely wrong with it: leave it as it is"];
  const { task, options, known, first, later } = advice;
  const given = known ? { ...options, mask: shellWord(mask) } : options;
  const words = Object.entries(given).map(([option, value]) => ` --${option} ${value}`);
  const restore = `deno task restore ${first ? "SMALLER.png" : shellWord(name)} --task ${quoted(task)}${
    words.join("")
  }`;
  return [
    ...lines,
    ...doubts,
    "To undo it:",
    ...first === undefined ? [] : [`  deno task ${first.replace("PICTURE", shellWord(name))}`],
    ...known && !isWritten ? [`  ${look}`] : [],
    `  ${restore}`,
    ...known
      ? [`Look at ${shellWord(mask)} before: white is kept, black is filled; what is wrong with it can be painted`]
      : [],
    ...later.length === 0 ? [] : [`Then look at the result again: it was ${later.join(" and ")}, too`],
  ];
}
