/** What is compared: two pictures, the pictures of two folders by name, or statistics of features. */
import { FileError, readImage } from "../../io/mod.ts";
import { colourRaster, grayToRgb, type Raster } from "../../raster/mod.ts";
import { fileStem } from "../../restoration/mod.ts";

/** One side of a comparison. */
export type Side =
  | { readonly kind: "picture"; readonly path: string }
  | { readonly kind: "folder"; readonly path: string; readonly pictures: readonly string[] }
  | { readonly kind: "statistics"; readonly path: string };

/** A picture of A and the one of B that belongs to it. */
export interface Pair {
  /** File name of the first, without folder and extension. */
  readonly name: string;
  readonly a: string;
  readonly b: string;
}

/** A picture as it was read. */
export interface Picture {
  /** Colour in [-1, 1], 1 or 3 channels as in the file. */
  readonly raster: Raster;
  /** What the user should know of the file, as sentences. */
  readonly notes: readonly string[];
}

/**
 * Finds out what a path is.
 * @throws {FileError} if there is no such file, or a folder without PNG and JPEG files
 */
export async function readSide(path: string): Promise<Side> {
  const info = await Deno.stat(path).catch((error) => {
    throw new FileError(
      `Cannot read "${path}": ${error instanceof Deno.errors.NotFound ? "no such file" : error.message}`,
    );
  });
  if (!info.isDirectory) return { kind: /\.safetensors$/i.test(path) ? "statistics" : "picture", path };
  const names: string[] = [];
  for await (const entry of Deno.readDir(path)) {
    if (!entry.isDirectory && /\.(png|jpe?g)$/i.test(entry.name)) names.push(entry.name);
  }
  if (names.length === 0) {
    throw new FileError(`Cannot compare "${path}": the folder has no PNG or JPEG file, at least one is needed`);
  }
  // By code units, the same order in every locale.
  names.sort();
  return { kind: "folder", path, pictures: names.map((name) => `${path.replace(/[\\/]+$/, "")}/${name}`) };
}

/** The files of a side. */
export function picturesOf(side: Side): readonly string[] {
  return side.kind === "folder" ? side.pictures : side.kind === "picture" ? [side.path] : [];
}

/**
 * Pictures that belong together: the two that were named, or those of two folders that have the same name, whatever
 * their extension.
 * @throws {FileError} if two pictures of a folder have the same name
 */
export function pairsOf(a: Side, b: Side): readonly Pair[] {
  if (a.kind === "picture" && b.kind === "picture") return [{ name: fileStem(a.path), a: a.path, b: b.path }];
  const others = byStem(b);
  return [...byStem(a)].flatMap(([name, path]) => {
    const other = others.get(name);
    return other === undefined ? [] : [{ name, a: path, b: other }];
  });
}

function byStem(side: Side): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const path of picturesOf(side)) {
    const stem = fileStem(path);
    const other = paths.get(stem);
    if (other !== undefined) {
      throw new FileError(`Cannot compare "${side.path}": "${other}" and "${path}" have one name; keep one of them`);
    }
    paths.set(stem, path);
  }
  return paths;
}

/**
 * Reads a picture as it is stored; transparency is not applied.
 * @throws {FileError} if it cannot be read
 */
export async function readPicture(path: string): Promise<Picture> {
  // A distance counts the channels that are stored.
  const file = await readImage(path, { gray: "stored" });
  const clauses = [...file.warnings, ...(file.alpha ? ["its transparency is not compared"] : [])];
  return { raster: colourRaster(file), notes: clauses.map((clause) => `"${path}": ${clause}`) };
}

/**
 * Two pictures with equal channels.
 * @throws {FileError} if their sizes differ
 */
export function alike(pair: Pair, a: Raster, b: Raster): readonly [Raster, Raster] {
  if (a.width !== b.width || a.height !== b.height) {
    throw new FileError(
      `Cannot compare "${pair.a}" with "${pair.b}": they have ${a.width} x ${a.height} and ${b.width} x ${b.height} ` +
        "pixels, equal sizes are needed",
    );
  }
  return a.channels === b.channels ? [a, b] : [grayToRgb(a), grayToRgb(b)];
}
