/** The figures of a card as a table of text. */
import type { CompiledCard } from "./cards.ts";
import type { CardTable, Finding } from "./compare.ts";
import { COMPILERS, type KernelFigures } from "./statistics.ts";

const COLUMNS = [
  ["registers", "registers"],
  ["spills", "spills"],
  ["occupancy", "occupancy"],
  ["hotLoop", "hot loop"],
  ["instructions", "instructions"],
] as const satisfies readonly (readonly [keyof KernelFigures, string])[];

/**
 * All kernels of a card, each figure followed by the stored one where that differs, then what was found.
 * @param stored what was compared with
 */
export function cardReport(
  { title, compiler }: CompiledCard,
  { kernels, compiler: version }: CardTable,
  { stored, findings, seconds }: {
    readonly stored: CardTable | undefined;
    readonly findings: readonly Finding[];
    readonly seconds: number;
  },
): string {
  const rows = [...kernels].map(([key, figures]) => {
    const before = stored?.kernels.get(key);
    return [
      key,
      ...COLUMNS.map(([name]) => {
        const value = String(figures[name]);
        return before && before[name] !== figures[name] ? `${value} (${before[name]})` : value;
      }),
    ];
  });
  const head = ["kernel", ...COLUMNS.map(([, title]) => title)];
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)).join("  ");
  const compared = stored === undefined
    ? "nothing is stored"
    : stored.compiler === version
    ? "compared with the stored table (in brackets where it differs)"
    : `the stored table is of ${stored.compiler}: of the counts, only spills are judged`;
  return [
    `${title}: ${version}; ${kernels.size} kernels in ${seconds.toFixed(1)} s; occupancy in ` +
    `${COMPILERS[compiler].occupancy}; ${compared}`,
    line(head),
    ...rows.map(line),
    ...findings.map(({ key, fails, text }) => `  ${fails ? "fails" : "note"}: ${key}: ${text}`),
    "",
  ].join("\n");
}
