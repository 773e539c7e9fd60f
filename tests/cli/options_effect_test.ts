/**
 * What every option of every command does, seen in the outcome of the command: tables of command lines without an option
 * and with it. The tables are complete: an option that a help text lists and no row tries fails the test.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { FileSource } from "../../io/mod.ts";
import { openSafetensors } from "../../models/mod.ts";
import { randomCheckpointRows, samplesRows } from "./options/making_rows.ts";
import { measurementRows } from "./options/measurement_rows.ts";
import { convertRows, modelsRows, verifyRows } from "./options/file_rows.ts";
import { metricsRows } from "./options/metrics_rows.ts";
import { benchRows, planBench, profileRows, tuneRows } from "./options/measuring_rows.ts";
import { makeMaterials, type Materials } from "./options/materials.ts";
import { evaluateRows } from "./options/evaluate_rows.ts";
import { degradeRows } from "./options/degrade_rows.ts";
import { serveRows } from "./options/serve_rows.ts";
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
    const text = await stage.run(help);
    const own = await rowsOf(materials);
    const rows = offeredOptions(text.stdout).includes("quiet") ? [...own, quietRow(own)] : own;
    assertEquals(text.code, 0, text.stderr);
    assertStringIncludes(text.stdout, "Usage: ");
    const tried = new Set([...rows.map(({ option }) => option), "help"]);
    assertEquals([...tried].sort(), offeredOptions(text.stdout).toSorted(), "options without a row, or rows of none");
    const failures = await stage.failuresOf(rows);
    for (const close of materials.later) await close();
    assertEquals(failures, []);
  });
}

/** What --quiet does to the command line that the row of --json begins with. */
function quietRow(rows: readonly Row[]): Row {
  const { without, around } = rows.find(({ option }) => option === "json")!;
  return {
    option: "quiet",
    without,
    given: [...without, "--quiet"],
    ...(around ? { around } : {}),
    check(loud, quiet): void {
      assertEquals(quiet.stderr, "");
      // Results are there; times and paths in them differ.
      assertEquals(quiet.stdout.split("\n").length, loud.stdout.split("\n").length, quiet.stdout);
    },
  };
}

tableTest("restore", restoreRows);
tableTest("degrade", degradeRows);
tableTest("evaluate", async (materials) => [...await evaluateRows(materials), ...serveRows(materials)]);
tableTest("metrics", metricsRows);
tableTest("verify", verifyRows);
tableTest("convert", convertRows);
tableTest("models", modelsRows);
tableTest("profile", profileRows);
tableTest("tune", tuneRows);
tableTest("bench", benchRows, { runner: planBench });
tableTest("samples", samplesRows);
tableTest("random-checkpoint", randomCheckpointRows);

/** Metadata and tensors of a measurement by a mask. */
async function entriesOf(path: string): Promise<readonly string[]> {
  using source = await FileSource.open(path);
  const { metadata, tensors } = await openSafetensors(source);
  return [...metadata.keys(), ...tensors.keys()].sort();
}

commandTest("every entry of a measurement file does in restore what it says", async (folder) => {
  const stage = new Stage(folder);
  const rows = await measurementRows(await makeMaterials(folder));
  const written = await entriesOf(folder.path("inpaint.safetensors"));
  assertEquals(
    [...new Set(rows.map(({ option }) => option))].sort(),
    written,
    "entries without a row, or rows of none",
  );
  assertEquals(await stage.failuresOf(rows), []);
});

commandTest("setup --first-step says nothing where there is an adapter", async () => {
  const program = new URL("../../adapter/setup.ts", import.meta.url).pathname;
  const offered = [...(await Deno.readTextFile(program)).matchAll(/args\.includes\("--([a-z-]+)"\)/g)].map(([, name]) =>
    name
  );
  assertEquals(offered, ["first-step"]);
  const setup = async (...words: string[]): Promise<readonly unknown[]> => {
    const permissions = ["--no-prompt", "--allow-read", "--allow-sys=uid", "--allow-env=XDG_RUNTIME_DIR"];
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", ...permissions, program, ...words],
      stdin: "null",
    }).output();
    return [code, new TextDecoder().decode(stderr).trim().replace(/: .*$/s, "")];
  };
  assertEquals(await setup(), [0, "WebGPU adapter"]);
  assertEquals(await setup("--first-step"), [0, ""]);
});
