/** An operator that a program adds is found by all commands, without a line of theirs. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { readMeasurement } from "../../cli/source.ts";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { createOperator, linearEntry, OPERATORS, registerOperator, TASKS } from "../../operators/mod.ts";
import { choice, number } from "../../parameters/mod.ts";
import { lawErrors } from "../operators/laws.ts";
import { FADE, fadedEntry } from "../support/own_operator.ts";
import { smallEvaluation, tablesOf } from "./evaluate_runs.ts";
import { commandTest, readReport, runCommand, runWell } from "./run_command.ts";

const QUICK = ["--method", "ddnm", "--steps", "4"];

Deno.test("a registered operator is built by its name until it is taken out again", async () => {
  const before = { operators: [...OPERATORS.keys()], tasks: [...TASKS.keys()] };
  {
    using _ = registerOperator(fadedEntry);
    for (const { imageShape, options } of fadedEntry.examples) {
      const operator = createOperator("fade" as string, imageShape, options);
      for (const [law, error] of Object.entries(await lawErrors(new ReferenceRuntime(), operator))) {
        assert(error <= 1e-5, `${law}: ${error}`);
      }
    }
    const build = (): unknown => createOperator("fade" as string, [8, 8, 3], { light: 0 });
    assertThrows(build, RangeError, 'Cannot build operator "fade": light is 0, a number within 0.1..1 is needed');
  }
  assertEquals({ operators: [...OPERATORS.keys()], tasks: [...TASKS.keys()] }, before);
  assertThrows(() => createOperator("fade" as string, [8, 8, 3]), RangeError, "there is none of that name");
});

Deno.test("an operator is refused whose name, task or option is taken by another one", () => {
  const { build, examples } = fadedEntry;
  const entry = (changed: object): Parameters<typeof registerOperator>[0] => ({ ...fadedEntry, ...changed });
  const refused = (changed: object, part: string): void => {
    assertThrows(() => registerOperator(entry(changed)), RangeError, part);
  };
  refused({ name: "hdr" }, 'Cannot register operator "hdr": there is one of that name, another name is needed');
  refused({ tasks: [{ name: "sr4", about: "", kind: "deblurring" }] }, 'there is a task "sr4"');
  const other = linearEntry({
    name: "other",
    about: "",
    parameters: { ratio: number(1, { min: 0, max: 2 }, "") },
    build: (shape) => build(shape, {}),
    examples: [],
  });
  assertThrows(
    () => registerOperator(other),
    RangeError,
    'its option --ratio is another one than that of "cs_hadamard"',
  );
  const kind = { parameters: { views: choice("few", ["few", "many"], {}, "") }, examples };
  refused(kind, 'its option --views is another one than that of "ct"');
  assertEquals(OPERATORS.has("other"), false);
});

commandTest("the help texts of commands tell the task and the options of a registered operator", async () => {
  const help = async (command: string): Promise<string> =>
    (await runWell([command, "--help"])).stdout.replace(/\s+/g, " ");
  {
    using _ = registerOperator(fadedEntry);
    for (const command of ["restore", "degrade"]) {
      const text = await help(command);
      assertStringIncludes(text, "brighten brighten the outer rows of a picture");
      assertStringIncludes(text, `--fade-light N brighten: what is left of the light in the outer rows (${FADE})`);
      const shared = "outpaint: known share of each side (0.5); brighten: what is left of the light elsewhere (0.7)";
      assertStringIncludes(text, `--keep N ${shared}`);
    }
    assertStringIncludes(await help("evaluate"), "brighten brighten the outer rows of a picture");
  }
  for (const [form, part] of [["values", "what no picture holds"], ["picture", "or says"]] as const) {
    const [task] = fadedEntry.tasks;
    using _ = registerOperator({ ...fadedEntry, tasks: [{ ...task!, form }] });
    assert(new RegExp(`${part} \\([^)]*brighten`).test(await help("degrade")), form);
  }
  for (const command of ["restore", "degrade", "evaluate"]) {
    assertEquals((await help(command)).includes("brighten"), false, command);
  }
});

commandTest("restore and degrade do the task of a registered operator with its options", async (folder) => {
  using _ = registerOperator(fadedEntry);
  const picture = folder.picture("x.png", { width: 32, height: 32 });
  const out = folder.path("out.png");
  const task = ["--task", "brighten", "--fade-light", "0.25"];
  await runWell(["restore", picture, "--degrade", ...task, ...QUICK, "--out", out]);
  const report = readReport(out) as {
    task: { parameters: Record<string, unknown> };
    metrics: { consistency: { rms: number } };
  };
  assertEquals(report.task.parameters, { light: 0.25, rows: 3, keep: 0.7 });
  assert(report.metrics.consistency.rms < 1e-4, `rms ${report.metrics.consistency.rms}`);
  const y = folder.path("y.safetensors");
  await runWell(["degrade", picture, y, ...task, "--keep", "0.9"]);
  const { operator, options } = await readMeasurement(y);
  assertEquals([operator.name, options], ["fade", { light: 0.25, rows: 3, keep: 0.9 }]);
  await runWell(["restore", y, folder.path("again.png"), ...QUICK]);
  const { code, stderr } = await runCommand(["degrade", picture, out, "--task", "sr2", "--fade-light", "0.5"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, '--fade-light belongs to task "brighten", the task is "sr2"; leave it out');
});

commandTest(
  "lengths in pixels of a registered operator shrink with a picture that is restored smaller",
  async (folder) => {
    using _ = registerOperator(fadedEntry);
    const picture = folder.picture("x.png", { width: 288, height: 32 });
    const out = folder.path("out.png");
    const words = ["--task", "brighten", "--fade-rows", "10", "--size", "144", ...QUICK, "--out", out];
    await runWell(["restore", picture, ...words]);
    const { task, notes } = readReport(out) as { task: { parameters: { rows: number } }; notes: readonly string[] };
    assertEquals(task.parameters.rows, 5);
    assert(notes.includes("At that size the degradation is taken with rows 5"), notes.join("\n"));
  },
);

commandTest("evaluate compares methods on the task of a registered operator", async (folder) => {
  using _ = registerOperator(fadedEntry);
  const line = await smallEvaluation(folder);
  await runWell(line({ tasks: "brighten fade-light=0.3|0.9", methods: "pseudo-inverse, ddnm steps=4", limit: "1" }));
  const [results] = tablesOf(folder.path("out"));
  for (const label of ["brighten fade-light=0.3", "brighten fade-light=0.9"]) assertStringIncludes(results!, label);
});
