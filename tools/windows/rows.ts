/** What was measured of windows, and the table of it. */

/** One restoration. */
export interface Row {
  readonly name: string;
  readonly side: number;
  readonly form: "whole" | "shifted" | "overlapping";
  /** Side of the windows, and of those that a whole picture is compared with. */
  readonly window: number;
  /** Null: as `restore` takes them. */
  readonly steps: number | null;
  /** Of SSD; absent: as `restore` takes it. */
  readonly preset?: string | undefined;
  /** In dB, of the picture and of bicubic enlargement. */
  readonly psnr: number;
  readonly bicubic: number;
  /** `seamOf` where the windows of the last step lie; null of a whole picture, and where it was not measured. */
  readonly seam: number | null;
  readonly secondsPerEvaluation: number;
  /** Live on the device while it runs. */
  readonly bytes: number;
}

/** Medians of the rows of one side, form and window. */
export interface MedianRow {
  readonly side: number;
  readonly form: Row["form"];
  readonly window: number;
  readonly count: number;
  /** Over bicubic, in dB. */
  readonly gain: number;
  /** Over the same pictures restored whole, in dB. */
  readonly overWhole: number;
  /** Of those that were measured. */
  readonly seam: number;
  readonly secondsPerMegapixel: number;
  readonly bytes: number;
}

/** The middle value; of an even number the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length === 0 ? NaN : (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}

/** Medians over pictures. */
export function medianRows(rows: readonly Row[]): readonly MedianRow[] {
  const groups = Map.groupBy(rows, ({ side, form, window }) => `${side} ${form} ${window}`);
  return Array.from(groups.values(), (group) => {
    const [{ side, form, window }] = group as [Row];
    const pairs = group.map((row) => ({
      row,
      whole: rows.find((other) => other.name === row.name && other.side === side && other.form === "whole"),
    }));
    const over = (value: (row: Row, whole: Row) => number): number =>
      median(pairs.flatMap(({ row, whole }) => whole ? [value(row, whole)] : []));
    return {
      side,
      form,
      window,
      count: group.length,
      gain: median(group.map(({ psnr, bicubic }) => psnr - bicubic)),
      overWhole: over((row, whole) => row.psnr - whole.psnr),
      seam: median(group.flatMap(({ seam }) => seam ?? [])),
      secondsPerMegapixel: median(group.map(({ secondsPerEvaluation }) => secondsPerEvaluation)) / (side * side / 1e6),
      bytes: median(group.map(({ bytes }) => bytes)),
    };
  });
}

/** A table in Markdown. */
export function tableOf(rows: readonly MedianRow[]): string {
  const signed = (value: number): string => `${value < 0 ? "" : "+"}${value.toFixed(2)}`;
  const lines = rows.map((row) => [
    `${row.side}x${row.side}`,
    row.form === "whole" ? "whole" : `${row.form}, ${row.window}`,
    String(row.count),
    signed(row.gain),
    row.form === "whole" || Number.isNaN(row.overWhole) ? "-" : signed(row.overWhole),
    Number.isNaN(row.seam) ? "-" : row.seam.toFixed(3),
    row.secondsPerMegapixel.toFixed(1),
    (row.bytes / 1e6).toFixed(0),
  ]);
  const heads = ["picture", "network", "of", "over bicubic, dB", "over whole, dB", "seam", "s per MP", "MB"];
  return [heads, heads.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
