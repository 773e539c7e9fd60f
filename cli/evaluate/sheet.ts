/** The results of an evaluation as one picture: a row for each method, a column for each task. */
import { colourRaster, type Raster, readImage, toImage, writePng } from "../../io/mod.ts";
import { makeSheet } from "../sheet.ts";
import type { Store } from "./store.ts";
import type { Row, Tables } from "./tables.ts";

/** Least height of a picture on the sheet. */
const LEAST_HEIGHT = 128;

/**
 * Writes the sheet of the first picture and seed: the measurements, the results of each method, the original. Where a
 * method does not go with a task its place is empty.
 * @throws {FileError} if it cannot be written
 */
export async function writeSheet(path: string, store: Store, { evaluation, rows }: Tables): Promise<void> {
  const columns = evaluation.tasks.flatMap(({ name }): readonly (readonly [Row, ...Row[]])[] => {
    const [first, ...others] = rows.filter(({ task }) => task === name);
    return first ? [[first, ...others.filter((row) => row.case === first.case)]] : [];
  });
  const line = (pathOf: (own: readonly [Row, ...Row[]]) => string | undefined): Promise<(Raster | undefined)[]> =>
    Promise.all(columns.map(async (own) => {
      const file = pathOf(own);
      return file === undefined ? undefined : colourRaster(await readImage(file));
    }));
  const results = evaluation.methods.map(({ name }) =>
    line((own) => {
      const row = own.find(({ method }) => method === name);
      return row && store.picturePath(row.hash);
    })
  );
  const sheet = [
    await line(([first]) => store.casePath(first.case, "measurement")),
    ...await Promise.all(results),
    await line(([first]) => store.casePath(first.case, "truth")),
  ];
  await writePng(path, toImage(makeSheet(sheet, LEAST_HEIGHT)));
}
