/** `deno task degrade IN [OUT]`: good pictures in, the measurements that `restore` takes out. */
import type { Runtime } from "../engine/mod.ts";
import {
  callerPath,
  checkWritable,
  FileError,
  Interrupt,
  isFolder,
  isMade,
  join,
  type Output,
  type Reporter,
  sha256OfFile,
  writeAtomically,
  writePng,
  writeRecord,
  writeTogether,
} from "../io/mod.ts";
import { type OptionValues, textOf, UsageError } from "../parameters/mod.ts";
import { toImage } from "../raster/mod.ts";
import {
  chooseNoise,
  chooseTask,
  degradePicture,
  degradeTasks,
  encodeMeasurement,
  fileStem,
  formatSize,
  isMeasurementName,
  MASK_ENDING,
  maskFileOf,
  measurementFormat,
  NOISE_OPTIONS,
  PICTURE_FORMATS,
  planFolder,
  type Report,
  SCALE_OPTION,
  SEED_OPTION,
  seedOfJob,
  type Task,
  taskFilePaths,
  taskOptions,
  TASKS,
} from "../restoration/mod.ts";
import { type Arguments, type Command, type CommandSpec, QUIET_OPTION } from "./arguments.ts";
import { forEachFile, listFolder, othersOf, resultFolder } from "./folder.ts";
import { taskList } from "./lists.ts";
import { resultName } from "./outputs.ts";
import { openRuntime, RUNTIME_OPTIONS } from "./runtime.ts";
import { readSource } from "./source.ts";

/** The command `degrade`. */
export const DEGRADE: Command = {
  // Made when it is asked for: programs may have added operators.
  get spec(): CommandSpec {
    return {
      name: "degrade",
      summary:
        "Damages good pictures: writes the measurement of a task as PNG, and the mask where pixels are missing, or as\n" +
        "safetensors: exact, with the operator's parameters, noise and seed, all that restore needs. So is stored what no\n" +
        `picture holds (${tasksOf("values")}) or says (${tasksOf("picture")}),\n` +
        "and every other task with --format.\n" +
        "Of a folder all pictures are damaged, each with a seed of its own that its name and --seed give; what is in the\n" +
        "folder OUT already, made in the same way of the same picture, is left as it is.",
      operands: { usage: "IMAGE|FOLDER [OUT]", min: 1, max: 2 },
      options: {
        ...taskOptions(),
        ...SCALE_OPTION,
        ...NOISE_OPTIONS,
        seed: { kind: "integer", min: 0, max: 2 ** 32 - 1, help: "Seed of noise and masks (default 0)" },
        ...SEED_OPTION,
        bits: { kind: "choice", choices: ["8", "16"], help: "Bits per sample of a PNG (default 8)" },
        format: {
          kind: "choice",
          choices: ["png", "safetensors"],
          help: "How results are stored (default: as the name OUT says, else png where restore takes it with --task)",
        },
        out: { kind: "text", value: "OUT", help: "Result (default: name of IMAGE with -degraded, in this folder)" },
        ...RUNTIME_OPTIONS,
        json: { kind: "flag", help: "Print the outcome as JSON lines on stdout" },
        ...QUIET_OPTION,
      },
      lists: [taskList(degradeTasks())],
      examples: [
        ["deno task degrade photo.png --task sr4", "write photo-degraded.png, a quarter as wide and high"],
        ["deno task degrade photo.png --task inpaint --mask-random 0.5", "also write photo-degraded-mask.png"],
        ["deno task degrade photo.png y.safetensors --task mri --acceleration 8", "restore y.safetensors restores it"],
        [
          "deno task degrade photos/ measured/ --task sr4 --sigma-y 0.05 --format safetensors",
          "all pictures of a folder",
        ],
      ],
    };
  },
  run,
};

/** The names of the tasks whose measurement is of a form. */
function tasksOf(form: Task["form"]): string {
  return [...TASKS.values()].filter((task) => task.form === form).map(({ name }) => name).join(", ");
}

/** What stays the same for all pictures of a command. */
interface Session {
  readonly task: Task;
  readonly options: OptionValues;
  readonly interrupt: Interrupt;
  readonly reporter: Reporter;
  /** Called once a picture has been read. */
  openRuntime(): Promise<Runtime>;
}

async function run(args: Arguments): Promise<number> {
  using interrupt = new Interrupt();
  using reporter = args.reporter();
  const options = args.values;
  const task = chooseTask(options, "sr4", degradeTasks());
  chooseNoise(options, task);
  let runtime: Runtime | undefined;
  const session: Session = {
    task,
    options,
    interrupt,
    reporter,
    openRuntime: async () => runtime ??= await openRuntime(args),
  };
  try {
    const [input] = args.operands as [string];
    if (await isFolder(input)) return await degradeFolder(args, session);
    const given = resultName(args);
    const format = measurementFormat(task, options, given);
    const out = given ?? callerPath(`${fileStem(input)}-degraded.${format}`);
    const { data, text } = await degradeFile(session, { path: input, out, seed: args.number("seed") ?? 0 });
    reporter.result(data, text);
    return 0;
  } finally {
    runtime?.destroy();
  }
}

/**
 * Damages a picture and writes the measurement, and the mask that is made here: it is needed to restore the picture.
 * @returns what was written, as data and as a sentence
 * @throws {FileError} if a file cannot be read or written; {RangeError} if the picture is too small
 */
async function degradeFile(
  { task, options, interrupt, reporter, openRuntime }: Session,
  { path, out, seed, prefix = "" }: {
    readonly path: string;
    /** Its ending says how the measurement is stored. */
    readonly out: string;
    readonly seed: number;
    /** What notes begin with. */
    readonly prefix?: string;
  },
): Promise<{ readonly data: Report; readonly text: string }> {
  const noise = chooseNoise(options, task);
  const isPicture = !isMeasurementName(out);
  const isMasked = task.entry.knownPixels !== undefined && !maskFileOf(task, options);
  const maskFile = isPicture && isMasked ? [out.replace(/(\.png)?$/i, `${MASK_ENDING}.png`)] : [];
  const files = [out, ...maskFile];
  await checkWritable(files, [path, ...taskFilePaths(task, options)]);
  const source = await readSource(path, { task, options, isTruth: true });
  const runtime = await openRuntime();
  const degraded = await degradePicture(runtime, source, { task, options, noise, seed });
  for (const note of degraded.notes) reporter.note(`${prefix}${note}`);
  await interrupt.check();
  const write = (...outputs: Output[]): Promise<void> => interrupt.hold(() => writeTogether(outputs));
  if (!isPicture) {
    const shape = degraded.operator.measurementShape;
    await write([out, async (path) => await writeAtomically(path, await encodeMeasurement(degraded))]);
    return { data: { files, task: task.name, shape, seed }, text: `Wrote ${out} (${shape.join(" x ")} values)` };
  }
  const { alpha, known } = degraded;
  const { width, height, channels } = degraded.raster!;
  const bitDepth = textOf(options, "bits") === "16" ? 16 : 8;
  const image = toImage(degraded.raster!, { bitDepth, ...(alpha ? { alpha } : {}) });
  await write(
    [out, (path) => writePng(path, image)],
    ...maskFile.map((path): Output => [path, (path) => writePng(path, toImage(known!))]),
  );
  return {
    data: { files, task: task.name, width, height, channels, bitDepth, seed },
    text: `Wrote ${files.join(" and ")} (${formatSize({ width, height })})`,
  };
}

async function degradeFolder(args: Arguments, session: Session): Promise<number> {
  const { task, options, reporter, interrupt } = session;
  const folder = args.operands[0]!;
  const mask = maskFileOf(task, options)?.path;
  const items = await listFolder(folder, { "it is the mask of all": mask, "it holds the results": resultName(args) });
  const plan = planFolder(items, { wanted: "picture", hasMasks: false });
  if (plan.jobs.length === 0) {
    throw new FileError(
      `Cannot degrade "${folder}": the folder has no ${PICTURE_FORMATS} file, at least one is needed`,
    );
  }
  const format = measurementFormat(task, options);
  const target = await resultFolder(args);
  if (/\.(png|safetensors)$/i.test(target)) throw new UsageError(`"${folder}" is a folder, OUT must be one too`);
  const words = args.words.filter((word) => word !== "--json");
  const counts = await forEachFile(plan, { reporter, interrupt, phase: "degrade" }, async (job) => {
    const { path } = job;
    const stem = join(target, job.stem);
    const seed = seedOfJob(job, options);
    const key = { command: ["degrade", ...words], picture: path, sha256: await sha256OfFile(path), seed };
    if (await isMade(`${stem}.json`, key)) return undefined;
    const { data, text } = await degradeFile(session, { path, out: `${stem}.${format}`, seed, prefix: `"${path}": ` });
    await interrupt.hold(() => writeRecord(`${stem}.json`, { ...key, ...data }));
    return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
  });
  reporter.result(
    { folder: target, task: task.name, ...counts },
    `Wrote ${counts.made} measurements to ${target}, ${counts.kept} were there already${othersOf(counts)}`,
  );
  return counts.failed > 0 ? 1 : 0;
}
