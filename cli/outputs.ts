/** The files that a command writes: names, checks before the work, writing after it. */
import {
  FileError,
  formatByName,
  type Output,
  type PictureMetadata,
  writeImage,
  writePng,
  writeRecord,
  writeTensors,
} from "../io/mod.ts";
import { makeSheet, type Size, toImage } from "../raster/mod.ts";
import {
  PARAMETERS_KEYWORD,
  parametersOf,
  type Report,
  type Result,
  sentence,
  type Trace,
} from "../restoration/mod.ts";
import { type Arguments } from "./arguments.ts";
import { UsageError } from "../parameters/mod.ts";

/** Where the parts of one result go. */
export interface SampleOutput {
  readonly image: string;
  readonly report: string;
  readonly sheet: string | undefined;
  readonly trace: string | undefined;
  /** Of the picture, where its format has losses. */
  readonly quality: number | undefined;
}

/**
 * The name for results on a command line: the operand after the input, or --out; undefined if there is neither.
 * @throws {UsageError} if there are both
 */
export function resultName(args: Arguments): string | undefined {
  const [, operand] = args.operands;
  const option = args.text("out");
  if (operand !== undefined && option !== undefined) {
    throw new UsageError(`"${operand}" and --out ${option} both name the result; give one of them`);
  }
  return operand ?? option;
}

/**
 * Names all files of a restoration, one entry for each sample.
 * @param name of the picture; where there are several samples, they are numbered
 * @param parts how many samples, whether each has a sheet, and the path of the states
 * @throws {UsageError} if the ending of the name is that of no picture, or a quality was given for one without loss
 */
export function planOutputs(
  name: string,
  { samples = 1, sheet = false, trace, quality }: {
    readonly samples?: number | undefined;
    readonly quality?: number | undefined;
    readonly sheet?: boolean;
    readonly trace?: string | undefined;
  },
): readonly SampleOutput[] {
  if (formatOf(name) === "PNG" && quality !== undefined) {
    throw new UsageError(`--quality belongs to JPEG and WebP, "${name}" is a PNG file, which keeps every bit`);
  }
  const [, base, ending] = /^(.*)(\..*)$/s.exec(name)!;
  return Array.from({ length: samples }, (_, index) => {
    const stem = samples === 1 ? base : `${base}-${index + 1}`;
    return {
      image: `${stem}${ending}`,
      report: `${stem}.json`,
      sheet: sheet ? `${stem}-sheet.png` : undefined,
      trace,
      quality,
    };
  });
}

/**
 * Makes sure that the file of a result can hold it.
 * @throws {FileError} if it has too many pixels along a side
 */
export function checkLongest({ image }: SampleOutput, { width, height }: Size): void {
  const { name, longest } = formatByName(image);
  if (Math.max(width, height) <= longest) return;
  throw new FileError(
    `Cannot write "${image}": ${name} has at most ${longest} pixels a side, the result has ${width} x ${height}; write a ` +
      "PNG file",
  );
}

function formatOf(name: string): string {
  try {
    return formatByName(name).name;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** All files of one sample. */
export function filesOf({ image, report, sheet, trace }: SampleOutput): readonly string[] {
  return [image, report, sheet, trace].filter((path) => path !== undefined);
}

/** What is written of one sample: states and sheet where they are asked for, the picture, and the report. */
export function outputsOf(
  { image, report: reportPath, sheet, trace: tracePath, quality }: SampleOutput,
  { result, report, trace, metadata, note }: {
    readonly result: Result;
    readonly report: Report;
    readonly trace: Trace | undefined;
    /** What is kept of the source. */
    readonly metadata: PictureMetadata | undefined;
    /** Told what the format of the picture cannot hold. */
    readonly note: (text: string) => void;
  },
): readonly Output[] {
  const { raster, alpha, bitDepth } = result;
  return [
    [tracePath, async (path) => {
      const metadata = new Map([["report", JSON.stringify(report)]]);
      await writeTensors(path, { tensors: trace?.tensors ?? [], metadata });
    }],
    [sheet, (path) => writePng(path, toImage(makeSheet([result.sheet])))],
    [image, async (path) => {
      const stored = toImage(raster, { bitDepth, ...(alpha ? { alpha } : {}) });
      const text = { ...SOFTWARE, [PARAMETERS_KEYWORD]: JSON.stringify(parametersOf(report)) };
      const options = { metadata, text, ...(quality === undefined ? {} : { quality }) };
      for (const clause of await writeImage(path, stored, options)) note(sentence(clause));
    }],
    [reportPath, (path) => writeRecord(path, report)],
  ];
}

/** Text chunk of PNG files. */
const SOFTWARE = { Software: "Shortcut" };
