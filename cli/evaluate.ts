/** `deno task evaluate IMAGES`: methods against tasks on many pictures, as tables, pictures and a report. */
import {
  benchOf,
  JOB_OPTIONS,
  ONE_RUN,
  type Overview,
  overviewLines,
  SERVE_OPTIONS,
  serveEvaluation,
  workForEvaluation,
  writeJobs,
} from "../distribution/mod.ts";
import type { Runtime } from "../engine/mod.ts";
import {
  checkNetwork,
  commandText,
  costsOf,
  describeFailures,
  describePlan,
  ENTRY_OPTIONS,
  type Failure,
  formatCells,
  formatPublished,
  type KeptPlan,
  makePlan,
  measureOptions,
  type Measures,
  measuresOf,
  measureSpeed,
  mergeParts,
  METRICS,
  type Plan,
  planData,
  type PlannedUnit,
  readPending,
  readResults,
  readShard,
  resultSheet,
  RUN_OPTIONS,
  runUnits,
  shardOf,
  type Speed,
  type Study,
  STUDY_OPTIONS,
  type Watch,
  type Work,
  writePlan,
  writeResults,
} from "../evaluation/mod.ts";
import { checkWritable, FolderStore, formatSeconds, Interrupt, type Reporter, writePng } from "../io/mod.ts";
import { UsageError } from "../parameters/mod.ts";
import { toImage } from "../raster/mod.ts";
import { CLASS_OPTION, restoringMethods, TASKS } from "../restoration/mod.ts";
import { Arguments, type Command, type CommandSpec, QUIET_OPTION } from "./arguments.ts";
import { identifyModel, readFoundStudy, TASK_FILES } from "./evaluate_inputs.ts";
import { methodList, taskList } from "./lists.ts";
import { type LoadedModel, loadModel, modelOptions } from "./model_file.ts";
import { listPictures, readColours } from "./pictures.ts";
import { openRuntime, PRECISION_OPTION, RUNTIME_OPTIONS } from "./runtime.ts";
import { NETWORK_FILES } from "./source.ts";

/** Folder of the results where none is named. */
const OUT = "evaluation-results";

/** The first operand that stands for joining shards. */
const MERGE = "merge";

/** The first operand that stands for working for an evaluation that is served elsewhere. */
const WORK = "work";

const OPTIONS: CommandSpec["options"] = {
  config: { kind: "text", value: "FILE", help: "What to evaluate as JSON, see docs/evaluate.md; options outweigh it" },
  ...ENTRY_OPTIONS,
  ...STUDY_OPTIONS,
  ...measureOptions("Also measure"),
  out: { kind: "text", value: "FOLDER", help: `Folder of the results (default ${OUT})` },
  ...RUN_OPTIONS,
  ...SERVE_OPTIONS,
  ...JOB_OPTIONS,
};

/** The command `evaluate`. */
export const EVALUATE: Command = {
  spec: {
    name: "evaluate",
    summary:
      "Compares methods: every picture is degraded by every task and restored by every method with every seed.\n" +
      "IMAGES are good pictures (PNG, JPEG) or folders of them. Results go to a folder, one unit each, named by the hash\n" +
      "of all that decides it: a stopped run goes on where it was, a repeated one does nothing. Tables (CSV, JSON) and a\n" +
      "report (HTML, one file) are made of the units. merge joins the folders of shards; --serve lets other\n" +
      "machines restore, each of which is started with work.",
    operands: { usage: "[IMAGES... | merge PART... | work URL]", min: 0, max: Number.MAX_SAFE_INTEGER },
    // Made when asked for: families of networks and samplers may have been added.
    get options(): CommandSpec["options"] {
      return {
        ...OPTIONS,
        ...modelOptions(),
        ...CLASS_OPTION,
        ...PRECISION_OPTION,
        ...RUNTIME_OPTIONS,
        json: { kind: "flag", help: "Print progress and outcome as JSON lines on stdout" },
        ...QUIET_OPTION,
      };
    },
    get lists() {
      const quantities = Object.values(METRICS).map(({ title, meaning }) => [title, meaning] as const);
      return [taskList(TASKS), methodList(restoringMethods()), { title: "Quantities", rows: quantities }];
    },
    examples: [
      ["deno task evaluate photos/ --tasks sr4,colorize --methods ssd,ddnm,ddrm", "a table of two tasks"],
      ['deno task evaluate photos/ --methods "ssd steps=10|20|30, ddnm steps=10|20|30"', "quality against evaluations"],
      [
        'deno task evaluate photos/ --tasks "sr8 sigma-y=0.1, deblur jpeg-quality=60" --methods ssd,ssd+',
        "noisy tasks",
      ],
      [
        "deno task evaluate --config evaluation/studies/every-method.json --plan",
        "what would be done, and for how long",
      ],
      ["deno task evaluate photos/ --config evaluation/studies/frontier.json", "what each network evaluation buys"],
      ["deno task evaluate photos/ --shard 2/3 --out part-2", "a third of the work, on another machine"],
      ["deno task evaluate merge part-1 part-2 part-3 --out all", "tables and report of all parts"],
      ["deno task evaluate:nats photos/ --serve nats://HOST:4222", "other machines restore, this one makes the tables"],
      ["deno task evaluate:nats work nats://HOST:4222", "one of these machines"],
    ],
  },
  run,
};

async function run(args: Arguments): Promise<number> {
  using interrupt = new Interrupt();
  using reporter = args.reporter();
  using session = new Session(args, reporter, interrupt);
  if (args.operands[0] === WORK) return await session.work();
  return args.operands[0] === MERGE ? await session.merge() : await session.evaluate();
}

/** One run of the command; the device is opened when it is first needed. */
class Session implements Disposable {
  #runtime: Runtime | undefined;
  #loaded: LoadedModel | undefined;
  #shown = { phase: "", step: 0 };

  constructor(public args: Arguments, readonly reporter: Reporter, readonly interrupt: Interrupt) {}

  async evaluate(): Promise<number> {
    const shard = readShard(this.args.text("shard"));
    const isServed = this.args.has("serve");
    if (!isServed && this.args.has("metrics")) throw new UsageError("--metrics is of --serve; give --serve, too");
    if (isServed && shard) throw new UsageError("--serve shares all units out; leave --shard out");
    const { study, configuration } = await readFoundStudy(this.args, EVALUATE.spec.options);
    this.args = new Arguments(this.args.operands, { ...study.options, ...this.args.values }, this.args.words);
    const measures = await this.#checked();
    const pictures = await listPictures(study.images, this.args.number("limit"));
    const work = await makePlan(study, await identifyModel(this.args), pictures, TASK_FILES);
    const { plan } = work;
    const mine = shard ? shardOf(plan.units, shard) : plan.units;
    const folder = this.args.text("out") ?? OUT;
    if (Object.keys(JOB_OPTIONS).some((name) => this.args.has(name))) {
      const { next, ...jobs } = await writeJobs(this.args.values, this.args.words, folder);
      this.reporter.result(jobs, `Wrote ${jobs.file}: ${next}`);
      return 0;
    }
    for (const line of describePlan(plan, mine, shard)) this.reporter.note(line);
    await this.interrupt.check();
    const isPlanned = this.args.flag("plan") || this.args.flag("dry-run");
    if (isServed && !isPlanned) return await this.#serve(work, study, folder, { configuration, measures });
    const { amount, pending, speed: known } = await readPending(plan, mine, new FolderStore(folder));
    const costOf = costsOf(plan);
    const left = { units: pending.length, evaluations: pending.reduce((sum, unit) => sum + costOf(unit), 0) };
    if (pending.length > 0) {
      const measure = async (): Promise<Speed> =>
        measureSpeed(await this.#open(), (await this.#load(work)).model, work);
      const speed = known ?? (left.evaluations === 0 || isServed ? undefined : await measure());
      const time = speed ? `, about ${formatSeconds(left.evaluations * speed.secondsPerNfe)} by ${speed.source}` : "";
      this.reporter.note(`${pending.length} units to do: ${left.evaluations} network evaluations${time}`);
    }
    if (isPlanned) {
      const there = `${mine.length - pending.length} of ${mine.length} units are there already`;
      const text = pending.length === 0
        ? `All ${mine.length} units are there already: there is nothing to do`
        : `${there}, ${pending.length} are to be done`;
      this.reporter.result(planData(plan, amount, left), text);
      return 0;
    }
    using store = await FolderStore.writing(folder, this.interrupt);
    const kept = await this.#keep(plan, configuration, store);
    const failures = pending.length === 0 ? [] : await this.#work(work, pending, store);
    this.reporter.done();
    for (const line of describeFailures(plan, failures)) this.reporter.note(line);
    const failed = failures.length;
    const restored = pending.length - failed;
    if (!shard) return await this.#finish(kept, store, measures, { restored, failed });
    const text = `Shard ${shard.index} of ${shard.count}: ${mine.length - failed} of ${mine.length} units are ` +
      `in "${folder}"; join all with: deno task evaluate merge PART... --out FOLDER`;
    this.reporter.result({ folder, shard, ...planData(plan, amount, left), failed }, text);
    return failed === 0 ? 0 : 1;
  }

  /** Serves the whole plan; what is there already is found on the way through it. */
  async #serve(work: Work, study: Study, folder: string, { configuration, measures }: {
    readonly configuration: string | null;
    readonly measures: Measures;
  }): Promise<number> {
    using store = await FolderStore.writing(folder, this.interrupt);
    const kept = await this.#keep(work.plan, configuration, store);
    const serving = { ...this.#told, view: this.#view, work, study, store };
    const { restored, failures } = await serveEvaluation(this.args.values, serving);
    this.reporter.done();
    for (const line of describeFailures(work.plan, failures)) this.reporter.note(line);
    return await this.#finish(kept, store, measures, { restored, failed: failures.length });
  }

  /** Keeps the plan beside the units. */
  async #keep(plan: Plan, configuration: string | null, store: FolderStore): Promise<KeptPlan> {
    const kept = { plan, command: `deno task evaluate ${commandText(this.args.words, ONE_RUN)}`, configuration };
    await writePlan(store, kept);
    return kept;
  }

  /** Joins parts; the tables are those of a run that was never split. */
  async merge(): Promise<number> {
    const parts = this.args.operands.slice(1);
    if (parts.length === 0) throw new UsageError("merge was given no folder, merge PART... --out DIR is needed");
    const folder = this.args.text("out");
    if (folder === undefined) throw new UsageError("merge needs --out FOLDER, the folder of all parts together");
    if (this.args.has("config") || this.args.has("shard")) {
      throw new UsageError("merge takes its plan from the parts; leave --config and --shard out");
    }
    const measures = await this.#checked();
    using store = await FolderStore.writing(folder, this.interrupt);
    const stores = new Map(parts.map((part) => [part, new FolderStore(part)]));
    const kept = await mergeParts(stores, store, this.#watch);
    return await this.#finish(kept, store, measures, { restored: 0, failed: 0 });
  }

  /** What is measured besides; makes sure that the sheet can be written where one is asked for. */
  async #checked(): Promise<Measures> {
    const measures = measuresOf(this.args.values, { ...NETWORK_FILES, runtime: () => this.#open() });
    const sheet = this.args.text("sheet");
    if (sheet === undefined && this.args.has("sheet-images")) throw new UsageError("--sheet-images needs --sheet FILE");
    if (sheet === undefined) return measures;
    if (!/\.png$/i.test(sheet)) throw new UsageError(`--sheet is "${sheet}", a name that ends in .png is needed`);
    await checkWritable([sheet], []);
    return measures;
  }

  /** Who is told of the work. */
  readonly #told = {
    check: (): Promise<void> => this.interrupt.check(),
    note: (text: string): void => this.reporter.note(text),
    watch: (...step: Parameters<Watch>) => this.#watch(...step),
  };

  readonly #watch: Watch = async (phase, step, steps, figures) => {
    const last = this.#shown;
    this.#shown = { phase, step };
    if (phase !== last.phase) this.reporter.done();
    // Where there are no figures, a step that is shown already says nothing new.
    if (figures || phase !== last.phase || step !== last.step) this.reporter.step(phase, step, steps, figures);
    await this.interrupt.check();
  };

  readonly #view = (overview: Overview): void =>
    this.reporter.view("overview", { ...overview }, overviewLines(overview));

  async #open(): Promise<Runtime> {
    return this.#runtime ??= await openRuntime(this.args);
  }

  async #load(work: Work): Promise<LoadedModel> {
    if (this.#loaded) return this.#loaded;
    const runtime = await this.#open();
    const loaded = await loadModel(runtime, this.args, () => this.interrupt.checkNow());
    const millions = (loaded.model.parameterCount / 1e6).toFixed(1);
    this.reporter.note(`Model ${loaded.name} (${millions} M parameters) on ${runtime.description}`);
    checkNetwork(work, loaded);
    return this.#loaded = loaded;
  }

  /** Makes units; returns those that failed. */
  async #work(work: Work, pending: readonly PlannedUnit[], store: FolderStore): Promise<readonly Failure[]> {
    const { model } = await this.#load(work);
    const runtime = await this.#open();
    const batch = this.args.number("batch");
    return await runUnits(work, pending, { runtime, model, store, batch, watch: this.#watch });
  }

  /** Works for an evaluation that is served elsewhere. */
  async work(): Promise<number> {
    const { args } = this;
    const done = await workForEvaluation(args.operands.slice(1), args.values, {
      ...this.#told,
      files: TASK_FILES,
      readPicture: (path) => readColours(path),
      subjectOf: ({ precision, class: label }) => {
        this.args = new Arguments(args.operands, {
          ...args.values,
          precision,
          ...(label === null ? {} : { class: label }),
        });
        return identifyModel(this.args);
      },
      open: async (work) => {
        const means = { model: (await this.#load(work)).model, runtime: await this.#open() };
        return benchOf({ ...means, batch: args.number("batch"), close: () => this[Symbol.dispose]() });
      },
    });
    this.reporter.result({ ...done }, `The evaluation is over: ${done.units} units were made here`);
    return 0;
  }

  async #finish(kept: KeptPlan, store: FolderStore, measures: Measures, counts: {
    readonly restored: number;
    readonly failed: number;
  }): Promise<number> {
    const { plan } = kept;
    const results = await readResults(plan, store, measures, this.#watch);
    this.reporter.done();
    await this.interrupt.check();
    const sheet = this.args.text("sheet");
    if (sheet !== undefined) {
      const image = toImage(await resultSheet(store, results, this.args.number("sheet-images") ?? 1));
      await this.interrupt.hold(() => writePng(sheet, image));
    }
    const names = await writeResults(store, results, kept, this.args.number("report-images"));
    const files = [...names.map((name) => store.path(name)), ...(sheet === undefined ? [] : [sheet])];
    const missing = results.cells.reduce((sum, cell) => sum + cell.missing, 0);
    const isIdle = counts.restored + counts.failed + missing === 0 && this.args.operands[0] !== MERGE;
    const lines = [
      formatCells(results),
      ...formatPublished(results),
      ...(isIdle ? ["All units were there already: nothing was restored"] : []),
      ...(missing > 0 ? [`${missing} of ${plan.units.length} units are missing; the tables are of the others`] : []),
      `Wrote ${files.join(", ")}`,
    ];
    this.reporter.result({ files, units: plan.units.length, ...counts, missing }, lines.join("\n"));
    return missing > 0 ? 1 : 0;
  }

  [Symbol.dispose](): void {
    this.#runtime?.destroy();
    this.#runtime = this.#loaded = undefined;
  }
}
