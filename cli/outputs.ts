/** The files that `restore` writes: names, checks before the work, writing after it. */
import { atomicWriter, FileError, toImage, writeAtomically, writePng } from "../io/mod.ts";
import { type Arguments, UsageError } from "./arguments.ts";
import type { Result } from "./result.ts";
import { makeSheet } from "./sheet.ts";
import type { Trace } from "./state_files.ts";

/** Where the parts of one result go. */
export interface SampleOutput {
  readonly image: string;
  readonly report: string;
  readonly sheet: string | undefined;
  readonly trace: string | undefined;
}

/**
 * Names all files of a restoration, one entry for each sample.
 * @throws {UsageError} if the result would not be a PNG file or would replace the picture
 */
export function planOutputs(args: Arguments): readonly SampleOutput[] {
  const given = args.operands[0];
  const base = pngName(args, `${given === undefined ? "sample" : fileStem(given)}-restored.png`).replace(/\.png$/i, "");
  const count = args.number("samples") ?? 1;
  const withSheet = args.flag("sheet") || given === undefined;
  return Array.from({ length: count }, (_, index) => {
    const name = count === 1 ? base : `${base}-${index + 1}`;
    return {
      image: `${name}.png`,
      report: `${name}.json`,
      sheet: withSheet ? `${name}-sheet.png` : undefined,
      trace: args.text("trace"),
    };
  });
}

/**
 * The name of the resulting picture.
 * @throws {UsageError} if it would not be a PNG file or would replace the picture that is read
 */
export function pngName(args: Arguments, fallback: string): string {
  const name = args.text("out") ?? fallback;
  if (!/\.png$/i.test(name)) {
    throw new UsageError(`--out is "${name}", a name that ends in .png is needed: results are PNG files`);
  }
  if (name === args.operands[0]) {
    throw new UsageError(`--out is the picture itself ("${name}"); choose another name`);
  }
  return name;
}

/** The name of a file without folder and extension. */
export function fileStem(path: string): string {
  const name = path.split(/[\\/]/).at(-1) as string;
  return name.replace(/\.[^.]+$/, "") || name;
}

/**
 * Makes sure that files can be written, before any work is done.
 * @throws {FileError} if a folder is missing or not writable, or a name is a folder's
 */
export async function checkWritable(paths: readonly string[]): Promise<void> {
  const folders = new Map(paths.map((path) => [path.replace(/[^\\/]*$/, ""), path]));
  for (const path of folders.values()) await (await atomicWriter(path)).abort();
  for (const path of paths) {
    const isFolder = await Deno.stat(path).then((info) => info.isDirectory, () => false);
    if (isFolder) throw new FileError(`Cannot write "${path}": it is a directory, a file name is needed`);
  }
}

/** All files of one sample. */
export function filesOf({ image, report, sheet, trace }: SampleOutput): readonly string[] {
  return [image, report, sheet, trace].filter((path) => path !== undefined);
}

/**
 * Writes picture, report, and where they are asked for the sheet and the states.
 * @throws {FileError} if a file cannot be written; none is left half-written
 */
export async function writeOutputs(output: SampleOutput, result: Result, trace: Trace | undefined): Promise<void> {
  const { raster, alpha, bitDepth, report } = result;
  const image = toImage(raster, { bitDepth, ...(alpha ? { alpha } : {}) });
  await writePng(output.image, image, { Software: "Shortcut" });
  if (output.sheet) await writePng(output.sheet, toImage(makeSheet([result.sheet])));
  if (output.trace) await trace?.write(output.trace, new Map([["report", JSON.stringify(report)]]));
  await writeAtomically(output.report, new TextEncoder().encode(`${JSON.stringify(report, null, 2)}\n`));
}
