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
import { makeSheet, type Raster, type Size, toImage } from "../raster/mod.ts";
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
  /** Of several samples together alone: where they differ. */
  readonly map?: string;
  readonly trace: string | undefined;
  /** Of the picture, where its format has losses. */
  readonly quality: number | undefined;
}

/** Where the results of one file go. */
export interface PlannedOutputs {
  /** One for each sample. */
  readonly outputs: readonly SampleOutput[];
  /** Of all of them together, where there are several. */
  readonly combined: SampleOutput | undefined;
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

/** The name of what is found for a picture before it is restored, beside its result. */
export function nameBeside(result: string, part: "mask" | "kernel"): string {
  return `${result.replace(/\.[^./\\]*$/, "")}-${part}.png`;
}

/**
 * Names all files of a restoration.
 * @param name of the picture; where there are several samples, they are numbered, and their mean is NAME-mean
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
): PlannedOutputs {
  if (formatOf(name) === "PNG" && quality !== undefined) {
    throw new UsageError(`--quality belongs to JPEG and WebP, "${name}" is a PNG file, which keeps every bit`);
  }
  const [, base, ending] = /^(.*)(\..*)$/s.exec(name)!;
  const outputOf = (stem: string): SampleOutput => ({
    image: `${stem}${ending}`,
    report: `${stem}.json`,
    sheet: sheet ? `${stem}-sheet.png` : undefined,
    trace,
    quality,
  });
  if (samples === 1) return { outputs: [outputOf(base!)], combined: undefined };
  return {
    outputs: Array.from({ length: samples }, (_, index) => outputOf(`${base}-${index + 1}`)),
    combined: { ...outputOf(`${base}-mean`), sheet: undefined, map: `${base}-deviation.png` },
  };
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
export function filesOf({ image, report, sheet, map, trace }: SampleOutput): readonly string[] {
  return [image, report, sheet, map, trace].filter((path) => path !== undefined);
}

/** All results of a file: each sample, and what they are together. */
export function allOutputs({ outputs, combined }: PlannedOutputs): readonly SampleOutput[] {
  return [...outputs, ...(combined ? [combined] : [])];
}

/** What is written of one sample: states and sheet where they are asked for, the picture, and the report. */
export function outputsOf(
  { image, report: reportPath, sheet, map, trace: tracePath, quality }: SampleOutput,
  { result, report, trace, metadata, note }: {
    readonly result: Pick<Result, "raster" | "alpha" | "bitDepth"> & Partial<Pick<Result, "sheet">> & {
      readonly map?: Raster;
    };
    readonly report: Report;
    readonly trace?: Trace | undefined;
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
    [sheet, (path) => writePng(path, toImage(makeSheet([result.sheet!])))],
    [map, (path) => writePng(path, toImage(result.map!))],
    [image, async (path) => {
      const stored = toImage(raster, { bitDepth, ...(alpha ? { alpha } : {}) });
      const text = { ...SOFTWARE, [PARAMETERS_KEYWORD]: JSON.stringify(parametersOf(report)) };
      const options = { metadata, text, ...(quality === undefined ? {} : { quality }) };
      for (const clause of await writeImage(path, stored, options)) note(sentence(clause));
    }],
    [reportPath, (path) => writeRecord(path, report)],
  ];
}

/** Text of picture files. */
const SOFTWARE = { Software: "Shortcut" };
