/** Pictures that somebody has, for tasks of which the picture alone says too little: old, overexposed, to be continued. */
import { numberOf, type OptionSpec, type OptionValues, textOf, UsageError } from "../../parameters/mod.ts";
import { isGrayContent, percent, type Raster, rgbToGray } from "../../raster/mod.ts";
import { extended, type Margins, pictureWithin } from "../own/extend.ts";
import { type Contrast, fadedContrast, stretched } from "../own/fading.ts";
import { asExposed, type Clipping, clippingFrom, findClipping } from "../own/highlights.ts";
import type { PictureSource } from "../prepare.ts";
import { checkEnlarged } from "./conditioning.ts";
import { composedTask, partNames } from "../../operators/mod.ts";
import { partsOf, quoted, type Task, TASKS } from "./tasks.ts";

/** What a task makes of a picture, with sentences for the user, and the task as the picture makes it. */
export interface OwnPicture {
  readonly source: Partial<PictureSource>;
  readonly task: Task;
  readonly options: OptionValues;
}

/** How a task takes a picture that somebody has, and the options that say more of it. */
interface OwnForm {
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Refuses options that do not go together. */
  check?(options: OptionValues): void;
  settle(source: PictureSource, task: Task, options: OptionValues): OwnPicture;
}

const SIDES = ["left", "top", "right", "bottom"] as const;

const side = (help: string): OptionSpec => ({ kind: "integer", min: 0, max: 65535, help });

/** The forms by the names of their tasks. */
const FORMS: Readonly<Record<string, OwnForm>> = {
  outpaint: {
    options: Object.fromEntries(
      SIDES.map((name) => [name, side(`outpaint, without --degrade: pixels to add at the ${name} (default 0)`)]),
    ),
    check(options): void {
      if (SIDES.some((side) => (numberOf(options, side) ?? 0) > 0)) return;
      throw new UsageError(
        "--task outpaint adds nothing to the picture; give --left N, --top N, --right N or --bottom N, the pixels to add, " +
          "or --degrade to hide the border of a good picture",
      );
    },
    settle: settleOutpainting,
  },
  "old-photo": {
    options: {
      "old-photo-scale": {
        kind: "choice",
        choices: ["1", "2"],
        help: "old-photo, without --degrade: how many times as large as the photo the result is (default 1)",
      },
      fading: {
        kind: "choice",
        choices: ["undo", "keep"],
        help: "old-photo, without --degrade: stretch the contrast of a faded photo, or keep it (default undo)",
      },
    },
    settle: settleOldPhoto,
  },
  hdr: {
    options: {
      "clipped-from": {
        kind: "integer",
        min: 1,
        max: 255,
        help: "hdr, without --degrade: level of 255 from which values are clipped (default: told by the histogram)",
      },
    },
    check(options): void {
      const gain = numberOf(options, "gain") ?? DEFAULT_GAIN;
      if (gain > 1) return;
      throw new UsageError(`--gain is ${gain}, more than 1 is needed: the result is as much darker as that`);
    },
    settle: settleHighlights,
  },
};

/** The options of pictures that somebody has. */
export const OWN_PICTURE_OPTIONS: Readonly<Record<string, OptionSpec>> = Object.assign(
  {},
  ...Object.values(FORMS).map(({ options }) => options),
);

/** Those of one task, by its name; none for tasks that need no more than the picture. */
export function ownPictureOptions(name: string): Readonly<Record<string, OptionSpec>> {
  return FORMS[name]?.options ?? {};
}

/** Whether a task of which the picture says too little by itself takes pictures that somebody has. */
export function takesOwnPicture(task: Task): boolean {
  const isOwn = ({ name }: Task): boolean => Object.hasOwn(FORMS, name);
  const parts = partsOf(task);
  return parts.some(isOwn) && parts.every((part) => isOwn(part) || (part.form ?? "file") === "file");
}

/**
 * Refuses options of pictures that somebody has where they do not belong, and such pictures that lack one.
 * @param isTruth whether the picture is a good one, which is degraded first
 * @throws {UsageError} saying what to change
 */
export function checkOwnPicture(options: OptionValues, isTruth: boolean): void {
  const name = textOf(options, "task") ?? "";
  const names = partNames(name);
  for (const [owner, form] of Object.entries(FORMS)) {
    const given = Object.keys(form.options).find((option) => options[option] !== undefined);
    if (given !== undefined && (isTruth || !names.includes(owner))) {
      throw new UsageError(`--${given} belongs to --task ${owner} without --degrade; leave it out`);
    }
  }
  if (isTruth) return;
  const remedy = names.length > 1 ? otherWay(names) : undefined;
  if (remedy !== undefined) {
    throw new UsageError(
      `--task ${
        quoted(name)
      } cannot be undone at once in a picture that you have: ${remedy}; with --degrade a good one ` +
        "is damaged so first",
    );
  }
  if (textOf(options, "fading") === "undo" && names.includes("old-photo") && names.some(isBound)) {
    throw new UsageError(
      `--fading undo does not go with --task ${
        quoted(name)
      }: noise and compression are those of the contrast that the ` +
        "photo has; leave it out",
    );
  }
  for (const part of names) if (Object.hasOwn(FORMS, part)) FORMS[part]!.check?.(options);
}

/** What to do with a picture that somebody has where no measurement is what all parts of a task say; else undefined. */
function otherWay(names: readonly string[]): string | undefined {
  const [own, second] = names.filter((name) => Object.hasOwn(FORMS, name));
  const others = names.filter((name) => name !== own);
  if (own === undefined) return undefined;
  const isContinued = names.includes("outpaint");
  if (isContinued || second !== undefined) {
    // What came last is undone first; a picture is continued when it is whole otherwise.
    const last = isContinued ? "outpaint" : own;
    const first = names.filter((name) => name !== last).join(" + ");
    return `undo ${quoted(first)} first, then give the result to --task ${last}`;
  }
  if (own !== "hdr") return undefined;
  if (others.includes("jpeg")) {
    return "--task hdr alone takes JPEG files as they are, and finds what is clipped beside what compression made of it";
  }
  if (others.includes("denoise")) {
    return "undo denoise first, then give the result to --task hdr: where values are clipped, noise is, too";
  }
  const clipped = names.indexOf(own) + 1;
  if (clipped === names.length) return undefined;
  // What is measured after the clipping does not tell which of the values behind it were clipped.
  const [later, before] = [names.slice(clipped), names.slice(0, clipped)].map((some) => quoted(some.join(" + ")));
  return `undo ${later} first, then give the result to --task ${before}, which finds what is clipped`;
}

/** A picture that somebody has, as its task takes it; as it is where the task says enough. */
export function takeOwnPicture(source: PictureSource, task: Task, options: OptionValues): OwnPicture {
  if (task.parts) return settleParts(source, task, task.parts, options);
  return FORMS[task.name]?.settle(source, task, options) ?? { task, options, source: {} };
}

/** Whether a task is of the values as they are stored, whose contrast must stay then. */
function isBound(name: string): boolean {
  return name === "denoise" || name === "jpeg";
}

/** The picture as the part takes it that has a form, and all parts with that one as the picture makes it. */
function settleParts(
  source: PictureSource,
  task: Task,
  parts: readonly Task[],
  options: OptionValues,
): OwnPicture {
  const own = parts.find(({ name }) => Object.hasOwn(FORMS, name));
  if (!own) return { task, options, source: {} };
  // Noise has the deviation, and a compressed picture the coefficients, of the contrast that it has.
  const given = own.name === "old-photo" && parts.some(({ name }) => isBound(name))
    ? { ...options, fading: "keep" }
    : options;
  const colour = task.channels === 1 ? rgbToGray(source.colour) : source.colour;
  const settled = FORMS[own.name]!.settle(own.name === "hdr" ? { ...source, colour } : source, own, given);
  const whole = composedTask(parts.map((part) => part === own ? settled.task : part));
  checkEnlarged(source.name, source.colour, whole.scale);
  return { ...settled, task: whole };
}

/** The picture on a larger canvas, of which only the picture is known: inpainting. */
function settleOutpainting(source: PictureSource, task: Task, options: OptionValues): OwnPicture {
  const { operator, entry, fixed, isLocal } = TASKS.get("inpaint")!;
  const { colour, alpha } = source;
  const margins = Object.fromEntries(SIDES.map((side) => [side, numberOf(options, side) ?? 0])) as unknown as Margins;
  const width = margins.left + colour.width + margins.right;
  const height = margins.top + colour.height + margins.bottom;
  checkEnlarged(source.name, { width, height }, 1);
  const known = pictureWithin(colour, margins);
  const share = 1 - colour.width * colour.height / (width * height);
  const far = SIDES.filter((side) =>
    margins[side] > (side === "left" || side === "right" ? colour.width : colour.height)
  );
  return {
    task: { ...task, operator, entry, fixed, ...(isLocal ? { isLocal } : {}) },
    options,
    source: {
      colour: extended(colour, margins, 0),
      alpha: alpha && extended(alpha, margins, 1),
      mask: { parameter: "mask", known },
      notes: [
        `The picture grows from ${colour.width}x${colour.height} to ${width}x${height}: ${
          percent(share)
        } of the result ` +
        "is new",
        ...(far.length === 0 ? [] : [
          `More is added at the ${
            far.join(", ")
          } than the picture is large: what lies far from the picture follows from ` +
          "the network alone",
        ]),
      ],
    },
  };
}

/** A photo's gray values, with the contrast that fading took, as the means of colours, and of blocks if it is enlarged. */
function settleOldPhoto(source: PictureSource, task: Task, options: OptionValues): OwnPicture {
  const { colour, mask, name } = source;
  const scale = Number(textOf(options, "old-photo-scale") ?? 1);
  checkEnlarged(name, colour, scale);
  const gray = rgbToGray(colour);
  const faded = fadedContrast(gray, mask?.known.data);
  const isKept = textOf(options, "fading") === "keep";
  const hasColours = colour.channels === 3 && !isGrayContent(colour, 2 / 255);
  return {
    task: { ...task, scale, fixed: { scale } },
    // Without a mask nothing is missing.
    options: mask ? options : { ...options, "mask-random": 0 },
    source: {
      colour: faded && !isKept ? stretched(gray, faded) : gray,
      notes: [
        ...(mask ? [] : [
          "Nothing of the photo counts as missing; diagnose --sheet proposes a mask of scratches, --mask FILE gives it",
        ]),
        ...(hasColours
          ? [
            "The gray values of the photo are restored in new colours: its own, as of sepia and of fading, are not kept",
          ]
          : []),
        ...(faded ? [describeFading(faded, isKept)] : []),
      ],
    },
  };
}

function describeFading({ black, white }: Contrast, isKept: boolean): string {
  const [low, high] = [black, white].map((value) => Math.round((value + 1) * 127.5));
  const found = `The photo is faded: 99 % of its gray values are from ${low} to ${high} of 255`;
  return isKept ? `${found}, which is kept` : `${found}, which are stretched to 0 and 255; --fading keep leaves them`;
}

/** The published gain. */
const DEFAULT_GAIN = 2;

/** A photo as the measurement of a picture that is darker by the gain, which has room for what is brighter than white. */
function settleHighlights(source: PictureSource, task: Task, options: OptionValues): OwnPicture {
  const { colour, bitDepth } = source;
  const gain = numberOf(options, "gain") ?? DEFAULT_GAIN;
  const level = numberOf(options, "clipped-from");
  const clipping = level === undefined ? findClipping(colour, bitDepth) : clippingFrom(colour, 2 * level / 255 - 1);
  const { picture, exposures } = asExposed(colour, clipping, gain);
  return {
    task: { ...task, fixed: { ...task.fixed, exposures } },
    options,
    source: { colour: picture, notes: [describeClipping(colour, clipping, gain)] },
  };
}

function describeClipping({ channels }: Raster, clipping: readonly Clipping[], gain: number): string {
  const share = clipping.reduce((sum, { share }) => sum + share, 0) / channels;
  const darker = `the result is ${gain} times darker than the photo, to have room for what is brighter than white ` +
    "(--gain N)";
  if (share === 0) return `No value of the photo is clipped, so nothing is to be recovered; ${darker}`;
  const names = channels === 1 ? ["gray"] : ["red", "green", "blue"];
  const parts = clipping.map(({ white, share }, channel) =>
    share === 0
      ? `${names[channel]} nowhere`
      : `${names[channel]} from level ${Math.round((white + 1) * 127.5)} of 255 (${percent(share)} of its values)`
  );
  return `The photo is clipped: ${parts.join(", ")}; these are recovered, all others kept; ${darker}`;
}
