/** What a worker keeps of a chunk until it is with the coordinator: records and pictures, in memory. */
import type { Failure, PlannedUnit, Store, UnitRecord } from "../evaluation/mod.ts";
import { encodePng, imageOfPng } from "../io/mod.ts";
import { colourRaster, type Raster, toImage } from "../raster/mod.ts";
import type { ChunkResult } from "./wire.ts";

/** A store without a disk. */
export class UnitStore implements Store {
  readonly #files = new Map<string, Uint8Array<ArrayBuffer>>();

  read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return Promise.resolve(this.#files.get(name));
  }

  write(name: string, bytes: Uint8Array): Promise<void> {
    this.#files.set(name, Uint8Array.from(bytes));
    return Promise.resolve();
  }

  has(name: string): Promise<boolean> {
    return Promise.resolve(this.#files.has(name));
  }

  list(folder: "units" | "pictures"): Promise<readonly string[]> {
    const start = `${folder}/`;
    return Promise.resolve(
      [...this.#files.keys()].filter((name) => name.startsWith(start)).map((name) => name.slice(start.length)),
    );
  }

  async readPicture(name: string): Promise<Raster> {
    const bytes = this.#files.get(name);
    if (!bytes) throw new RangeError(`Cannot read "${name}": it was not written`);
    return colourRaster(await imageOfPng(bytes, Infinity));
  }

  async writePicture(name: string, picture: Raster): Promise<void> {
    await this.write(name, encodePng(toImage(picture)));
  }

  /** What came of a chunk of units, as it travels. */
  result(units: readonly PlannedUnit[], failures: readonly Failure[]): ChunkResult {
    const pictures: Record<string, string> = {};
    const records: UnitRecord[] = [];
    for (const [name, bytes] of this.#files) {
      if (name.endsWith(".json")) records.push(JSON.parse(new TextDecoder().decode(bytes)));
      else pictures[name] = bytes.toBase64();
    }
    return { units, records, failures: failures.map(({ unit, reason }) => ({ id: unit.id, reason })), pictures };
  }
}
