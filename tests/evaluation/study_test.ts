import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { Arguments } from "../../cli/arguments.ts";
import { EVALUATE } from "../../cli/evaluate.ts";
import { readFoundStudy } from "../../cli/evaluate_inputs.ts";
import { namesOf } from "../../evaluation/entries.ts";
import { readEntries, readStudy, type Study } from "../../evaluation/mod.ts";
import { UsageError } from "../../parameters/mod.ts";
import { methodOptions, TASKS } from "../../restoration/mod.ts";
import { PLAIN_SAMPLERS } from "../../samplers/mod.ts";
import { withFolder } from "../cli/run_command.ts";

/** Reads a configuration file with some content. */
async function read(content: unknown, options: Readonly<Record<string, string>> = {}): Promise<Study> {
  let found: Study | undefined;
  await withFolder(async (folder) => {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    const path = folder.write("c.json", new TextEncoder().encode(text));
    const args = new Arguments([], { config: path, ...options });
    found = (await readFoundStudy(args, EVALUATE.spec.options)).study;
  });
  return found!;
}

/** The message of a configuration that does not fit, with the folder taken out. */
async function refusal(content: unknown): Promise<string> {
  const error = await assertRejects(() => read(content), UsageError);
  return error.message.replace(/"[^"]*\/c\.json"/, '"c.json"');
}

const IMAGES = { images: "a.png" };

Deno.test("a configuration that does not fit is refused with the place of what does not", async () => {
  const cases: readonly (readonly [unknown, string])[] = [
    ["{", '"c.json" is no JSON file'],
    [[], '"c.json" holds no object'],
    [{ ...IMAGES, task: ["sr4"] }, '"c.json" has the key "task", which means nothing; did you mean "tasks"?'],
    [{ tasks: ["sr4"] }, "evaluate was given no pictures"],
    [{ ...IMAGES, tasks: [] }, '"c.json" at tasks is [], a list of at least one task is needed'],
    [{ ...IMAGES, tasks: ["sr50"] }, '"c.json" at tasks[0].task is "sr50"'],
    [{ ...IMAGES, tasks: ["sr4", { label: "x" }] }, '"c.json" at tasks[1].task is missing'],
    [
      { ...IMAGES, tasks: [{ task: "sr4", "sigma-y": "much" }] },
      '"c.json" at tasks[0].sigma-y is "much", a number from 0 to 10 is needed',
    ],
    [{ ...IMAGES, tasks: [{ task: "sr4", sigma: 1 }] }, '"c.json" at tasks[0] has the key "sigma", which means'],
    [{ ...IMAGES, methods: [{ method: "ssd", steps: [10, null] }] }, '"c.json" at methods[0].steps[1] is null'],
    [
      { ...IMAGES, methods: ["ssd", { method: "dmps", "gradient-scale": ["1", "x"] }] },
      '"c.json" at methods[1].gradient-scale[1] is "x"',
    ],
    [{ ...IMAGES, methods: [{ method: "ssd", "no-clip": "yes" }] }, '"c.json" at methods[0].no-clip is "yes", true or'],
    [{ ...IMAGES, methods: [{ method: "ssd", steps: true }] }, '"c.json" at methods[0].steps is true, a whole number'],
    [{ ...IMAGES, tasks: [{ task: "inpaint", mask: true }] }, '"c.json" at tasks[0].mask is true, a text is needed'],
    [{ ...IMAGES, methods: [{ method: "ssd", steps: [] }] }, '"c.json" at methods[0].steps is an empty list'],
    [{ ...IMAGES, methods: ["ssd", "ssd"] }, '"c.json" at methods[1] is called "ssd" like "'],
    [{ ...IMAGES, methods: ["ddim"] }, '"c.json" at methods[0].method is "ddim"'],
    [
      { ...IMAGES, methods: [{ method: "daps", "by-task": { sr8: { steps: 3 } } }] },
      '"c.json" at methods[0].by-task has the key "sr8", which means nothing',
    ],
    [
      { ...IMAGES, methods: [{ method: "daps", "by-task": { sr4: { steps: "many" } } }] },
      '"c.json" at methods[0].by-task["sr4"].steps is "many", a whole number',
    ],
    [
      { ...IMAGES, methods: [{ method: "daps", "by-task": { sr4: { evaluations: 100 } } }] },
      'by-task["sr4"] has the key "evaluations"',
    ],
    [
      { ...IMAGES, tasks: [{ task: "sr4", "by-task": { sr4: { scale: 3 } } }] },
      '"c.json" at tasks[0] has the key "by-task"',
    ],
    [{ ...IMAGES, methods: [{ method: "*", label: "all" }] }, '"c.json" at methods[0].label is "all"'],
    [{ ...IMAGES, seeds: [0, -1] }, '"c.json" at seeds holds -1'],
    [{ ...IMAGES, seeds: "all" }, '"c.json" at seeds holds "all"'],
    [{ ...IMAGES, seeds: [3, 3] }, '"c.json" at seeds holds 3 twice'],
    [{ ...IMAGES, size: 4 }, '"c.json" at size is 4, a whole number from 8'],
    [{ ...IMAGES, convention: "best" }, '"c.json" at convention is "best", one of'],
    [{ ...IMAGES, shard: "1/2" }, '"c.json" has the key "shard"'],
    [
      { ...IMAGES, trends: [{ statement: "s", metric: "psnr", rising: ["ssd"], task: "sr4" }] },
      "at least 2 are needed",
    ],
    [
      { ...IMAGES, trends: [{ statement: "s", metric: "psnr", rising: ["a", "b"], task: "sr4" }] },
      'trends[0].rising[0] is "a"',
    ],
    [
      { ...IMAGES, paper: { source: "s", checkpoints: [], rows: [{ method: "ssd", task: "sr4", psnr: "x" }] } },
      'paper.rows[0].psnr is "x"',
    ],
  ];
  for (const [content, message] of cases) assertStringIncludes(await refusal(content), message);
});

Deno.test("paths in a configuration are relative to its folder, options of the command line outweigh it", async () => {
  const configuration = await read({ images: ["b", "/c"], size: 32, seeds: [4], limit: 3 }, { seeds: "0-2,7" });
  assertEquals(configuration.images.map((path) => path.replace(/^.*\/(?=b$)/, "")), ["b", "/c"]);
  assertEquals(configuration.images[0]!.startsWith("/"), true);
  assertEquals(configuration.seeds, [0, 1, 2, 7]);
  assertEquals((await read({ images: "a", seeds: "each" })).seeds, "each");
  assertEquals([configuration.options["size"], configuration.options["limit"]], [32, 3]);
});

Deno.test("a list of values makes an entry of each, in a file and on the command line", async () => {
  const { methods } = await read({
    ...IMAGES,
    methods: [{ label: "S", method: "ssd", eta: [0, 0.5], steps: [10, 20] }],
  });
  const labels = ["S eta=0 steps=10", "S eta=0 steps=20", "S eta=0.5 steps=10", "S eta=0.5 steps=20"];
  assertEquals(methods.map(({ label }) => label), labels);
  assertEquals(methods.map(({ series }) => series), ["S", "S", "S", "S"]);
  assertEquals(methods.map(({ options }) => options["eta"]), [0, 0, 0.5, 0.5]);
  const parsed = readEntries("method", "ssd steps=10|20 no-clip, ddnm");
  assertEquals(parsed.map(({ label }) => label), ["ssd no-clip steps=10", "ssd no-clip steps=20", "ddnm"]);
  assertEquals(parsed.map(({ options }) => options["no-clip"] === true), [true, true, false]);
});

Deno.test('"*" stands for every task, and for every method that the restore command has', () => {
  assertEquals(readEntries("task", "*").map(({ name }) => name), [...TASKS.keys()]);
  assertEquals(readEntries("task", "sr3, sr1.50").map(({ name }) => name), ["sr3", "sr1.5"], "any factor");
  const methods = readEntries("method", "* steps=6").map(({ label }) => label);
  assertEquals(methods, [...namesOf("method")]);
  const plain = Object.values(PLAIN_SAMPLERS).map(({ method }) => method);
  assertEquals([...methods, ...plain].sort(), [...methodOptions()["method"]!.choices!].sort());
});

Deno.test("numbers may be written as texts, and what is false is not given", () => {
  const { tasks, methods, options } = readStudy({
    tasks: [{ task: "sr4", "sigma-y": "0.1" }],
    methods: [{ method: "ssd", "no-clip": [true, false] }],
    size: "32",
    "noise-statistics": false,
  });
  assertEquals(tasks[0]!.options, { task: "sr4", "sigma-y": 0.1 });
  assertEquals(methods.map(({ options }) => options), [{ method: "ssd", "no-clip": true }, { method: "ssd" }]);
  assertEquals(options, { size: 32 });
  assertThrows(() => readStudy({ tasks: "sr50" }), UsageError, 'the study at tasks[0].task is "sr50", one of');
});

Deno.test("options of the command line are refused with their names", async () => {
  const refused = async (options: Readonly<Record<string, string>>, message: string): Promise<void> => {
    const error = await assertRejects(() => read(IMAGES, options), UsageError);
    assertStringIncludes(error.message, message);
  };
  await refused(
    { methods: "ssd, ddnm stps=4" },
    '--methods[1] has the key "stps", which means nothing; did you mean "steps"',
  );
  await refused({ methods: "ssd steps=1|x" }, '--methods[0].steps[1] is "x"');
  await refused({ tasks: "sr50" }, '--tasks[0].task is "sr50"');
  await refused({ seeds: "4-0" }, '--seeds holds "4-0"');
});

Deno.test("the ready studies fit, and their files are there", async () => {
  const folder = new URL("../../evaluation/studies/", import.meta.url).pathname;
  const names = (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).filter((name) =>
    /\.json$/.test(name)
  );
  assertEquals(names.length, 18);
  for (const name of names) {
    const operands = name === "photographs.json" ? [folder] : [];
    const args = new Arguments(operands, { config: `${folder}${name}` });
    const { study } = await readFoundStudy(args, EVALUATE.spec.options);
    const masks = study.tasks.flatMap(({ options }) => options["mask"] === undefined ? [] : [String(options["mask"])]);
    for (const path of [...study.images, ...masks]) await Deno.stat(path);
  }
});
