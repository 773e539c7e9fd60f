/** The results of an evaluation as one picture: a row for each method, columns for tasks and pictures. */
import { makeSheet, type Raster } from "../raster/mod.ts";
import { cellAt, type Results } from "./cells.ts";
import { type Store, UNIT_FILES } from "./store.ts";

/** Least height of a picture on the sheet. */
const LEAST_HEIGHT = 128;

/**
 * The sheet of the first pictures and the first seed: the original, A^+ y, and the results of each method, a column for
 * each picture of each task. Where a method does not go with a task its place is empty.
 * @param count how many pictures
 */
export async function resultSheet(store: Store, results: Results, count: number): Promise<Raster> {
  const { plan } = results;
  const columns = plan.tasks.flatMap((_, task) =>
    plan.images.slice(0, count).map((_, image) => {
      const made = plan.methods.map((_, method) => cellAt(results, task, method)?.shown.get(image));
      const first = made.find(Boolean);
      return [
        first && UNIT_FILES.shown(first.truth),
        first && UNIT_FILES.shown(first.before),
        ...made.map((found) => found && UNIT_FILES.picture(found.id)),
      ];
    })
  );
  const rows = Array.from(
    { length: plan.methods.length + 2 },
    (_, row) =>
      Promise.all(columns.map((column) => column[row] === undefined ? undefined : store.readPicture(column[row]))),
  );
  return makeSheet(await Promise.all(rows), LEAST_HEIGHT);
}
