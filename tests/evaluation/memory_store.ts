/** A store without a disk. */
import type { Store } from "../../evaluation/mod.ts";
import { decodePng, encodePng } from "../../io/codecs/png_file.ts";
import { colourRaster, type Raster, toImage } from "../../raster/mod.ts";

/** Keeps files in memory. */
export class MemoryStore implements Store {
  readonly files = new Map<string, Uint8Array<ArrayBuffer>>();

  read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return Promise.resolve(this.files.get(name));
  }

  write(name: string, bytes: Uint8Array): Promise<void> {
    this.files.set(name, Uint8Array.from(bytes));
    return Promise.resolve();
  }

  has(name: string): Promise<boolean> {
    return Promise.resolve(this.files.has(name));
  }

  list(folder: "units" | "pictures"): Promise<readonly string[]> {
    const start = `${folder}/`;
    return Promise.resolve(
      [...this.files.keys()].filter((name) => name.startsWith(start)).map((name) => name.slice(start.length)),
    );
  }

  async readPicture(name: string): Promise<Raster> {
    return colourRaster((await decodePng(this.files.get(name)!, 1e6)).image);
  }

  async writePicture(name: string, picture: Raster): Promise<void> {
    await this.write(name, encodePng(toImage(picture)));
  }
}
