/** `deno task evaluate IMAGES`: methods against tasks on many pictures, as tables, pictures and a report. */
import type { Runtime } from "../engine/mod.ts";
import { CONVENTIONS, INCEPTION_PREPARATIONS } from "../metrics/mod.ts";
import { PERCEPTUAL_NETWORKS } from "../models/mod.ts";
import type { Arguments, Command, CommandSpec } from "./arguments.ts";
import { UsageError } from "../parameters/mod.ts";
import { gather } from "./evaluate/cells.ts";
import { type Configuration, readConfiguration } from "./evaluate/config.ts";
import { type KeptPlan, mergeParts, PLAN_FILE } from "./evaluate/merge.ts";
import { METRICS as QUANTITIES } from "./evaluate/metrics.ts";
import { runPasses } from "./evaluate/passes.ts";
import { makePlan, pairName, type Plan, type PlannedUnit, shardOf, type Work } from "./evaluate/plan.ts";
import { evaluationsOf, measureSpeed, type Speed, speedOfUnits } from "./evaluate/prediction.ts";
import { writeReport } from "./evaluate/report.ts";
import { type Failure, runUnits } from "./evaluate/run_units.ts";
import { countSeeds } from "./evaluate/seeds.ts";
import { writeSheet } from "./evaluate/sheet.ts";
import { Store, type UnitRecord } from "./evaluate/store.ts";
import { formatCells, TABLE_FILES, writeTables } from "./evaluate/tables.ts";
import { Interrupt } from "./interrupt.ts";
import { type LoadedModel, loadModel, modelOptions } from "./model_file.ts";
import { checkWritable } from "./outputs.ts";
import { checkConditioning, CLASS_OPTION, restoringMethods, TASKS } from "../restoration/mod.ts";
import { methodList, taskList } from "./lists.ts";
import { formatSeconds, makeReporter, type Reporter } from "./progress.ts";
import { openRuntime, PRECISION_OPTION, RUNTIME_OPTIONS } from "./runtime.ts";

/** Folder of the results where none is named. */
const OUT = "evaluation";

/** The first operand that stands for joining shards. */
const MERGE = "merge";

const ENTRY_SYNTAX = "entries apart by commas, each a name and options, several values apart by |";

const OPTIONS: CommandSpec["options"] = {
  config: { kind: "text", value: "FILE", help: "What to evaluate as JSON, see docs/evaluate.md; options outweigh it" },
  tasks: { kind: "text", value: "LIST", help: `Tasks (default sr4): ${ENTRY_SYNTAX}; "*" means all` },
  methods: { kind: "text", value: "LIST", help: "Methods (default pseudo-inverse, ssd), written like tasks" },
  seeds: {
    kind: "text",
    value: "LIST",
    help: "Seeds of noise and masks: 0,1,2 or 0-4 (default 0), or each: picture k has seed k",
  },
  limit: { kind: "integer", min: 1, help: "Take only the first pictures" },
  size: { kind: "integer", min: 8, max: 65535, help: "Longest side of the pictures (default: the training size)" },
  title: { kind: "text", help: "Heading of the report" },
  convention: {
    kind: "choice",
    choices: Object.keys(CONVENTIONS),
    help: "How PSNR and SSIM are computed (default ddnm: not rounded; metrics --help lists them)",
  },
  confidence: { kind: "number", min: 0.5, max: 0.9999, help: "Of the intervals of means (default 0.95)" },
  "noise-statistics": { kind: "flag", help: "Also measure the noise predicted during the inversion of ssd and ssd+" },
  "lpips-weights": { kind: "text", value: "FILE", help: "Also measure LPIPS with this VGG16 or AlexNet" },
  "lpips-linear": { kind: "text", value: "FILE", help: "Linear weights of LPIPS (default: in the same file)" },
  "lpips-network": { kind: "choice", choices: PERCEPTUAL_NETWORKS, help: "Which network it is (default: as it looks)" },
  inception: { kind: "text", value: "FILE", help: "Also measure the Frechet distance (FID) with this Inception v3" },
  preparation: {
    kind: "choice",
    choices: INCEPTION_PREPARATIONS,
    help: "How pictures are brought to Inception's size",
  },
  out: { kind: "text", value: "FOLDER", help: `Folder of the results (default ${OUT})` },
  sheet: {
    kind: "text",
    value: "FILE",
    help: "Also the first picture as one PNG: the original, A^+ y, a row for each method; a column for each task",
  },
  "sheet-images": { kind: "integer", min: 1, max: 100, help: "Pictures on it, for every task (default 1)" },
  plan: { kind: "flag", help: "Print the plan and the predicted time, and stop" },
  "dry-run": { kind: "flag", help: "The same as --plan" },
  shard: { kind: "text", value: "I/N", help: "Do only part I of N; give every part its own --out" },
  batch: {
    kind: "integer",
    min: 1,
    max: 256,
    help: "Pictures restored at once (default: 8 of 64x64, fewer of larger)",
  },
  "report-images": { kind: "integer", min: 0, max: 10000, help: "Pictures shown in the report, per task (default 4)" },
};

/** The command `evaluate`. */
export const EVALUATE: Command = {
  spec: {
    name: "evaluate",
    summary:
      "Compares methods: every picture is degraded by every task and restored by every method with every seed.\n" +
      "IMAGES are good pictures (PNG, JPEG) or folders of them. Results go to a folder, one unit each, named by the hash\n" +
      "of all that decides it: a stopped run goes on where it was, a repeated one does nothing. Tables (CSV, JSON) and a\n" +
      "report (HTML, one file) are made of the units. merge joins the folders of shards.",
    operands: { usage: "[IMAGES... | merge PART...]", min: 0, max: Number.MAX_SAFE_INTEGER },
    // Made when asked for: families of networks and samplers may have been added.
    get options(): CommandSpec["options"] {
      return {
        ...OPTIONS,
        ...modelOptions(),
        ...CLASS_OPTION,
        ...PRECISION_OPTION,
        ...RUNTIME_OPTIONS,
        json: { kind: "flag", help: "Print progress and outcome as JSON lines on stdout" },
      };
    },
    get lists() {
      const quantities = Object.values(QUANTITIES).map(({ title, meaning }) => [title, meaning] as const);
      return [taskList(TASKS), methodList(restoringMethods()), { title: "Quantities", rows: quantities }];
    },
    examples: [
      ["deno task evaluate photos/ --tasks sr4,colorize --methods ssd,ddnm,ddrm", "a table of two tasks"],
      ['deno task evaluate photos/ --methods "ssd steps=10|20|30, ddnm steps=10|20|30"', "quality against evaluations"],
      [
        'deno task evaluate photos/ --tasks "sr8 sigma-y=0.1, deblur jpeg-quality=60" --methods ssd,ssd+',
        "noisy tasks",
      ],
      ["deno task evaluate --config evaluations/every-method.json --plan", "what would be done, and for how long"],
      ["deno task evaluate photos/ --shard 2/3 --out part-2", "a third of the work, on another machine"],
      ["deno task evaluate merge part-1 part-2 part-3 --out all", "tables and report of all parts"],
    ],
  },
  run,
};

async function run(args: Arguments): Promise<number> {
  using interrupt = new Interrupt();
  using reporter = makeReporter(args.flag("json"));
  using session = new Session(args, reporter, interrupt);
  return args.operands[0] === MERGE ? await session.merge() : await session.evaluate();
}

/** Part `index` of `count`. */
interface Shard {
  readonly index: number;
  readonly count: number;
}

/** One run of the command; the device is opened when it is first needed. */
class Session implements Disposable {
  #runtime: Runtime | undefined;
  #loaded: LoadedModel | undefined;
  #args: Arguments;

  constructor(args: Arguments, readonly reporter: Reporter, readonly interrupt: Interrupt) {
    this.#args = args;
  }

  async evaluate(): Promise<number> {
    const shard = parseShard(this.#args.text("shard"));
    const configuration = await readConfiguration(this.#args, EVALUATE.spec.options);
    this.#args = configuration.args;
    checkPasses(this.#args);
    await checkSheet(this.#args);
    const work = await makePlan(configuration);
    const mine = shard ? shardOf(work.plan.units, shard) : work.plan.units;
    const folder = this.#args.text("out") ?? OUT;
    const records = await Store.reading(folder).readAll(mine.map(({ id }) => id));
    const pending = mine.filter(({ id }) => !records.has(id));
    for (const line of describePlan(work, mine, shard)) this.reporter.note(line);
    await this.interrupt.check();
    if (pending.length > 0) await this.#predict(work, pending, records);
    if (this.#args.flag("plan") || this.#args.flag("dry-run")) {
      this.reporter.result(planData(work.plan, mine, pending), formatPending(mine, pending));
      return 0;
    }
    using store = await Store.writing(folder);
    const kept = { plan: work.plan, command: commandOf(this.#args), configuration: configuration.source?.text ?? null };
    await store.writeJson(PLAN_FILE, kept);
    const failures = pending.length === 0 ? [] : await this.#work(work, configuration, pending, store);
    if (shard) return this.#finishShard(work.plan, { mine, pending, failures, shard, folder });
    return await this.#finish(kept, store, { pending, failures });
  }

  /** Joins parts; the tables are those of a run that was never split. */
  async merge(): Promise<number> {
    const parts = this.#args.operands.slice(1);
    if (parts.length === 0) throw new UsageError("merge was given no folder, merge PART... --out DIR is needed");
    const folder = this.#args.text("out");
    if (folder === undefined) throw new UsageError("merge needs --out FOLDER, the folder of all parts together");
    if (this.#args.has("config") || this.#args.has("shard")) {
      throw new UsageError("merge takes its plan from the parts; leave --config and --shard out");
    }
    checkPasses(this.#args);
    await checkSheet(this.#args);
    using store = await Store.writing(folder);
    const kept = await mergeParts(parts, store, this);
    return await this.#finish(kept, store, { pending: [], failures: [] });
  }

  async #open(): Promise<Runtime> {
    return this.#runtime ??= await openRuntime(this.#args);
  }

  async #load(work: Work): Promise<LoadedModel> {
    if (this.#loaded) return this.#loaded;
    const runtime = await this.#open();
    const loaded = await loadModel(runtime, this.#args, () => this.interrupt.checkNow());
    const millions = (loaded.model.parameterCount / 1e6).toFixed(1);
    this.reporter.note(`Model ${loaded.name} (${millions} M parameters) on ${runtime.description}`);
    const label = this.#args.number("class");
    for (const { task } of work.pairs.values()) checkConditioning(loaded, task, label);
    return this.#loaded = loaded;
  }

  async #predict(work: Work, pending: readonly PlannedUnit[], records: ReadonlyMap<string, UnitRecord>): Promise<void> {
    const nfe = evaluationsOf(work.plan, pending);
    const speed = speedOfUnits(records.values()) ?? (nfe === 0 ? undefined : await this.#measure(work));
    const time = speed ? `, about ${formatSeconds(nfe * speed.secondsPerNfe)} by ${speed.source}` : "";
    this.reporter.note(`${pending.length} units to do: ${nfe} network evaluations${time}`);
  }

  async #measure(work: Work): Promise<Speed> {
    const { model } = await this.#load(work);
    const side = Math.ceil(work.plan.size / model.downsampling) * model.downsampling;
    const label = this.#args.number("class");
    const options = { width: side, height: side, ...(label === undefined ? {} : { label }) };
    return await measureSpeed(await this.#open(), model.noiseModel(options));
  }

  async #work(
    work: Work,
    { args }: Configuration,
    pending: readonly PlannedUnit[],
    store: Store,
  ): Promise<readonly Failure[]> {
    const loaded = await this.#load(work);
    const failures = await runUnits(work, pending, {
      runtime: await this.#open(),
      loaded,
      label: args.number("class"),
      store,
      batch: args.number("batch") ?? defaultBatch(work.plan.size),
      reporter: this.reporter,
      interrupt: this.interrupt,
    });
    for (const { unit, reason } of failures) this.reporter.note(`Failed: ${nameOf(work.plan, unit)}: ${reason}`);
    return failures;
  }

  #finishShard(plan: Plan, { mine, pending, failures, shard, folder }: {
    readonly mine: readonly PlannedUnit[];
    readonly pending: readonly PlannedUnit[];
    readonly failures: readonly Failure[];
    readonly shard: Shard;
    readonly folder: string;
  }): number {
    const text =
      `Shard ${shard.index} of ${shard.count}: ${mine.length - failures.length} of ${mine.length} units are ` +
      `in "${folder}"; join all with: deno task evaluate merge PART... --out FOLDER`;
    this.reporter.result({ folder, shard, ...planData(plan, mine, pending), failed: failures.length }, text);
    return failures.length === 0 ? 0 : 1;
  }

  async #finish(kept: KeptPlan, store: Store, { pending, failures }: {
    readonly pending: readonly PlannedUnit[];
    readonly failures: readonly Failure[];
  }): Promise<number> {
    const { plan } = kept;
    const records = await store.readAll(plan.units.map(({ id }) => id));
    const passes = await runPasses(plan, records, {
      args: this.#args,
      store,
      reporter: this.reporter,
      interrupt: this.interrupt,
      runtime: () => this.#open(),
    });
    const results = gather(plan, records, passes);
    const sheet = this.#args.text("sheet");
    await this.interrupt.check();
    await this.interrupt.hold(async () => {
      await writeTables(store, results);
      await writeReport(store, results, { ...kept, pictures: this.#args.number("report-images") ?? 4 });
      if (sheet !== undefined) await writeSheet(sheet, store, results, this.#args.number("sheet-images") ?? 1);
    });
    const missing = results.cells.reduce((sum, cell) => sum + cell.missing, 0);
    const tables = [...TABLE_FILES, "report.html"].map((name) => store.path(name));
    const files = [...tables, ...(sheet === undefined ? [] : [sheet])];
    const done = pending.length === 0 && failures.length === 0 && missing === 0 && this.#args.operands[0] !== MERGE;
    const lines = [
      formatCells(results),
      ...(done ? ["All units were there already: nothing was restored"] : []),
      ...(missing > 0 ? [`${missing} of ${plan.units.length} units are missing; the tables are of the others`] : []),
      `Wrote ${files.join(", ")}`,
    ];
    const counts = { restored: pending.length - failures.length, failed: failures.length, missing };
    this.reporter.result({ files, units: plan.units.length, ...counts }, lines.join("\n"));
    return missing > 0 ? 1 : 0;
  }

  [Symbol.dispose](): void {
    this.#runtime?.destroy();
  }
}

/** `2/3`. */
function parseShard(text: string | undefined): Shard | undefined {
  if (text === undefined) return undefined;
  const [, first, second] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const [index, count] = [Number(first), Number(second)];
  if (index >= 1 && index <= count) return { index, count };
  throw new UsageError(`--shard is "${text}", a part such as 2/3 is needed, from 1/3 to 3/3`);
}

function checkPasses(args: Arguments): void {
  for (const option of ["lpips-linear", "lpips-network"]) {
    if (args.has(option) && !args.has("lpips-weights")) throw new UsageError(`--${option} needs --lpips-weights FILE`);
  }
  if (args.has("preparation") && !args.has("inception")) throw new UsageError("--preparation needs --inception FILE");
}

/**
 * Makes sure that the sheet can be written where one is asked for.
 * @throws {UsageError | FileError} if it cannot
 */
async function checkSheet(args: Arguments): Promise<void> {
  const path = args.text("sheet");
  if (path === undefined && args.has("sheet-images")) throw new UsageError("--sheet-images needs --sheet FILE");
  if (path === undefined) return;
  if (!/\.png$/i.test(path)) throw new UsageError(`--sheet is "${path}", a name that ends in .png is needed`);
  await checkWritable([path], []);
}

/** As many pictures as 8 of 64x64 have pixels. */
function defaultBatch(size: number): number {
  return Math.max(1, Math.floor(8 * 64 * 64 / (size * size)));
}

/** The command line without what belongs to one shard or one terminal. */
function commandOf({ words }: Arguments): string {
  const kept: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === "--json" || word.startsWith("--shard=")) continue;
    if (word === "--shard") at++;
    else kept.push(/^[\w./=:+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
  }
  return ["deno task evaluate", ...kept].join(" ");
}

function describePlan({ plan }: Work, mine: readonly PlannedUnit[], shard: Shard | undefined): readonly string[] {
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
  const part = shard ? `; shard ${shard.index} of ${shard.count} has ${mine.length}` : "";
  const total = `${count(plan.images.length, "picture")} x ${count(plan.tasks.length, "task")} x ` +
    `${count(plan.methods.length, "method")} x ${countSeeds(plan.seeds)}: ${count(plan.units.length, "unit")}, ` +
    `${evaluationsOf(plan, plan.units)} network evaluations${part}`;
  const refused = Map.groupBy(plan.notApplicable, ({ reason }) => reason);
  const listed = (names: readonly (string | undefined)[]): string => [...new Set(names)].join(", ");
  return [
    total,
    ...Array.from(refused, ([reason, pairs]) => {
      const methods = listed(pairs.map(({ method }) => plan.methods[method]?.label));
      return `Not applicable: ${methods} on ${listed(pairs.map(({ task }) => plan.tasks[task]?.label))}: ${reason}`;
    }),
  ];
}

function nameOf(plan: Plan, { task, method, image, seed }: PlannedUnit): string {
  return `${plan.images[image]?.name}, ${plan.tasks[task]?.label}, ${plan.methods[method]?.label}, seed ${seed}`;
}

function planData(
  plan: Plan,
  mine: readonly PlannedUnit[],
  pending: readonly PlannedUnit[],
): Readonly<Record<string, unknown>> {
  const costs = new Map(plan.pairs.map((pair) => [pairName(pair.task, pair.method), pair.evaluations]));
  return {
    units: mine.length,
    pending: pending.length,
    evaluations: evaluationsOf(plan, mine),
    pendingEvaluations: evaluationsOf(plan, pending),
    pairs: plan.pairs.map(({ task, method }) => ({
      task: plan.tasks[task]?.label,
      method: plan.methods[method]?.label,
      nfe: costs.get(pairName(task, method)),
    })),
    notApplicable: plan.notApplicable.map(({ task, method, reason }) => ({
      task: plan.tasks[task]?.label,
      method: plan.methods[method]?.label,
      reason,
    })),
  };
}

function formatPending(mine: readonly PlannedUnit[], pending: readonly PlannedUnit[]): string {
  if (pending.length === 0) return `All ${mine.length} units are there already: there is nothing to do`;
  return `${mine.length - pending.length} of ${mine.length} units are there already, ${pending.length} are to be done`;
}
