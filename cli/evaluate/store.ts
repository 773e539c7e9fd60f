/**
 * The folder of an evaluation. Results lie under the hash of what decides them: `units/HASH.json` is written last, so a
 * unit is there wholly or not at all, and whatever was interrupted is done again.
 */
import { FileError, toImage, writeAtomically, writePng } from "../../io/mod.ts";
import type { Raster } from "../../io/mod.ts";
import type { Evaluations } from "../../samplers/mod.ts";
import type { Case, Unfit, Unit } from "./plan.ts";
import type { PaperRow } from "./paper.ts";

/** What is kept of a unit besides its picture. */
export interface UnitRecord {
  readonly image: string;
  readonly task: string;
  readonly method: string;
  readonly seed: number;
  /** Name of the sampler and all its parameters. */
  readonly sampler: Readonly<Record<string, unknown>>;
  readonly evaluations: Evaluations;
  readonly width: number;
  readonly height: number;
  readonly metrics: Metrics;
  readonly adapter: string;
  /** The command that makes the same picture. */
  readonly command: readonly string[];
  /** All that differs when it is made again. */
  readonly timings: { readonly seconds: number; readonly secondsPerNfe: number };
}

/** How good a result is; see `metrics/`. JSON has no infinity. */
export interface Metrics {
  /** In dB, of values in [-1, 1], clamped, not rounded. */
  readonly psnr: number | "infinite";
  /** null for pictures smaller than the window of 7x7. */
  readonly ssim: number | null;
  /** Root mean square of A x - y. */
  readonly consistency: number;
}

/** What a folder says of itself, in `evaluation.json`: nothing that differs between machines or runs. */
export interface EvaluationRecord {
  readonly kind: "evaluation";
  readonly title: string;
  readonly note: string;
  readonly model: { readonly name: string; readonly sha256: string; readonly parameters: number };
  /** Options of all results. */
  readonly options: string;
  readonly images: readonly { readonly name: string; readonly sha256: string }[];
  readonly tasks: readonly { readonly name: string; readonly options: string }[];
  readonly methods: readonly { readonly name: string; readonly options: string }[];
  readonly seeds: readonly number[];
  readonly paper: readonly PaperRow[];
  readonly unfit: readonly Unfit[];
  /** All units that can be made, in the order of the tables. */
  readonly units: readonly { readonly hash: string; readonly case: string }[];
}

/** Which picture of a case. */
export type CasePicture = "truth" | "measurement";

/** The folder of one evaluation. */
export class Store {
  constructor(readonly folder: string) {}

  /**
   * Makes the folder.
   * @throws {FileError} if it cannot be made
   */
  async open(): Promise<void> {
    for (const name of ["units", "cases"]) {
      await Deno.mkdir(`${this.folder}/${name}`, { recursive: true }).catch((error) => {
        throw new FileError(`Cannot make the folder "${this.folder}": ${error.message}; choose another with --out`);
      });
    }
  }

  /** The record of a unit, undefined if it has not been made. */
  async read(hash: string): Promise<UnitRecord | undefined> {
    const text = await readIfThere(this.#path(hash, "json"));
    return text === undefined ? undefined : JSON.parse(text);
  }

  /** Writes a unit: its picture, then its record. */
  async write({ hash }: Pick<Unit, "hash">, record: UnitRecord, picture: Raster): Promise<void> {
    await writePng(this.picturePath(hash), toImage(picture), SOFTWARE);
    await writeJson(this.#path(hash, "json"), record);
  }

  /** Path of the restored picture of a unit. */
  picturePath(hash: string): string {
    return this.#path(hash, "png");
  }

  /** Path of a picture of a case. */
  casePath(hash: string, picture: CasePicture): string {
    return `${this.folder}/cases/${hash}-${picture}.png`;
  }

  /** Writes the pictures of a case, unless they are there. */
  async writeCase(
    { case: hash }: { readonly case: Case["hash"] },
    pictures: Readonly<Record<CasePicture, Raster>>,
  ): Promise<void> {
    for (const name of ["truth", "measurement"] as const) {
      const path = this.casePath(hash, name);
      const isThere = await Deno.stat(path).then(() => true, () => false);
      if (!isThere) await writePng(path, toImage(pictures[name]), SOFTWARE);
    }
  }

  /** Takes a unit and the pictures of its case over from another folder. */
  async copy(from: Store, { hash, case: own }: { readonly hash: string; readonly case: string }): Promise<void> {
    const paths = (store: Store): readonly string[] => [
      store.casePath(own, "truth"),
      store.casePath(own, "measurement"),
      store.picturePath(hash),
      store.#path(hash, "json"),
    ];
    for (const [index, path] of paths(from).entries()) {
      await writeAtomically(paths(this)[index]!, await Deno.readFile(path));
    }
  }

  /** LPIPS of a unit by weights, undefined if it has not been computed. */
  async readLpips(hash: string, weights: string): Promise<number | undefined> {
    const text = await readIfThere(this.#path(hash, `lpips-${weights.slice(0, 8)}.json`));
    return text === undefined ? undefined : JSON.parse(text).lpips;
  }

  async writeLpips(hash: string, weights: string, lpips: number): Promise<void> {
    await writeJson(this.#path(hash, `lpips-${weights.slice(0, 8)}.json`), { weights, lpips });
  }

  /** Writes a file of the folder itself. */
  async writeText(name: string, text: string): Promise<void> {
    await writeAtomically(`${this.folder}/${name}`, new TextEncoder().encode(text));
  }

  /**
   * What the folder says of itself.
   * @throws {FileError} if it is no folder of an evaluation
   */
  async readEvaluation(): Promise<EvaluationRecord> {
    const path = `${this.folder}/${EVALUATION_FILE}`;
    const record = parsed(await readIfThere(path));
    if (record?.kind === "evaluation" && Array.isArray(record.units)) return record;
    throw new FileError(`Cannot merge "${this.folder}": it has no ${EVALUATION_FILE} of an evaluation`);
  }

  #path(hash: string, extension: string): string {
    return `${this.folder}/units/${hash}.${extension}`;
  }
}

/** Name of the file in which a folder says what it is. */
export const EVALUATION_FILE = "evaluation.json";

/** Text chunk of pictures. */
const SOFTWARE = { Software: "Shortcut" };

/** Data as JSON text with a last line end. */
export function jsonText(data: unknown): string {
  return `${JSON.stringify(data, null, 2)}\n`;
}

async function writeJson(path: string, data: unknown): Promise<void> {
  await writeAtomically(path, new TextEncoder().encode(jsonText(data)));
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new FileError(`Cannot read "${path}": ${(error as Error).message}`);
  }
}

function parsed(text: string | undefined): EvaluationRecord | undefined {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
