/** The files that a command writes: names, checks before the work, writing after it. */
import { atomicWriter, writeAtomically, writePng } from "../io/mod.ts";
import { toImage } from "../raster/mod.ts";
import { type Arguments } from "./arguments.ts";
import { UsageError } from "../parameters/mod.ts";
import { resultName } from "./result_name.ts";
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
 * @throws {UsageError} if the result would not be a PNG file
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
 * @throws {UsageError} if it would not be a PNG file
 */
export function pngName(args: Arguments, fallback: string): string {
  const name = resultName(args) ?? fallback;
  if (/\.png$/i.test(name)) return name;
  throw new UsageError(`the result is "${name}", a name that ends in .png is needed: results are PNG files`);
}

/** The name of a file without folder and extension. */
export function fileStem(path: string): string {
  const name = path.split(/[\\/]/).at(-1) as string;
  return name.replace(/\.[^.]+$/, "") || name;
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
    readonly report: Readonly<Record<string, unknown>>;
    readonly trace: Trace | undefined;
  },
): readonly Output[] {
  const { raster, alpha, bitDepth } = result;
  return [
    [tracePath, async (path) => await trace?.write(path, new Map([["report", JSON.stringify(report)]]))],
    [sheet, (path) => writePng(path, toImage(makeSheet([result.sheet])))],
    [image, (path) => writePng(path, toImage(raster, { bitDepth, ...(alpha ? { alpha } : {}) }), SOFTWARE)],
    [reportPath, (path) => writeAtomically(path, new TextEncoder().encode(`${JSON.stringify(report, null, 2)}\n`))],
  ];
}

/** Text chunk of pictures. */
const SOFTWARE = { Software: "Shortcut" };
