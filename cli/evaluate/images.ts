/** The pictures of an evaluation: which they are, what they hash to, and how they are brought to the network's size. */
import { FileError, readImage, readMask, sha256OfFile } from "../../io/mod.ts";
import { colourRaster, grayToRgb, type Raster } from "../../raster/mod.ts";
import { type HostTensor, hostTensor } from "../../engine/mod.ts";
import {
  type Canvas,
  type MaskFile,
  maskOntoCanvas,
  offCanvas,
  ontoCanvas,
  planCanvas,
} from "../../restoration/mod.ts";
import { readSide } from "../metrics/inputs.ts";

/** A picture of an evaluation. */
export interface ListedImage {
  readonly path: string;
  /** What tables call it: the file name, or the path where two files share a name. */
  readonly name: string;
  /** SHA-256 of the file. */
  readonly sha256: string;
}

/**
 * The pictures of folders and files, folders in the order of names.
 * @param limit how many are taken at most
 * @throws {FileError} if a file is missing or a folder has no pictures
 */
export async function listImages(paths: readonly string[], limit = Infinity): Promise<readonly ListedImage[]> {
  const files: string[] = [];
  for (const path of paths) {
    const side = await readSide(path);
    if (side.kind === "statistics") throw new FileError(`Cannot restore "${path}": it is no picture; give PNG or JPEG`);
    files.push(...side.kind === "folder" ? side.pictures : [side.path]);
  }
  const taken = files.slice(0, limit);
  const names = taken.map((path) => path.split(/[\\/]/).at(-1) as string);
  const listed: ListedImage[] = [];
  // One after the other: a folder may hold more files than a process may have open.
  for (const [index, path] of taken.entries()) {
    const name = names[index] as string;
    const isAlone = names.indexOf(name) === names.lastIndexOf(name);
    listed.push({ path, name: isAlone ? name : path, sha256: await sha256OfFile(path) });
  }
  return listed;
}

/** A picture at the size that the network works on. */
export interface Prepared {
  readonly canvas: Canvas;
  /** [H, W, 3] of the padded canvas in [-1, 1]. */
  readonly padded: Raster;
  /** The picture without padding, the ground truth. */
  readonly truth: Raster;
  /** Known pixels of a mask file [H, W] on the padded canvas. */
  readonly mask: HostTensor | undefined;
}

/**
 * Reads a picture and lays it out; transparency is ignored.
 * @throws {FileError} if it cannot be read, or a mask has another size
 */
export async function prepareImage(
  path: string,
  { multiple, longest, mask }: {
    readonly multiple: number;
    readonly longest: number;
    readonly mask?: MaskFile | undefined;
  },
): Promise<Prepared> {
  const file = await readImage(path);
  const colour = grayToRgb(colourRaster(file));
  const canvas = planCanvas(colour, { multiple, longest, scale: 1 });
  const padded = ontoCanvas(colour, canvas);
  return {
    canvas,
    padded,
    truth: offCanvas(padded, canvas),
    mask: mask && await knownPixels(mask, path, colour, canvas),
  };
}

async function knownPixels(
  { path, keep }: MaskFile,
  picture: string,
  { width, height }: Raster,
  canvas: Canvas,
): Promise<HostTensor> {
  const mask = await readMask(path, { keep });
  if (mask.width !== width || mask.height !== height) {
    throw new FileError(
      `Cannot use mask "${path}": it has ${mask.width} x ${mask.height} pixels, "${picture}" has ${width} x ${height}; ` +
        "make a mask of the pictures' size",
    );
  }
  return maskOntoCanvas(hostTensor(mask.data, [height, width]), canvas);
}
