/** The files that a command writes: names, checks before the work, writing after it. */
import { atomicWriter, writeAtomically, writePng } from "../io/mod.ts";
import { type SafetensorsContents, writeSafetensors } from "../models/mod.ts";
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

/**
 * Makes sure that files can be written and that none takes the place of another, before any work is done.
 * @param paths what will be written
 * @param inputs what is read
 * @throws {UsageError} if a file would replace one that is read, or another result
 * @throws {FileError} if a folder is missing or not writable, or a name is a folder's
 */
export async function checkWritable(paths: readonly string[], inputs: readonly (string | undefined)[]): Promise<void> {
  const taken = new Map<string, string>();
  for (const input of inputs) if (input !== undefined) taken.set(await identityOf(input), `"${input}", which is read`);
  for (const path of paths) {
    const identity = await identityOf(path);
    const other = taken.get(identity);
    if (other) throw new UsageError(`"${path}" would replace ${other}; choose another name with --out or --trace`);
    taken.set(identity, `"${path}", another result`);
    await (await atomicWriter(path)).abort();
  }
}

/** The same for two names of one file. */
async function identityOf(path: string): Promise<string> {
  const cut = Math.max(path.lastIndexOf("/"), Deno.build.os === "windows" ? path.lastIndexOf("\\") : -1) + 1;
  try {
    return await Deno.realPath(path);
  } catch {
    // No such file yet: what counts is the folder it will be in.
    const folder = await Deno.realPath(path.slice(0, cut) || ".").catch(() => path.slice(0, cut));
    return `${folder}/${path.slice(cut)}`;
  }
}

/** A file to be written: its path, undefined if it was not asked for, and how. */
export type Output = readonly [path: string | undefined, write: (path: string) => Promise<void>];

/**
 * Writes files that belong together, one after the other.
 * @throws {FileError} if one cannot be written; those that are new are removed then, and none is half-written
 */
export async function writeTogether(outputs: readonly Output[]): Promise<void> {
  const created: string[] = [];
  try {
    for (const [path, write] of outputs) {
      if (path === undefined) continue;
      const existed = await Deno.lstat(path).then(() => true, () => false);
      await write(path);
      if (!existed) created.push(path);
    }
  } catch (error) {
    for (const path of created) await Deno.remove(path);
    throw error;
  }
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

/** Writes a record beside a result, complete or not at all. */
export async function writeRecord(path: string, record: Report): Promise<void> {
  await writeAtomically(path, new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`));
}

/**
 * Writes a safetensors file tensor by tensor, complete or not at all.
 * @throws {FileError} if the file cannot be written; nothing is left behind then
 */
async function writeTensors(path: string, contents: SafetensorsContents): Promise<void> {
  const writer = await atomicWriter(path);
  try {
    await writeSafetensors(contents, (bytes) => writer.write(bytes));
    await writer.commit();
  } finally {
    await writer.abort();
  }
}

/** Text chunk of pictures. */
const SOFTWARE = { Software: "Shortcut" };
