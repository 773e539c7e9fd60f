/** Many files at once: which of the names in a folder are meant, and the seed of each. */

/** Pictures and measurements of a folder, by their paths. */
export interface FolderNames {
  /** Files of the formats that are read, sorted; masks are left out. */
  readonly pictures: readonly string[];
  /** Measurements, sorted. */
  readonly measurements: readonly string[];
  /** The mask NAME-mask.png of a picture NAME, by the picture. */
  readonly masks: ReadonlyMap<string, string>;
}

/** Ending of the name of a mask without extension. */
export const MASK_ENDING = "-mask";

/** The formats of pictures that are taken from folders, for messages. */
export const PICTURE_FORMATS = "PNG, JPEG, WebP or AVIF";

/** Whether a name is that of a picture. */
export function isPictureName(path: string): boolean {
  return /\.(png|jpe?g|webp|avif)$/i.test(path);
}

/** Whether a name is that of a measurement. */
export function isMeasurementName(path: string): boolean {
  return /\.safetensors$/i.test(path);
}

/** The name of a file without folder and extension. */
export function fileStem(path: string): string {
  const name = path.split(/[\\/]/).at(-1) as string;
  return name.replace(/\.[^.]+$/, "") || name;
}

/**
 * Sorts out the files of a folder.
 * @param paths of all files in it, in any order
 */
export function sortFolder(paths: readonly string[]): FolderNames {
  // By code units, the same order in every locale.
  const sorted = [...paths].sort();
  const all = sorted.filter(isPictureName);
  const stems = new Map(all.map((path) => [fileStem(path), path]));
  const baseOf = (path: string): string | undefined =>
    fileStem(path).endsWith(MASK_ENDING) ? stems.get(fileStem(path).slice(0, -MASK_ENDING.length)) : undefined;
  const masks = new Map(all.flatMap((path) => {
    const base = baseOf(path);
    return base === undefined ? [] : [[base, path] as const];
  }));
  return {
    pictures: all.filter((path) => baseOf(path) === undefined),
    measurements: sorted.filter(isMeasurementName),
    masks,
  };
}

/** A seed for each file of a folder, which does not depend on the other files: a hash of name and seed. */
export function seedOf(path: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (const byte of new TextEncoder().encode(fileStem(path))) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
