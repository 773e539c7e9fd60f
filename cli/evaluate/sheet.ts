/** The results of an evaluation as one picture: a row for each method, columns for tasks and pictures. */
import { readImage, writePng } from "../../io/mod.ts";
import { colourRaster, makeSheet, type Raster, toImage } from "../../raster/mod.ts";
import { cellAt, type FinishedUnit, type Results } from "./cells.ts";
import { seedsOf } from "./seeds.ts";
import type { Store } from "./store.ts";

/** Least height of a picture on the sheet. */
const LEAST_HEIGHT = 128;

/**
 * Writes the sheet of the first pictures and the first seed: the original, A^+ y, and the results of each method, a
 * column for each picture of each task. Where a method does not go with a task its place is empty.
 * @param count how many pictures
 * @throws {FileError} if it cannot be written
 */
export async function writeSheet(path: string, store: Store, results: Results, count: number): Promise<void> {
  const { plan } = results;
  const columns = plan.tasks.flatMap((_, task) =>
    plan.images.slice(0, count).map((_, image) =>
      plan.methods.map((_, method): FinishedUnit | undefined =>
        cellAt(results, task, method)?.units.find(({ unit }) =>
          unit.image === image && unit.seed === seedsOf(plan.seeds, image)[0]
        )
      )
    )
  );
  const read = async (name: string | undefined): Promise<Raster | undefined> =>
    name === undefined ? undefined : colourRaster(await readImage(store.path(name)));
  const row = (
    nameOf: (column: readonly (FinishedUnit | undefined)[]) => string | undefined,
  ): Promise<(Raster | undefined)[]> => Promise.all(columns.map((column) => read(nameOf(column))));
  const made = (column: readonly (FinishedUnit | undefined)[]): FinishedUnit | undefined => column.find(Boolean);
  const rows = [
    await row((column) => made(column) && `pictures/${made(column)!.record.truth}`),
    await row((column) => made(column) && `pictures/${made(column)!.record.before}`),
    ...await Promise.all(
      plan.methods.map((_, method) => row((column) => column[method] && `units/${column[method].record.id}.png`)),
    ),
  ];
  await writePng(path, toImage(makeSheet(rows, LEAST_HEIGHT)));
}
