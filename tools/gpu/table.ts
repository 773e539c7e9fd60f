/** The stored tables: one file a card. */
import { writeAtomically } from "../../io/mod.ts";
import type { CardTable } from "./compare.ts";
import type { KernelFigures } from "./statistics.ts";

/** Order of the figures in a row of a file. */
const COLUMNS = ["registers", "spills", "occupancy", "hotLoop", "instructions"] as const satisfies readonly (
  keyof KernelFigures
)[];

/** The folder of the tables of this repository. */
export const TABLES = new URL("tables/", import.meta.url);

/** The text of a file: JSON, one kernel a line, by name. */
export function writeTable({ card, compiler, kernels }: CardTable): string {
  const names = [...kernels.keys()].sort();
  const rows = names.map((name) =>
    `    ${JSON.stringify(name)}: [${COLUMNS.map((column) => kernels.get(name)![column]).join(", ")}]`
  );
  return [
    "{",
    `  "card": ${JSON.stringify(card)},`,
    `  "compiler": ${JSON.stringify(compiler)},`,
    `  "columns": [${COLUMNS.map((column) => JSON.stringify(column)).join(", ")}],`,
    '  "kernels": {',
    rows.join(",\n"),
    "  }",
    "}",
    "",
  ].join("\n");
}

/**
 * Reads the text of a file.
 * @throws {SyntaxError} if it is none that `writeTable` writes
 */
export function readTable(text: string): CardTable {
  const { card, compiler, columns, kernels } = JSON.parse(text);
  const isOurs = typeof card === "string" && typeof compiler === "string" && String(columns) === String(COLUMNS) &&
    typeof kernels === "object" && kernels !== null;
  if (!isOurs) {
    throw new SyntaxError(`Cannot read a table of kernels: it needs card, compiler, kernels, and ${COLUMNS}`);
  }
  const rows = Object.entries(kernels as Record<string, readonly number[]>);
  return {
    card,
    compiler,
    kernels: new Map(rows.map(([key, row]) => {
      if (row.length !== COLUMNS.length || !row.every((value) => Number.isInteger(value))) {
        throw new SyntaxError(`Cannot read the figures of "${key}": it needs ${COLUMNS.length} integers`);
      }
      return [key, Object.fromEntries(COLUMNS.map((name, index) => [name, row[index]!])) as unknown as KernelFigures];
    })),
  };
}

/**
 * The stored table of a card.
 * @returns undefined if there is none
 * @throws {SyntaxError} if the file cannot be read
 */
export async function storedTable(card: string, folder: URL = TABLES): Promise<CardTable | undefined> {
  try {
    return readTable(await Deno.readTextFile(new URL(`${card}.json`, folder)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Stores the table of a card. */
export async function storeTable(card: string, table: CardTable, folder: URL = TABLES): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const path = decodeURIComponent(new URL(`${card}.json`, folder).pathname);
  await writeAtomically(path, new TextEncoder().encode(writeTable(table)));
}
