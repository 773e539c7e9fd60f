/**
 * The notebooks run, and show what is stored in them. `deno task test:examples`; they need Jupyter's client, which its
 * first step installs where it may.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  type CellOutput,
  type Notebook,
  notebookNames,
  notebookPython,
  NOTEBOOKS,
  runNotebook,
  SKIPPED,
} from "./notebooks.ts";
import { gpuTest } from "../support/gpu.ts";

const python = await notebookPython();
// deno-lint-ignore no-console -- a skipped test must say why
if (python === undefined) console.log(SKIPPED);

/** Most characters of a notebook with its outputs. */
const MOST = 200_000;

function joined(text: string | readonly string[] = ""): string {
  return typeof text === "string" ? text : text.join("");
}

/** The formats of what each cell of code showed. */
function formatsOf({ cells }: Notebook): readonly (readonly string[])[] {
  return cells.filter(({ "cell_type": type }) => type === "code").map(({ outputs = [] }) =>
    outputs.map(({ "output_type": type, data = {} }) => [type, ...Object.keys(data).sort()].join(" "))
  );
}

/** All outputs of a notebook in a format. */
function shown({ cells }: Notebook, format: string): readonly string[] {
  const outputs: readonly CellOutput[] = cells.flatMap(({ outputs = [] }) => outputs);
  return outputs.flatMap(({ data }) => data?.[format] === undefined ? [] : [joined(data[format])]);
}

/** The rows of a table with a column, as cells by the names in its head. */
function rowsWith(notebook: Notebook, column: string): readonly Readonly<Record<string, string>>[] {
  const cellsOf = (line: string): readonly string[] => line.split("|").slice(1, -1).map((cell) => cell.trim());
  const tables = shown(notebook, "text/markdown").map((text) => text.split("\n").map(cellsOf));
  const table = tables.find(([head]) => head!.includes(column));
  assert(table, `no table has a column "${column}"`);
  const [head, , ...rows] = table;
  return rows.map((cells) => Object.fromEntries(head!.map((name, k) => [name, cells[k]!])));
}

/** What the numbers of each notebook must be like. */
const CHECKS: Readonly<Record<string, (notebook: Notebook) => void>> = {
  "compare_samplers.ipynb"(notebook): void {
    const [inverse, ...methods] = rowsWith(notebook, "PSNR, dB");
    assertEquals(methods.length, 4);
    for (const { method, evaluations, "PSNR, dB": psnr } of methods) {
      assert(Number(psnr) > Number(inverse!["PSNR, dB"]) + 3, `${method}: ${psnr} dB`);
      assert(Number(evaluations) >= 9 && Number(evaluations) <= 13, `${method}: ${evaluations} evaluations`);
    }
  },
  "own_operator.ipynb"(notebook): void {
    assert(Number(rowsWith(notebook, "difference")[0]!["difference"]) < 1e-4, "the adjoint obeys its law");
    const [inverse, ddnm] = rowsWith(notebook, "PSNR, dB");
    assert(Number(ddnm!["PSNR, dB"]) > Number(inverse!["PSNR, dB"]) + 2, "DDNM is better than A^+ y");
  },
  "where_the_time_goes.ipynb"(notebook): void {
    const shares = rowsWith(notebook, "share, %").map((row) => Number(row["share, %"]));
    const sum = shares.reduce((total, share) => total + share, 0);
    assert(sum > 60 && sum < 100.5, `the dearest kernels have ${sum} % of the time`);
    assertEquals(shares, shares.toSorted((a, b) => b - a), "the dearest first");
  },
};

for (const name of await notebookNames()) {
  Deno.test(`${name} is stored with its outputs, without an error, and is small`, async () => {
    const text = await Deno.readTextFile(NOTEBOOKS + name);
    assert(text.length < MOST, `it has ${text.length} characters`);
    const notebook: Notebook = JSON.parse(text);
    CHECKS[name]!(notebook);
    for (const png of shown(notebook, "image/png")) {
      assertEquals([...Uint8Array.from(atob(png.trim()), (c) => c.charCodeAt(0)).slice(1, 4)], [80, 78, 71]);
    }
    assert(shown(notebook, "image/png").length > 0, "it has a picture");
    assert(!formatsOf(notebook).flat().some((formats) => formats.startsWith("error")));
  });
}

Deno.test("every notebook has its check", async () => {
  assertEquals(Object.keys(CHECKS).sort(), await notebookNames());
});

if (python !== undefined) {
  for (const name of await notebookNames()) {
    gpuTest(`${name} runs, and each cell shows what is stored below it`, async () => {
      const stored: Notebook = JSON.parse(await Deno.readTextFile(NOTEBOOKS + name));
      const made: Notebook = JSON.parse(await runNotebook(name, python));
      assertEquals(formatsOf(made), formatsOf(stored));
      CHECKS[name]!(made);
      assertStringIncludes(shown(made, "text/plain").join("\n"), "original, A^+ y");
    });
  }
}
