/**
 * What every option of every command does, seen in the outcome of the command: tables of command lines without an option
 * and with it. The tables are complete: an option that a help text lists and no row tries fails the test.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { convertRows, metricsRows, modelsRows, verifyRows } from "./options/file_rows.ts";
import { makeMaterials, type Materials } from "./options/materials.ts";
import { evaluateRows } from "./options/evaluate_rows.ts";
import { degradeRows } from "./options/degrade_rows.ts";
import { restoreRows } from "./options/restore_rows.ts";
import { offeredOptions, type Row, type Runner, Stage } from "./options/table.ts";
import { commandTest, runCommand } from "./run_command.ts";

/** Tests a command: `help` is the command line that lists its options. */
function tableTest(
  command: string,
  rowsOf: (materials: Materials) => readonly Row[] | Promise<readonly Row[]>,
  { runner = runCommand, help = [command, "--help"] }: { readonly runner?: Runner; readonly help?: readonly string[] } =
    {},
): void {
  commandTest(`every option of ${command} does what it says`, async (folder) => {
    const stage = new Stage(folder, runner);
    const materials = await makeMaterials(folder);
    const rows = await rowsOf(materials);
    const text = await stage.run(help);
    assertEquals(text.code, 0, text.stderr);
    assertStringIncludes(text.stdout, "Usage: ");
    const tried = new Set([...rows.map(({ option }) => option), "help"]);
    assertEquals([...tried].sort(), offeredOptions(text.stdout).toSorted(), "options without a row, or rows of none");
    const failures: string[] = [];
    for (const row of rows) {
      await stage.judge(row).catch((error) => failures.push(`--${row.option}: ${(error as Error).message}`));
    }
    for (const close of materials.later) await close();
    assertEquals(failures, []);
  });
}

tableTest("restore", restoreRows);
tableTest("degrade", degradeRows);
tableTest("evaluate", evaluateRows);
tableTest("metrics", metricsRows);
tableTest("verify", verifyRows);
tableTest("convert", convertRows);
tableTest("models", modelsRows);
