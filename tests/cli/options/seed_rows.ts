/** Rows for the options of `evaluate` that say with which seeds, and what of them counts. */
import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { fieldOf, type Ran, type Row, type Words } from "./table.ts";

/** An entry of results.json. */
export function resultOf(ran: Ran, path: string): unknown {
  return fieldOf(JSON.parse(ran.text("/results.json")), path);
}

/** The seeds of the first cell. */
export const seeds = (ran: Ran): unknown =>
  (resultOf(ran, "cells.0.units") as readonly { readonly seed: number }[]).map(({ seed }) => seed);

/**
 * The options of seeds.
 * @param inverse a command line of A^+ y on three pictures, with more options
 */
export function seedRows(inverse: (...options: string[]) => Words): readonly Row[] {
  return [
    {
      option: "best-of-seeds",
      without: inverse("--tasks=sr2 sigma-y=0.2", "--seeds=4-5"),
      given: inverse("--tasks=sr2 sigma-y=0.2", "--seeds=4-5", "--best-of-seeds"),
      check(usual, best): void {
        const units = resultOf(best, "cells.0.units") as readonly {
          readonly image: number;
          readonly metrics: { readonly psnr: number };
        }[];
        const ofPictures = Map.groupBy(units, ({ image }) => image).values();
        const greatest = Array.from(ofPictures, (seeds) => Math.max(...seeds.map(({ metrics }) => metrics.psnr)));
        const mean = resultOf(best, "cells.0.summaries.psnr.mean") as number;
        assertAlmostEquals(mean, greatest.reduce((sum, psnr) => sum + psnr, 0) / greatest.length, 1e-9);
        assert(mean > (resultOf(usual, "cells.0.summaries.psnr.mean") as number), "the better of two is chosen");
      },
    },
    {
      option: "seeds",
      without: inverse("--tasks=inpaint"),
      given: inverse("--tasks=inpaint", "--seeds=each"),
      async check(usual, each, run): Promise<void> {
        assertEquals([seeds(usual), seeds(each)], [[0, 0, 0], [0, 1, 2]]);
        assertEquals(seeds(await run(inverse("--tasks=inpaint", "--seeds=4-5"))), [4, 4, 4, 5, 5, 5]);
        assertNotEquals(resultOf(each, "cells.0.units.2.metrics"), resultOf(usual, "cells.0.units.2.metrics"));
      },
    },
  ];
}
