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
 * Names all files of a run, one entry for each sample.
 * @throws {UsageError} if the result would not be a PNG file or would replace the picture
 */
export function planOutputs(args: Arguments): readonly SampleOutput[] {
  const given = args.operands[0];
  const stem = given === undefined ? "sample" : fileStem(given);
  const out = args.text("out") ?? `${stem}-restored.png`;
  if (!/\.png$/i.test(out)) {
    throw new UsageError(`--out is "${out}", a name that ends in .png is needed: results are PNG files`);
  }
  const count = args.number("samples") ?? 1;
  const base = out.replace(/\.png$/i, "");
  const withSheet = args.flag("sheet") || given === undefined;
  const samples = Array.from({ length: count }, (_, index): SampleOutput => {
    const name = count === 1 ? base : `${base}-${index + 1}`;
    return {
      image: `${name}.png`,
      report: `${name}.json`,
      sheet: withSheet ? `${name}-sheet.png` : undefined,
      trace: args.text("trace"),
    };
  });
  if (samples.some(({ image }) => image === given)) {
    throw new UsageError(`--out is the picture itself ("${given}"); choose another name`);
  }
  return samples;
}

function fileStem(path: string): string {
  const name = path.split(/[\\/]/).at(-1) as string;
  return name.replace(/\.[^.]+$/, "") || name;
}

/**
 * Makes sure that every output can be written, before any work is done.
 * @throws {FileError} if a folder is missing or not writable
 */
export async function checkOutputs(samples: readonly SampleOutput[]): Promise<void> {
  const paths = samples.flatMap(({ image, sheet, trace }) => [image, sheet, trace]).filter((path) =>
    path !== undefined
  );
  const folders = new Map(paths.map((path) => [path.replace(/[^\\/]*$/, ""), path]));
  for (const path of folders.values()) {
    const writer = await atomicWriter(path);
    await writer.abort();
  }
  for (const path of paths) {
    const isFolder = await Deno.stat(path).then((info) => info.isDirectory, () => false);
    if (isFolder) throw new FileError(`Cannot write "${path}": it is a directory, a file name is needed`);
  }
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
