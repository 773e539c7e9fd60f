/** The logic of the tool that makes slips in a copy of the code and tells which ones the tests miss. */
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "../../parameters/mod.ts";
import { TreeCopy } from "../../tools/mutate/copy.ts";
import { choose } from "../../tools/mutate/lists.ts";
import { conclude, main, misfits, settingsOf } from "../../tools/mutate/main.ts";
import { applyMutant, type Mutant, MutantError, parseMutants, testOf } from "../../tools/mutate/mutant.ts";
import { shareTable } from "../../tools/mutate/table.ts";
import { requirePassing, type Trial, tryMutant } from "../../tools/mutate/trial.ts";
import { type TestRun, verdictOf } from "../../tools/mutate/verdict.ts";

const MUTANT: Mutant = {
  file: "engine/a.ts",
  find: "a + b",
  replace: "a - b",
  tests: ["tests/engine/a_test.ts", "tests/engine/b_test.ts"],
};

function ran(output: string, timedOut = false): TestRun {
  return { output, timedOut };
}

const PASSED = ran("running 3 tests from ./tests/a_test.ts\n\nok | 3 passed | 0 failed (1s)\n");
const FAILED = ran("error: AssertionError\n\nFAILED | 2 passed | 1 failed | 4 filtered out (1s)\n\nerror: Test failed");

/** Trial of the mutant with what each run gives, in turn, and the test files that were run. */
async function trialOf(...runs: readonly TestRun[]): Promise<{ readonly trial: Trial; readonly asked: string[] }> {
  const asked: string[] = [];
  const trial = await tryMutant(MUTANT, (test) => Promise.resolve(runs[asked.push(test) - 1]!));
  return { trial, asked };
}

Deno.test("a mutant is put where its text is, and nowhere else", () => {
  assertEquals(applyMutant("x = a + b;\ny = 1;\n", MUTANT), "x = a - b;\ny = 1;\n");
  const dollar = { ...MUTANT, replace: "$& $1" };
  assertEquals(applyMutant("x = a + b;", dollar), "x = $& $1;");
});

Deno.test("a text that is gone, or stands there more than once, is an error", () => {
  const gone = assertThrows(() => applyMutant("x = a * b;", MUTANT), MutantError);
  assertStringIncludes((gone as Error).message, 'engine/a.ts: the text "a + b" is gone');
  assertThrows(() => applyMutant("a + b; a + b;", MUTANT), MutantError, "occurs more than once");
  assertThrows(() => applyMutant("aaa", { ...MUTANT, find: "aa" }), MutantError, "occurs more than once");
});

Deno.test("a list is refused with the entry that is no mutant, and why", () => {
  const list = (change: Record<string, unknown>): string => JSON.stringify([MUTANT, { ...MUTANT, ...change }]);
  assertEquals(parseMutants(list({ equivalent: "as it is" }), "a.json")[1]!.equivalent, "as it is");
  const refused: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ find: "" }, '"find" is empty'],
    [{ replace: "a + b" }, "changes nothing"],
    [{ replace: "a\n" }, "one line"],
    [{ tests: [] }, "must name test files"],
    [{ tests: ["tests/a.ts"] }, "must name test files"],
    [{ file: "README.md" }, "no module in a room"],
    [{ equivalent: " " }, "must say why"],
    [{ note: "x" }, 'unknown key "note"'],
  ];
  for (const [change, message] of refused) {
    const error = assertThrows(() => parseMutants(list(change), "a.json"), MutantError);
    assertStringIncludes((error as Error).message, "entry 2 of a.json");
    assertStringIncludes((error as Error).message, message);
  }
  assertThrows(() => parseMutants("{", "a.json"), MutantError, "Cannot read a.json");
  assertThrows(() => parseMutants("{}", "a.json"), MutantError, "an array");
});

Deno.test("an entry of tests may name a part of a file", () => {
  assertEquals(testOf("tests/a_test.ts"), { file: "tests/a_test.ts", filter: undefined });
  assertEquals(testOf("tests/a_test.ts#one # two"), { file: "tests/a_test.ts", filter: "one # two" });
});

Deno.test("the verdict is the runner's own last word, also where the process dies after it", () => {
  assertEquals(verdictOf(PASSED), "passed");
  assertEquals(verdictOf(FAILED), "failed");
  assertEquals(verdictOf(ran(`${PASSED.output}corrupted double-linked list\nAborted (exit code 134)`)), "passed");
  assertEquals(verdictOf(ran("\x1b[0m\x1b[32mok\x1b[0m | 1 passed | 0 failed \x1b[38;5;245m(1s)\x1b[0m")), "passed");
  assertEquals(verdictOf(ran("ok | 0 passed | 0 failed | 3 ignored (1s)")), "empty");
  assertEquals(verdictOf(ran("running 3 tests\nfree(): invalid pointer")), "none");
  assertEquals(verdictOf(ran("running 3 tests", true)), "time-out");
  assertEquals(verdictOf(ran(PASSED.output, true)), "passed");
});

Deno.test("a module that does not parse has no verdict, one whose names are missing has failed", () => {
  assertEquals(verdictOf(ran("error: SyntaxError: Expression expected\n  |\n1 | a +;")), "unreadable");
  assertEquals(verdictOf(ran("error: The module's source code could not be parsed: Expected ';'")), "unreadable");
  const end = "\nFAILED | 0 passed | 1 failed (1s)";
  assertEquals(verdictOf(ran(`error: ReferenceError: b is not defined${end}`)), "failed");
  assertEquals(verdictOf(ran(`error: SyntaxError: The module does not provide an export named 'b'${end}`)), "failed");
});

Deno.test("test files run in order until one notices", async () => {
  const { trial, asked } = await trialOf(PASSED, FAILED);
  assertEquals([trial.outcome, trial.by, asked], ["failed", MUTANT.tests[1], MUTANT.tests]);
  const first = await trialOf(FAILED, FAILED);
  assertEquals([first.trial.by, first.asked.length], [MUTANT.tests[0], 1]);
  assertEquals((await trialOf(PASSED, PASSED)).trial.outcome, "survived");
});

Deno.test("a run that takes too long has noticed, and says so", async () => {
  assertEquals((await trialOf(ran("", true))).trial.outcome, "time-out");
});

Deno.test("a run without a verdict is repeated before it counts", async () => {
  const crash = ran("Segmentation fault");
  assertEquals((await trialOf(crash, PASSED, PASSED)).trial.outcome, "survived");
  const { trial, asked } = await trialOf(crash, crash);
  assertEquals([trial.outcome, asked], ["crashed", [MUTANT.tests[0], MUTANT.tests[0]]]);
});

Deno.test("a mutant that is no program, and tests that do not run, are errors of the list", async () => {
  const unreadable = ran("error: SyntaxError: Expression expected");
  await assertRejects(() => trialOf(unreadable), MutantError, '"a - b" does not parse');
  await assertRejects(() => trialOf(ran("ok | 0 passed | 0 failed")), MutantError, "runs no test");
});

Deno.test("test files must pass on the code as it is", async () => {
  await requirePassing("tests/a_test.ts", () => Promise.resolve(PASSED));
  await assertRejects(
    () => requirePassing("tests/a_test.ts", () => Promise.resolve(FAILED)),
    MutantError,
    'its verdict is "failed"',
  );
});

Deno.test("a sample has as many mutants of each room, by its seed", () => {
  const mutants = ["engine/a.ts", "kernels/b.ts"].flatMap((file) =>
    Array.from({ length: 30 }, (_, i): Mutant => ({ ...MUTANT, file, find: `find ${i}` }))
  );
  const chosen = choose(mutants, { sample: 5, seed: 1 });
  assertEquals(["engine/a.ts", "kernels/b.ts"].map((file) => chosen.filter((m) => m.file === file).length), [5, 5]);
  assertEquals(choose(mutants, { sample: 5, seed: 1 }), chosen);
  assert(choose(mutants, { sample: 5, seed: 2 }).some((mutant) => !chosen.includes(mutant)));
  assertEquals(choose(mutants, { room: "engine", seed: 0 }).length, 30);
  assertThrows(() => choose(mutants, { room: "cellar", seed: 0 }), RangeError, "the lists have engine, kernels");
});

Deno.test("the exit code is 1 where a mutant survived, and the share leaves equivalent ones out", async () => {
  const trial = (outcome: Trial["outcome"]): Trial => ({ mutant: MUTANT, outcome, seconds: 1 });
  const equivalent: Mutant = { ...MUTANT, equivalent: "the same" };
  const lines: string[] = [];
  const print = (text: string): void => void lines.push(text);
  assertEquals(await conclude([trial("failed"), trial("time-out")], [equivalent], undefined, print), 0);
  assertStringIncludes(lines.join("\n"), "| engine | 2 of 2  | 100.0 % | 1          |");
  assertStringIncludes(lines.join("\n"), "1 of the noticed ones ran out of time");
  assertEquals(await conclude([trial("failed"), trial("survived")], [], undefined, print), 1);
  assertStringIncludes(lines.at(-1)!, "engine/a.ts: a + b");
  assertStringIncludes(shareTable([{ room: "io", noticed: 0, tried: 0, equivalent: 2 }]), "| io   | 0 of 0  | -");
});

Deno.test("command lines that mean nothing are refused with exit code 2", async () => {
  for (const words of [["--sample", "0"], ["--jobs", "x"], ["--seed", "-1"], ["--fast"], ["--all", "--sample", "3"]]) {
    assertThrows(() => settingsOf(words), UsageError);
    assertEquals(await main(words, () => {}), 2);
  }
  assertEquals(await main(["--room", "cellar"], () => {}), 2);
  assertEquals(await main(["--help"], () => {}), 0);
});

/** A tree of one module and its test in a folder of its own. */
async function withTree(body: (root: URL) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const name of ["engine", "tests", "node_modules"]) await Deno.mkdir(`${folder}/${name}`);
    await Deno.writeTextFile(`${folder}/engine/a.ts`, "export const sum = (a: number, b: number) => a + b;\n");
    await Deno.writeTextFile(`${folder}/node_modules/x.ts`, "");
    await Deno.writeFile(`${folder}/engine/data.bin`, new Uint8Array(2 ** 21));
    await Deno.writeTextFile(
      `${folder}/tests/a_test.ts`,
      `import { sum } from "../engine/a.ts";
Deno.test("sum", () => { if (sum(2, 2) !== 4) throw new Error("no sum"); });
Deno.test("slow", async () => { while (sum(1, 1) === 3) await new Promise((done) => setTimeout(done, 10)); });
`,
    );
    await body(new URL(`file://${folder}/`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("mutants stand in a copy while their tests run; the tree is never written", async () => {
  await withTree(async (root) => {
    const copy = await TreeCopy.make(root);
    try {
      assert((await Deno.lstat(copy.pathOf("engine/data.bin"))).isSymlink);
      await assertRejects(() => Deno.stat(copy.pathOf("node_modules")), Deno.errors.NotFound);
      const test = "tests/a_test.ts";
      const trial = async (replace: string, find = "a + b", filter = "", seconds = 60): Promise<string> => {
        const mutant = { ...MUTANT, find, replace, tests: [test + filter] };
        return (await copy.withMutant(mutant, () => tryMutant(mutant, copy.runner(seconds)))).outcome;
      };
      assertEquals(await trial("a - b"), "failed");
      // No type fits, but the result does: types are not the tests' business.
      assertEquals(await trial('Number(`${a + b}`) || "0"'), "survived");
      assertEquals(await trial("a - b", "a + b", "#slow"), "survived");
      assertEquals(await trial("a * b + 2", "a + b", "#slow", 3), "time-out");
      await assertRejects(() => trial("a +", "a + b"), MutantError, "does not parse");
      await assertRejects(() => trial("", "a * b"), MutantError, "is gone");
      assertEquals(verdictOf(await copy.runner(60)(test)), "passed");
      const text = "export const sum = (a: number, b: number) => a + b;\n";
      for (const path of [copy.pathOf("engine/a.ts"), new URL("engine/a.ts", root)]) {
        assertEquals(await Deno.readTextFile(path), text);
      }
    } finally {
      await copy.remove();
    }
  });
});

Deno.test("misfits of a list are told one by one", async () => {
  await withTree(async (root) => {
    const good = { ...MUTANT, tests: ["tests/a_test.ts"] };
    const bad = [
      { ...good, find: "a * b" },
      { ...good, file: "engine/b.ts" },
      { ...good, tests: ["tests/b_test.ts#x"] },
    ];
    assertEquals(await misfits([good], root), []);
    const found = await misfits([good, ...bad], root);
    assertEquals(found.length, 3);
    assertStringIncludes(found[0]!, "is gone");
  });
});
