/** Commands on folders: what is in them, where their results go, and what came of each file. */
import { FileError, identifyImage, type Interrupt, isFolder, join, type Reporter } from "../io/mod.ts";
import { CheckpointError } from "../models/mod.ts";
import { UsageError } from "../parameters/mod.ts";
import { type FolderItem, type FolderPlan, isMeasurementName, PictureQuestion } from "../restoration/mod.ts";
import { type Arguments } from "./arguments.ts";
import { resultName } from "./outputs.ts";

/**
 * What is in a folder, told by content: nothing is left out.
 * @param besides what is known of single paths, such as a mask for all pictures; undefined ones count as absent
 * @throws {FileError} if it cannot be read
 */
export async function listFolder(
  folder: string,
  besides: Readonly<Record<string, string | undefined>> = {},
): Promise<readonly FolderItem[]> {
  const real = async (path: string | undefined): Promise<string> =>
    path === undefined ? "" : await Deno.realPath(path).catch(() => "");
  const known = new Map<string, string>();
  for (const [about, path] of Object.entries(besides)) known.set(await real(path), about);
  const items: FolderItem[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      const path = join(folder, name);
      const about = known.get(await real(path)) ??
        (name.startsWith(".") ? "its name begins with a dot" : await isFolder(path) ? "it is a folder" : undefined);
      if (about !== undefined) items.push({ path, kind: "other", about });
      else if (isMeasurementName(path)) items.push({ path, kind: "measurement" });
      else {
        const found = await identifyImage(path);
        items.push("format" in found ? { path, kind: "picture" } : { path, kind: "other", about: found.about });
      }
    }
  } catch (error) {
    throw new FileError(`Cannot read the folder "${folder}": ${(error as Error).message}`, { cause: error });
  }
  return items;
}

/**
 * The folder for the results of a folder, made if it is not there.
 * @throws {UsageError} if none was named, or it is the folder that is read
 * @throws {FileError} if it cannot be made
 */
export async function resultFolder(args: Arguments): Promise<string> {
  const input = args.operands[0]!;
  const folder = resultName(args);
  if (folder === undefined) {
    throw new UsageError(`"${input}" is a folder, a folder for the results is needed: give its name after it`);
  }
  try {
    await Deno.mkdir(folder, { recursive: true });
    if (await Deno.realPath(folder) !== await Deno.realPath(input)) return folder;
  } catch (error) {
    throw new FileError(`Cannot make the folder "${folder}": ${(error as Error).message}`, { cause: error });
  }
  throw new UsageError(`results of "${input}" cannot go into the same folder; name another one`);
}

/** What came of the files of a folder. */
export interface FolderCounts {
  readonly made: number;
  readonly kept: number;
  readonly failed: number;
  readonly passedOver: number;
}

/** What came of a folder besides what was made and kept, for the end of a sentence. */
export function othersOf({ failed, passedOver }: FolderCounts): string {
  return `${failed > 0 ? `, ${failed} failed` : ""}${passedOver > 0 ? `, ${passedOver} passed over` : ""}`;
}

/**
 * Goes through everything in a folder and tells of each in one line; what is wrong with one of them does not stop the
 * others.
 * @param work does one of them, and says what was made; undefined if it was made already, or why it is left untouched
 * @param phase shown after each file, where it is given
 * @throws whatever is not about one file
 */
export async function forEachFile<T extends { readonly path: string }>(
  { jobs, passedOver }: { readonly jobs: readonly T[]; readonly passedOver: FolderPlan["passedOver"] },
  { reporter, interrupt, phase }: {
    readonly reporter: Reporter;
    readonly interrupt: Interrupt;
    readonly phase?: string;
  },
  work: (file: T) => Promise<string | undefined | { readonly untouched: string }>,
): Promise<FolderCounts> {
  const counts = { made: 0, kept: 0, failed: 0, passedOver: 0 };
  for (const { path, reason, isFailure } of passedOver) {
    counts[isFailure ? "failed" : "passedOver"]++;
    reporter.file(path, isFailure ? "failed" : "passed over", reason);
  }
  for (const [index, file] of jobs.entries()) {
    await interrupt.check();
    try {
      const made = await work(file);
      if (typeof made === "object") {
        counts.passedOver++;
        reporter.file(file.path, "passed over", made.untouched);
        continue;
      }
      counts[made === undefined ? "kept" : "made"]++;
      reporter.file(file.path, made === undefined ? "kept" : "made", made ?? "it was made before in the same way");
    } catch (error) {
      if (!isOfOneFile(error)) throw error;
      counts.failed++;
      reporter.file(file.path, "failed", error.message);
    }
    if (phase !== undefined) reporter.step(phase, index + 1, jobs.length);
  }
  reporter.done();
  return counts;
}

/** Whether an error is about one file of a folder: it cannot be read or written, or does not fit the task. */
function isOfOneFile(error: unknown): error is Error {
  return error instanceof FileError || error instanceof CheckpointError || error instanceof RangeError ||
    error instanceof TypeError || error instanceof PictureQuestion;
}
