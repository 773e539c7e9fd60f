/** Photographs under damages in turn, each restored with the embedded prior, and what came of them as a table. */
import { WebGpuRuntime } from "../../engine/mod.ts";
import { openModel } from "../../io/mod.ts";
import type { OpenedModel } from "../../models/mod.ts";
import type { Raster } from "../../raster/mod.ts";
import { damaged, generator, type Kind, type Made } from "./damages.ts";

/** What is damaged, and how often. */
export interface DamageSetting {
  readonly photographs: readonly string[];
  /** Of the parts that are damaged, in pixels. */
  readonly side: number;
  readonly seed: number;
  /** Where files of damaged pictures lie for a moment. */
  readonly folder: string;
  readonly count: number;
  readonly open: (path: string) => Promise<Raster>;
}

/** A damaged picture with what restores it. */
export interface Trial extends Required<Made> {
  readonly runtime: WebGpuRuntime;
  readonly model: OpenedModel;
  /** Its number, which is the seed of what is drawn for it. */
  readonly number: number;
}

/**
 * Damages parts of photographs, a kind after the other, and measures what becomes of each.
 * @param kinds such as are undone by one run, of which the picture before is known
 * @returns what was measured, by kind
 */
export async function overDamages<Q>(
  kinds: readonly Kind[],
  { photographs, seed, count, open, ...place }: DamageSetting,
  measure: (trial: Trial) => Promise<Q>,
): Promise<ReadonlyMap<Kind, readonly Q[]>> {
  const random = generator(seed);
  const runtime = await WebGpuRuntime.open();
  const rows = new Map<Kind, Q[]>();
  try {
    const model = await openModel(runtime);
    for (let number = 0; number < count; number++) {
      const kind = kinds[number % kinds.length]!;
      const photograph = await open(photographs[number % photographs.length]!);
      const made = await damaged(photograph, kind, { ...place, random }) as Required<Made>;
      const qualities = await measure({ ...made, runtime, model, number });
      rows.set(kind, [...rows.get(kind) ?? [], qualities]);
      // deno-lint-ignore no-console -- how the work goes on
      console.error(`${number + 1} of ${count}, ${kind}: ${JSON.stringify(qualities)}`);
    }
  } finally {
    runtime.destroy();
  }
  return rows;
}

/**
 * A table in Markdown: a row for each kind, and one for all.
 * @param cellsOf the cells of a row but the first two, which are kind and number of pictures
 */
export function damageTable<Q>(
  head: readonly string[],
  rows: ReadonlyMap<Kind, readonly Q[]>,
  cellsOf: (pictures: readonly Q[]) => readonly (string | number)[],
): string {
  const all: readonly (readonly [string, readonly Q[]])[] = [...rows, ["all", [...rows.values()].flat()]];
  const cells = all.map(([kind, pictures]) => [kind, pictures.length, ...cellsOf(pictures)].map(String));
  return [head, head.map(() => "---"), ...cells].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** The mean of one figure with two decimals. */
export function meanOf<Q>(pictures: readonly Q[], figure: (qualities: Q) => number): string {
  return (pictures.reduce((sum, qualities) => sum + figure(qualities), 0) / pictures.length).toFixed(2);
}
