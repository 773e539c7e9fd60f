/** The pictures that commands compare or evaluate: files, or all of a folder. */
import type { StudyPicture } from "../evaluation/mod.ts";
import { FileError, readImage, sha256OfFile } from "../io/mod.ts";
import { colourRaster, type Raster } from "../raster/mod.ts";
import { isPictureName, PICTURE_FORMATS } from "../restoration/mod.ts";

/** What an operand names. */
export interface Side {
  readonly path: string;
  /** `statistics`: a file of features that were gathered before. */
  readonly kind: "picture" | "folder" | "statistics";
  /** Paths of the pictures, those of a folder in the order of names. */
  readonly pictures: readonly string[];
}

/**
 * Finds out what a path is.
 * @throws {FileError} if there is no such file, or a folder without pictures
 */
export async function readSide(path: string): Promise<Side> {
  const info = await Deno.stat(path).catch((error) => {
    throw new FileError(
      `Cannot read "${path}": ${error instanceof Deno.errors.NotFound ? "no such file" : error.message}`,
    );
  });
  if (!info.isDirectory) {
    return /\.safetensors$/i.test(path)
      ? { kind: "statistics", path, pictures: [] }
      : { kind: "picture", path, pictures: [path] };
  }
  const names: string[] = [];
  for await (const entry of Deno.readDir(path)) {
    if (!entry.isDirectory && isPictureName(entry.name)) names.push(entry.name);
  }
  if (names.length === 0) {
    throw new FileError(`Cannot compare "${path}": the folder has no ${PICTURE_FORMATS} file, at least one is needed`);
  }
  // By code units, the same order in every locale.
  names.sort();
  return { kind: "folder", path, pictures: names.map((name) => `${path.replace(/[\\/]+$/, "")}/${name}`) };
}

/**
 * Reads a picture as it is stored, 1 or 3 channels in [-1, 1]; transparency is not applied.
 * @param note told what the user should know of the file, in sentences
 * @throws {FileError} if it cannot be read
 */
export async function readColours(path: string, note?: (text: string) => void): Promise<Raster> {
  // A distance counts the channels that are stored.
  const file = await readImage(path, { gray: "stored" });
  const clauses = [...file.warnings, ...(file.alpha ? ["its transparency is not compared"] : [])];
  for (const clause of clauses) note?.(`"${path}": ${clause}`);
  return colourRaster(file);
}

/**
 * The pictures of folders and files for an evaluation.
 * @param limit how many are taken at most
 * @throws {FileError} if a file is missing or a folder has no pictures
 */
export async function listPictures(paths: readonly string[], limit = Infinity): Promise<readonly StudyPicture[]> {
  const files: string[] = [];
  for (const path of paths) {
    const side = await readSide(path);
    if (side.kind === "statistics") {
      throw new FileError(`Cannot restore "${path}": it is no picture; give ${PICTURE_FORMATS}`);
    }
    files.push(...side.pictures);
  }
  const taken = files.slice(0, limit);
  const names = taken.map((path) => path.split(/[\\/]/).at(-1) as string);
  const listed: StudyPicture[] = [];
  // One after the other: a folder may hold more files than a process may have open.
  for (const [index, path] of taken.entries()) {
    const name = names[index] as string;
    const isAlone = names.indexOf(name) === names.lastIndexOf(name);
    const bytes = (): ReturnType<typeof Deno.readFile> => Deno.readFile(path);
    listed.push({
      name: isAlone ? name : path,
      sha256: await sha256OfFile(path),
      read: () => readColours(path),
      bytes,
    });
  }
  return listed;
}
