/** The results of an evaluation as one picture: a row for each method, a column for each task. */
import { colourRaster, type Raster, readImage, toImage, writePng } from "../../io/mod.ts";
import { makeSheet } from "../sheet.ts";
import { cellAt, type FinishedUnit, type Results } from "./cells.ts";
import type { Store } from "./store.ts";

/** Least height of a picture on the sheet. */
const LEAST_HEIGHT = 128;

/**
 * Writes the sheet of the first picture and seed: the original, A^+ y, and the results of each method. Where a method
 * does not go with a task its place is empty.
 * @throws {FileError} if it cannot be written
 */
export async function writeSheet(path: string, store: Store, results: Results): Promise<void> {
  const { plan } = results;
  const columns = plan.tasks.map((_, task) =>
    plan.methods.map((_, method): FinishedUnit | undefined =>
      cellAt(results, task, method)?.units.find(({ unit }) => unit.image === 0 && unit.seed === plan.seeds[0])
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
