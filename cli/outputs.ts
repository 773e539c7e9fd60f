/** The files that a command writes: names, checks before the work, writing after it. */
import { type Output, writePng, writeRecord, writeTensors } from "../io/mod.ts";
import { makeSheet, toImage } from "../raster/mod.ts";
import type { Report, Result, Trace } from "../restoration/mod.ts";
import { type Arguments } from "./arguments.ts";
import { UsageError } from "../parameters/mod.ts";

/** Where the parts of one result go. */
export interface SampleOutput {
  readonly image: string;
  readonly report: string;
  readonly sheet: string | undefined;
  readonly trace: string | undefined;
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
 * @throws {UsageError} if the result would not be a PNG file
 */
export function planOutputs(
  name: string,
  { samples = 1, sheet = false, trace }: {
    readonly samples?: number | undefined;
    readonly sheet?: boolean;
    readonly trace?: string | undefined;
  },
): readonly SampleOutput[] {
  if (!/\.png$/i.test(name)) {
    throw new UsageError(`the result is "${name}", a name that ends in .png is needed: results are PNG files`);
  }
  const base = name.replace(/\.png$/i, "");
  return Array.from({ length: samples }, (_, index) => {
    const stem = samples === 1 ? base : `${base}-${index + 1}`;
    return {
      image: `${stem}.png`,
      report: `${stem}.json`,
      sheet: sheet ? `${stem}-sheet.png` : undefined,
      trace,
    };
  });
}

/** All files of one sample. */
export function filesOf({ image, report, sheet, trace }: SampleOutput): readonly string[] {
  return [image, report, sheet, trace].filter((path) => path !== undefined);
}

/** What is written of one sample: states and sheet where they are asked for, the picture, and the report. */
export function outputsOf(
  { image, report: reportPath, sheet, trace: tracePath }: SampleOutput,
  { result, report, trace }: {
    readonly result: Result;
    readonly report: Report;
    readonly trace: Trace | undefined;
  },
): readonly Output[] {
  const { raster, alpha, bitDepth } = result;
  return [
    [tracePath, async (path) => {
      const metadata = new Map([["report", JSON.stringify(report)]]);
      await writeTensors(path, { tensors: trace?.tensors ?? [], metadata });
    }],
    [sheet, (path) => writePng(path, toImage(makeSheet([result.sheet])))],
    [image, (path) => writePng(path, toImage(raster, { bitDepth, ...(alpha ? { alpha } : {}) }), SOFTWARE)],
    [reportPath, (path) => writeRecord(path, report)],
  ];
}

/** Text chunk of pictures. */
const SOFTWARE = { Software: "Shortcut" };
