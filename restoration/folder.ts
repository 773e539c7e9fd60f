/** Many files at once: what becomes of each file of a folder, and its seed. */
import { numberOf, type OptionSpec, type OptionValues } from "../parameters/mod.ts";

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

/** Something in a folder, told by its content as far as it was opened. */
export interface FolderItem {
  /** Where it is. */
  readonly path: string;
  /** What it holds. */
  readonly kind: "picture" | "measurement" | "other";
  /** Of what is neither: a clause that says what it is, or why it cannot be read. */
  readonly about?: string;
}

/** A file that something is made of. */
export interface FolderJob {
  /** Where it is. */
  readonly path: string;
  /** Name of the result without ending: that of the file, with its ending where several files share a name. */
  readonly stem: string;
  /** Its mask, where the folder has one. */
  readonly mask?: string;
}

/** A file that nothing is made of. */
export interface PassedOver {
  /** Where it is. */
  readonly path: string;
  /** A clause that says why. */
  readonly reason: string;
  /** Whether it should have been a picture, by its name. */
  readonly isFailure: boolean;
}

/** What becomes of everything in a folder: each path stands in one of the lists. */
export interface FolderPlan {
  /** Files that something is made of. */
  readonly jobs: readonly FolderJob[];
  /** Files that are left alone, with the reason. */
  readonly passedOver: readonly PassedOver[];
}

/**
 * Decides what becomes of everything in a folder.
 * @param items all that is in it, in any order
 * @param wanted what something is made of: its pictures or its measurements
 * @param hasMasks whether the task takes masks: then a mask NAME-mask.png without a picture NAME is none itself
 */
export function planFolder(
  items: readonly FolderItem[],
  { wanted, hasMasks }: { readonly wanted: "picture" | "measurement"; readonly hasMasks: boolean },
): FolderPlan {
  // By code units, the same order in every locale.
  const sorted = items.toSorted((a, b) => a.path < b.path ? -1 : 1);
  const pictures = sorted.filter(({ kind }) => kind === "picture");
  const owners = Map.groupBy(pictures, ({ path }) => fileStem(path));
  const masks = new Map<string, string>();
  const passedOver: PassedOver[] = [];
  const taken: string[] = [];
  for (const { path, kind, about = "" } of sorted) {
    const pass = (reason: string, isFailure = false): unknown => passedOver.push({ path, reason, isFailure });
    const stem = fileStem(path);
    const base = kind === "picture" && stem.endsWith(MASK_ENDING) ? stem.slice(0, -MASK_ENDING.length) : undefined;
    const owner = base === undefined ? undefined : owners.get(base)?.[0];
    if (kind === "other") pass(about, isPictureName(path));
    else if (kind !== wanted) {
      pass(
        kind === "picture" ? "it is a picture; --task NAME takes pictures" : "it is a measurement; leave --task out",
      );
    } else if (owner && base !== undefined) {
      masks.set(base, path);
      pass(`it is the mask of "${owner.path}"`);
    } else if (base !== undefined && hasMasks) pass(`it is a mask, and there is no picture "${base}"`);
    else taken.push(path);
  }
  const stems = distinctStems(taken);
  const jobs = taken.map((path, index): FolderJob => {
    const mask = masks.get(fileStem(path));
    return { path, stem: stems[index]!, ...(mask === undefined ? {} : { mask }) };
  });
  return { jobs, passedOver };
}

/** A name for the result of each path; names that differ in case alone count as one, as on some disks. */
function distinctStems(paths: readonly string[]): readonly string[] {
  const shared = Map.groupBy(paths, (path) => fileStem(path).toLowerCase());
  const isAlone = (path: string): boolean => shared.get(fileStem(path).toLowerCase())!.length === 1;
  const taken = new Set(paths.filter(isAlone).map((path) => fileStem(path).toLowerCase()));
  return paths.map((path) => {
    const stem = fileStem(path);
    if (isAlone(path)) return stem;
    const ending = /\.([^./\\]+)$/.exec(path)?.[1];
    const base = ending === undefined ? stem : `${stem}-${ending.toLowerCase()}`;
    let name = base;
    for (let count = 2; taken.has(name.toLowerCase()); count++) name = `${base}-${count}`;
    taken.add(name.toLowerCase());
    return name;
  });
}

/** A seed for each file of a folder, which does not depend on the other files: a hash of name and seed. */
export function seedOf(path: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (const byte of new TextEncoder().encode(fileStem(path))) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** The option that gives all files of a folder one seed. */
export const SEED_OPTION: Readonly<Record<string, OptionSpec>> = {
  "same-seed": {
    kind: "flag",
    help: "Of a folder: every file has the seed --seed, so equal pictures have equal results",
  },
};

/** The seed of a file of a folder: one of its own, by the name of its result, or that of all with `same-seed`. */
export function seedOfJob({ stem }: FolderJob, options: OptionValues): number {
  const seed = numberOf(options, "seed") ?? 0;
  return options["same-seed"] === true ? seed : seedOf(`${stem}.png`, seed);
}
