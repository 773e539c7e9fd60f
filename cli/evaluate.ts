/** `deno task evaluate`: pictures x tasks x methods x seeds, compared in tables and on a page. */
import { FileError } from "../io/mod.ts";
import { Arguments, type Command, UsageError } from "./arguments.ts";
import { checkConditioning } from "./conditioning.ts";
import { COMMON_OPTIONS, type Evaluation, readEvaluation, withSize } from "./evaluate/config.ts";
import { mergeFolders } from "./evaluate/merge.ts";
import { gatherTables, PERCEPTUAL_OPTIONS } from "./evaluate/measure.ts";
import { planImages, planUnits, type Shard, shardOf, type Unfit, type Unit } from "./evaluate/plan.ts";
import { htmlReport } from "./evaluate/report.ts";
import { findUnfit, makeUnits, secondsPerEvaluation, type Workshop } from "./evaluate/run.ts";
import { writeSheet } from "./evaluate/sheet.ts";
import { EVALUATION_FILE, type EvaluationRecord, jsonText, Store } from "./evaluate/store.ts";
import {
  medianOf,
  resultsCsv,
  resultsData,
  summaryCsv,
  type Tables,
  textTable,
  timingsCsv,
} from "./evaluate/tables.ts";
import { Interrupt } from "./interrupt.ts";
import { type LoadedModel, loadModel } from "./model_file.ts";
import { checkWritable } from "./outputs.ts";
import { METHOD_LIST } from "./posterior_methods.ts";
import { formatSeconds, makeReporter, type Reporter } from "./progress.ts";
import { openRuntime, RUNTIME_OPTIONS } from "./runtime.ts";
import { taskList, TASKS } from "./tasks.ts";

/** The folder of results where none is named. */
const DEFAULT_FOLDER = "evaluation";

/** The command `evaluate`. */
export const EVALUATE: Command = {
  spec: {
    name: "evaluate",
    summary: "Compares methods: degrades good pictures, restores them with each method, and measures the results.\n" +
      "Writes tables (CSV, JSON) and a page (report.html) into a folder. What is there already is not made again:\n" +
      "an interrupted run goes on where it stopped, and so does one with further methods, tasks or pictures.\n" +
      "merge FOLDER...: joins the folders of --shard into the one of --out.",
    operands: { usage: "[PICTURE|FOLDER]... | merge FOLDER...", min: 0, max: 10000 },
    options: {
      config: { kind: "text", value: "FILE", help: "JSON file that says what is evaluated; see docs/evaluate.md" },
      tasks: { kind: "text", value: "LIST", help: 'Tasks with options: "sr4; inpaint --mask-random 0.5"' },
      methods: {
        kind: "text",
        value: "LIST",
        help: 'Methods with options: "ssd; ddnm --steps 50; ddnm+ --form spectral"',
      },
      seeds: { kind: "text", value: "LIST", help: "Seeds: 0,1,2 (default 0)" },
      out: { kind: "text", value: "FOLDER", help: `Folder of the results (default ${DEFAULT_FOLDER})` },
      shard: { kind: "text", value: "I/N", help: "Make only part I of N, for several machines" },
      "dry-run": { kind: "flag", help: "Show the plan and the predicted time, make nothing" },
      pictures: { kind: "integer", min: 0, max: 1000, help: "Most pictures of a task on the page (default 4)" },
      sheet: {
        kind: "text",
        value: "FILE",
        help: "Also one picture (.png) of the first picture: measurements, a row for each method, the originals",
      },
      ...PERCEPTUAL_OPTIONS,
      ...COMMON_OPTIONS,
      ...RUNTIME_OPTIONS,
      json: { kind: "flag", help: "Print progress and outcome as JSON lines on stdout" },
    },
    lists: [taskList(TASKS), METHOD_LIST],
    examples: [
      ["deno task evaluate photos --tasks 'sr4; deblur' --methods 'ssd; ddrm'", "compare two methods on a folder"],
      ["deno task evaluate --config evaluations/methods.json --dry-run", "what it would do, and how long it takes"],
      ["deno task evaluate --config evaluations/methods.json --shard 1/2 --out part1", "half of it"],
      ["deno task evaluate merge part1 part2 --out whole", "both halves as one"],
    ],
  },
  run,
};

async function run(args: Arguments): Promise<number> {
  using interrupt = new Interrupt();
  using reporter = makeReporter(args.flag("json"));
  if (args.operands[0] === "merge") return await merge(args, reporter, interrupt);
  const shard = shardOption(args.text("shard"));
  await checkSheet(args);
  const asked = await readEvaluation(args);
  const runtime = await openRuntime(args);
  try {
    const loaded = await loadModel(runtime, asModelArguments(args, asked), () => interrupt.checkNow());
    reporter.note(`Model ${loaded.name} on ${runtime.description}`);
    const evaluation = withSize(asked, loaded.model.config.imageSize);
    for (const { task } of evaluation.tasks) checkConditioning(asModelArguments(args, evaluation), task, loaded);
    const images = await planImages(evaluation);
    const all = await planUnits(evaluation, images, loaded);
    const store = new Store(folderOf(args));
    const workshop: Workshop = { runtime, loaded, evaluation, store, reporter, interrupt };
    const unfit = await findUnfit(workshop, all);
    const units = all.filter(({ entry, method }) =>
      !unfit.some((pair) => pair.task === entry.name && pair.method === method.name)
    );
    if (units.length === 0) {
      throw new FileError(`Cannot evaluate: no method goes with a task; ${unfit[0]?.reason ?? ""}`);
    }
    const own = shardOf(units, shard);
    const pending: Unit[] = [];
    for (const unit of own) if (!await store.read(unit.hash)) pending.push(unit);
    await showPlan(workshop, { evaluation, unfit, own, pending, shard });
    if (args.flag("dry-run")) return 0;
    await store.open();
    const record = recordOf(evaluation, { images, loaded, unfit, units });
    await interrupt.hold(() => store.writeText(EVALUATION_FILE, jsonText(record)));
    const failures = await makeUnits(workshop, pending);
    const tables = await gatherTables(store, record, { args, runtime, reporter, interrupt });
    await interrupt.hold(() => writeTables(store, tables, args));
    for (const { unit, reason } of failures) {
      reporter.note(`Not made: ${unit.method.name} on ${unit.entry.name} of ${unit.image.name}: ${reason}`);
    }
    show(reporter, store, tables, { made: pending.length - failures.length, failed: failures.length });
    return failures.length > 0 ? 1 : 0;
  } finally {
    runtime.destroy();
  }
}

async function merge(args: Arguments, reporter: Reporter, interrupt: Interrupt): Promise<number> {
  const folders = args.operands.slice(1);
  await checkSheet(args);
  const foreign = ["config", "tasks", "methods", "seeds", "shard", "dry-run", "model"].find((name) => args.has(name));
  if (foreign !== undefined) throw new UsageError(`--${foreign} does not belong to "evaluate merge"; leave it out`);
  if (folders.length === 0) throw new UsageError('"evaluate merge" needs the folders that are to be joined');
  const store = new Store(folderOf(args));
  const record = await mergeFolders(folders.map((folder) => new Store(folder)), store, interrupt);
  const needsRuntime = args.has("lpips-weights") || args.has("inception");
  const runtime = needsRuntime ? await openRuntime(args) : undefined;
  try {
    const tables = await gatherTables(store, record, { args, runtime, reporter, interrupt });
    await interrupt.hold(() => writeTables(store, tables, args));
    show(reporter, store, tables, { made: 0, failed: 0 });
    return 0;
  } finally {
    runtime?.destroy();
  }
}

function folderOf(args: Arguments): string {
  return (args.text("out") ?? DEFAULT_FOLDER).replace(/(?<=.)[\\/]+$/, "");
}

/** The command line with the model, size and class that a config may have given. */
function asModelArguments(args: Arguments, { common }: Evaluation): Arguments {
  return new Arguments(args.operands, new Map([...args.values, ...common]), args.words);
}

/**
 * Makes sure that the sheet can be written where one is asked for.
 * @throws {UsageError | FileError} if it cannot
 */
async function checkSheet(args: Arguments): Promise<void> {
  const path = args.text("sheet");
  if (path === undefined) return;
  if (!/\.png$/i.test(path)) throw new UsageError(`--sheet is "${path}", a name that ends in .png is needed`);
  await checkWritable([path], args.operands);
}

/** @throws {UsageError} if it is not I/N with I from 1 to N */
function shardOption(text = "1/1"): Shard {
  const [index = 0, count = 0] = /^(\d+)\/(\d+)$/.exec(text)?.slice(1).map(Number) ?? [];
  if (index >= 1 && index <= count && count <= 100_000) return { index, count };
  throw new UsageError(`--shard is "${text}", I/N with I from 1 to N is needed, such as 1/4`);
}

async function showPlan(
  workshop: Workshop,
  { evaluation, unfit, own, pending, shard }: {
    readonly evaluation: Evaluation;
    readonly unfit: readonly Unfit[];
    readonly own: readonly Unit[];
    readonly pending: readonly Unit[];
    readonly shard: Shard;
  },
): Promise<void> {
  const { reporter, store } = workshop;
  const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;
  const { images, tasks, methods, seeds } = evaluation;
  const size = [
    count(images.length, "picture"),
    count(tasks.length, "task"),
    count(methods.length, "method"),
    count(seeds.length, "seed"),
  ];
  const part = shard.count === 1 ? "" : `, part ${shard.index} of ${shard.count}`;
  reporter.note(
    `${size.join(" x ")}: ${count(own.length, "result")}${part}, ${own.length - pending.length} there already`,
  );
  for (const { task, method, reason } of unfit) reporter.note(`Left out: ${method} on ${task}: ${reason}`);
  const [first, ...others] = pending;
  if (!first) return;
  const known: number[] = [];
  for (const unit of own) {
    const record = await store.read(unit.hash);
    if (record && record.evaluations.actual > 1) known.push(record.timings.secondsPerNfe);
  }
  const each = known.length > 0 ? medianOf(known) : await secondsPerEvaluation(workshop, [first, ...others]);
  const evaluations = pending.reduce((sum, { chosen }) => sum + chosen.evaluations.actual, 0);
  reporter.note(
    `${evaluations} network evaluations to make, about ${formatSeconds(evaluations * each)} at ` +
      `${(1000 * each).toPrecision(3)} ms each`,
  );
}

function recordOf(
  { title, note, tasks, methods, seeds, common, paper }: Evaluation,
  { images, loaded, unfit, units }: {
    readonly images: Awaited<ReturnType<typeof planImages>>;
    readonly loaded: LoadedModel;
    readonly unfit: readonly Unfit[];
    readonly units: readonly Unit[];
  },
): EvaluationRecord {
  // The model is named by its hash, wherever its file lies.
  const options = Array.from(common).filter(([name]) => name !== "model").map(([name, value]) => `--${name} ${value}`);
  const listed = ({ name, words }: { readonly name: string; readonly words: readonly string[] }) => (
    { name, options: words.join(" ") }
  );
  return {
    kind: "evaluation",
    title,
    note,
    model: { name: loaded.name, sha256: loaded.sha256, parameters: loaded.model.parameterCount },
    options: options.join(" "),
    images: images.map(({ name, sha256 }) => ({ name, sha256 })),
    tasks: tasks.map(listed),
    methods: methods.map(listed),
    seeds,
    paper,
    unfit,
    units: units.map(({ hash, case: own }) => ({ hash, case: own })),
  };
}

async function writeTables(store: Store, tables: Tables, args: Arguments): Promise<void> {
  await store.writeText("results.csv", resultsCsv(tables));
  await store.writeText("summary.csv", summaryCsv(tables));
  await store.writeText("timings.csv", timingsCsv(tables));
  await store.writeText("results.json", jsonText(resultsData(tables)));
  const sheet = args.text("sheet");
  if (sheet !== undefined) await writeSheet(sheet, store, tables);
  const command = ["deno task evaluate", ...args.words].join(" ");
  await store.writeText(
    "report.html",
    await htmlReport(store, tables, { command, pictures: args.number("pictures") ?? 4 }),
  );
}

function show(
  reporter: Reporter,
  { folder }: Store,
  tables: Tables,
  { made, failed }: { readonly made: number; readonly failed: number },
): void {
  const { rows, evaluation } = tables;
  const missing = evaluation.units.length - rows.length;
  const lines = [
    textTable(tables),
    ...(missing > 0 ? [`${missing} of ${evaluation.units.length} results are missing`] : []),
    `Wrote ${folder}/report.html, results.csv, summary.csv, timings.csv, results.json` +
    (made === 0 && failed === 0 ? "; no result was made anew" : ""),
  ];
  const { summary } = resultsData(tables);
  reporter.result({ folder, made, failed, missing, summary }, lines.join("\n"));
}
