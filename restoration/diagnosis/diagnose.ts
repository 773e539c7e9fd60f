/** What is wrong with a picture, and what to do: from the picture alone. */
import type { OptionValues } from "../../parameters/mod.ts";
import { alphaRaster, colourRaster, fillUnderAlpha } from "../../raster/mod.ts";
import { settlePicture } from "../options/settle_picture.ts";
import { quoted, restoreTasks, taskNamed } from "../options/tasks.ts";
import { type DecodedPicture, pictureSource } from "../picture_source.ts";
import { BLURRED } from "./blurred.ts";
import { COMPRESSED } from "./compressed.ts";
import { ENLARGED } from "./enlarged.ts";
import { type Damage, type Finding, LIKELY, type Remedy, SURE } from "./finding.ts";
import { MISSING } from "./missing.ts";
import { NOISY } from "./noisy.ts";
import { CLIPPED, FADED, GRAY } from "./tones.ts";

/** What is looked for, in the order in which one explains another. */
export const DAMAGES: readonly Damage[] = [MISSING, ENLARGED, COMPRESSED, NOISY, BLURRED, CLIPPED, FADED, GRAY];

/**
 * Which damages are undone together, in the order in which a picture suffers them: the first of these whose parts are all
 * found. Noise under a compression is undone by `denoise` alone, which knows of both.
 */
const TOGETHER: readonly (readonly string[])[] = [
  ["blurred", "compressed"],
  ["noisy", "missing"],
];

/** Which is undone first where they are not undone together. */
const URGENT: readonly string[] = ["missing", "enlarged", "blurred", "noisy", "compressed", "faded"];

/** What was found. */
export interface Diagnosis {
  /** Everything that was seen, in the order of the register. */
  readonly findings: readonly Finding[];
  /** What to do; absent where nothing is surely wrong. */
  readonly advice?: Advice;
}

/** What undoes what was found. */
export interface Advice {
  /** Name of the task of `restore`. */
  readonly task: string;
  /** Its options. */
  readonly options: OptionValues;
  /** What must be done before, as a command without its program. */
  readonly first?: string;
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
    const advice = adviceOf(remedies.map(({ remedy }) => remedy!));
    if (!isTaken(picture, name, advice)) continue;
    const later = sure.filter((finding) => !remedies.includes(finding)).map(({ damage }) => damage);
    return { findings, advice: { ...advice, later } };
  }
  return { findings };
}

/** What can be undone in one run, the most of it first. */
function orders(sure: readonly Finding[]): readonly (readonly Finding[])[] {
  const named = (damage: string): Finding | undefined => sure.find((finding) => finding.damage === damage);
  const together = TOGETHER.flatMap((damages) => {
    const findings = damages.flatMap((damage) => named(damage) ?? []);
    return findings.length === damages.length ? [findings] : [];
  });
  return [...together, ...URGENT.flatMap((damage) => named(damage) ? [[named(damage)!]] : [])];
}

function adviceOf(remedies: readonly Remedy[]): Omit<Advice, "later"> {
  const first = remedies.find(({ first }) => first)?.first;
  return {
    task: remedies.map(({ task }) => task).join(" + "),
    options: Object.assign({}, ...remedies.map(({ options }) => options)),
    ...(first === undefined ? {} : { first }),
  };
}

/** Whether `restore` would take it for this picture. */
function isTaken(picture: DecodedPicture, name: string, { task, options, first }: Omit<Advice, "later">): boolean {
  try {
    const named = taskNamed(task, restoreTasks());
    // The picture that is to be restored is another one.
    if (first !== undefined) return true;
    const given = { ...options, task };
    const source = pictureSource(picture, { name, task: named, options: given, isTruth: false, files: {} });
    // Of a single task all that is settled was looked at for the finding.
    if (named.parts) settlePicture(source, named, given);
    return true;
  } catch (error) {
    if (error instanceof RangeError || (error instanceof Error && error.name === "UsageError")) return false;
    throw error;
  }
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
