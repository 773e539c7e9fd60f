/** Tables as comma-separated values. */

/** A cell: undefined and NaN are empty. */
export type Field = string | number | undefined;

/** Lines of cells, quoted where they must be. */
export function csv(rows: readonly (readonly Field[])[]): string {
  return rows.map((row) => `${row.map(field).join(",")}\n`).join("");
}

function field(value: Field): string {
  if (value === undefined || (typeof value === "number" && Number.isNaN(value))) return "";
  if (value === Infinity) return "inf";
  const text = String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
