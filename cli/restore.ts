/** `deno task restore [IMAGE]`: a damaged picture in, a restored one out. */
import {
  callerPath,
  checkWritable,
  FileError,
  Interrupt,
  isFolder,
  isMade,
  join,
  readImage,
  writePng,
} from "../io/mod.ts";
import { type OptionValues, UsageError } from "../parameters/mod.ts";
import { toImage } from "../raster/mod.ts";
import {
  asksForKernel,
  AUTO,
  AUTO_OPTIONS,
  BLUR_OPTIONS,
  checkMeasuredOptions,
  checkPictureOptions,
  CLASS_OPTION,
  describeRepeat,
  describeTried,
  ESTIMATED_KERNEL,
  EXAMPLE_OPTION,
  exampleOf,
  FACTOR_OPTIONS,
  fileStem,
  type FolderPlan,
  isAuto,
  isTaskQuality,
  kernelOption,
  maskRaster,
  methodOptions,
  modelData,
  neededMask,
  NOISE_OPTIONS,
  OWN_PICTURE_OPTIONS,
  PICTURE_FORMATS,
  PictureQuestion,
  planFolder,
  QUALITY_OPTION,
  quoted,
  REPEAT_OPTIONS,
  restoreTasks,
  type RunParameters,
  SAMPLES_OPTION,
  SAVE_OPTIONS,
  SEED_OPTION,
  seedOfJob,
  settleAuto,
  type Settled,
  SIZE_OPTIONS,
  taskNamed,
  taskOptions,
  tryReadings,
  WINDOW_OPTIONS,
} from "../restoration/mod.ts";
import { Arguments, type Command, type CommandSpec, QUIET_OPTION } from "./arguments.ts";
import { forEachFile, listFolder, othersOf, resultFolder } from "./folder.ts";
import { methodList, taskList } from "./lists.ts";
import { loadModel, modelOptions } from "./model_file.ts";
import { allOutputs, nameBeside, planOutputs, resultName } from "./outputs.ts";
import { blindJob } from "./blind_kernel.ts";
import { type Job, readJob, type Request, restoreJob, type Session } from "./restore_job.ts";
import { exampleFile, readLike } from "./repeat.ts";
import { openRuntime, PRECISION_OPTION, RUNTIME_OPTIONS } from "./runtime.ts";

/** The command `restore`. */
export const RESTORE: Command = {
  // Made when it is asked for: programs may have added operators and samplers.
  get spec(): CommandSpec {
    return {
      name: "restore",
      summary: "Restores a damaged picture with a diffusion model and Shortcut Sampling, or with another method.\n" +
        "PNG, JPEG, WebP and AVIF go in, PNG, JPEG and WebP come out, by the ending of OUT.\n" +
        "IMAGE is the damaged picture itself; with --degrade it is a good one that is damaged first, and the\n" +
        "result is compared with it. Without IMAGE a picture of the program is degraded and restored.\n" +
        `With --task ${AUTO} the picture is looked at as diagnose does, and what is advised is done, if anything is. Where it\n` +
        "can be read in several ways, each is tried on a part of it, OUT-readings.png shows them, and the best is taken.\n" +
        "MEASUREMENT is what degrade wrote as safetensors: the file says task, options and noise.\n" +
        "Of a folder all measurements are restored, or with --task or --degrade all pictures, told by their content, each\n" +
        "with a seed of its own that its name and --seed give; NAME-mask.png is the mask of NAME. Every file is told of in\n" +
        "one line, and none stops the others. Results that are in the folder OUT already, made by the same command of the\n" +
        "same file with the same model, are left as they are.",
      operands: { usage: "[IMAGE|MEASUREMENT|FOLDER] [OUT]", min: 0, max: 2 },
      options: {
        ...taskOptions(),
        ...kernelOption(),
        degrade: { kind: "flag", help: "IMAGE is the ground truth: degrade it, restore, print PSNR and SSIM" },
        ...EXAMPLE_OPTION,
        ...BLUR_OPTIONS,
        ...OWN_PICTURE_OPTIONS,
        ...AUTO_OPTIONS,
        ...NOISE_OPTIONS,
        ...modelOptions(),
        ...CLASS_OPTION,
        ...FACTOR_OPTIONS,
        ...methodOptions(),
        seed: { kind: "integer", min: 0, max: 2 ** 32 - 1, help: "Seed of the noise (default 0)" },
        ...SEED_OPTION,
        ...REPEAT_OPTIONS,
        ...SAMPLES_OPTION,
        ...SIZE_OPTIONS,
        ...WINDOW_OPTIONS,
        out: { kind: "text", value: "OUT", help: "Result (default: name of IMAGE with -restored.png, in this folder)" },
        ...QUALITY_OPTION,
        sheet: { kind: "flag", help: "Also write a sheet: measurement, A^+ y, result, ground truth" },
        noise: { kind: "text", value: "FILE", help: "Take the noise of every step from a safetensors file" },
        trace: {
          kind: "text",
          value: "FILE",
          help: "Write states and noise of every step as safetensors; --noise takes such a file",
        },
        ...SAVE_OPTIONS,
        ...PRECISION_OPTION,
        recompute: {
          kind: "flag",
          help: "Methods with gradients: compute blocks of the network again instead of keeping them, for less memory",
        },
        ...RUNTIME_OPTIONS,
        strict: {
          kind: "flag",
          help: "Exit code 1 where the result is no better than what was there, see the last line",
        },
        json: { kind: "flag", help: "Print progress and result as JSON lines on stdout" },
        ...QUIET_OPTION,
      },
      lists: [taskList(restoreTasks()), methodList()],
      examples: [
        ["deno task restore", "degrade the sample picture x4 and restore it"],
        ["deno task restore --example photograph --task deblur", "the same with a photograph that is blurred"],
        ["deno task restore photo.jpg --task auto", "look what is wrong with it, and undo that"],
        ["deno task restore small.png --task sr4", "enlarge small.png x4"],
        ["deno task restore small.png --task sr --width 1000", "enlarge it to a width"],
        ["deno task restore other.png --like small-restored.png", "the same with another picture"],
        ["deno task restore --config small-restored.json --out again.png", "the same run once more, bit by bit"],
        ["deno task restore small.png --task upsample --model 64_256_upsampler.pt --class 207", "with an upsampler"],
        ["deno task restore torn.jpg --task inpaint --mask tear.png", "fill what is black in tear.png"],
        ["deno task restore y.safetensors", "restore a measurement of any task"],
        ["deno task restore measured/ restored/", "all measurements of a folder; go on where it stopped"],
        ["deno task restore --method diffpir --sigma-y 0.1", "another method, on a noisy measurement"],
        [
          "deno task restore photo.png --task colorize --degrade --sheet",
          "take the colour away, bring it back, compare",
        ],
      ],
    };
  },
  run,
};

async function run(given: Arguments): Promise<number> {
  using interrupt = new Interrupt();
  using reporter = given.reporter();
  const like = await readLike(given, RESTORE.spec.options);
  const asked = like ? new Arguments(like.operands, like.options, given.words) : given;
  const [input] = asked.operands;
  if (input !== undefined && given.has("example")) {
    throw new UsageError(`"${input}" and --example each name a picture; leave one of them out`);
  }
  if (input !== undefined && await isFolder(input)) {
    const args = asked;
    const requests = await folderRequests(args);
    return await withSession(
      args,
      { reporter, interrupt, like },
      (session) => restoreFolder({ ...session, isFolder: true }, requests),
    );
  }
  const name = resultName(asked) ??
    callerPath(`${input === undefined ? exampleOf(asked.values).stem : fileStem(input)}-restored.png`);
  const auto = isAuto(asked.values)
    ? await settleAuto(asked.values, input, { read: readImage, mask: nameBeside(name, "mask") })
    : undefined;
  for (const line of auto?.lines ?? []) reporter.note(line);
  if (auto?.readings.length === 0) return auto.isOpen ? 1 : 0;
  if (auto) await writeMask(auto, input!, { name, reporter, interrupt });
  const path = input ?? await exampleFile(asked.values);
  const requestWith = (options?: OptionValues): Request => requestOf(asked, path, name, { options });
  if (asksForKernel(asked.values, input)) {
    const request = { path, name, seed: asked.number("seed") ?? 0, options: asked.values };
    return await withSession(asked, { reporter, interrupt, like }, async (session) => {
      const { isHarm } = await restoreJob(session, await blindJob(session, request, requestWith));
      return isHarm && asked.flag("strict") ? 1 : 0;
    });
  }
  const first = await readJob(requestWith(auto?.options[0]));
  await interrupt.check();
  return await withSession(asked, { reporter, interrupt, like }, async (session) => {
    const job = auto ? await bestJob(session, auto, first, requestWith) : first;
    const { isHarm } = await restoreJob(session, job);
    return isHarm && asked.flag("strict") ? 1 : 0;
  });
}

/** Writes the mask that readings of a picture take, beside the result. */
async function writeMask(
  { known }: Settled,
  path: string,
  { name, reporter, interrupt }: Pick<Session, "reporter" | "interrupt"> & { readonly name: string },
): Promise<void> {
  if (!known) return;
  const mask = nameBeside(name, "mask");
  await checkWritable([mask], [path]);
  await interrupt.hold(() => writePng(mask, toImage(maskRaster(known))));
  reporter.note(`Wrote ${mask}`);
}

/** Tries the readings of a picture, and reads the job of the best one. */
async function bestJob(
  { runtime, loaded: { model }, reporter, interrupt, isFolder }: Session,
  auto: Settled,
  first: Job,
  requestWith: (options: OptionValues) => Request,
): Promise<Job> {
  if (auto.readings.length === 1) return first;
  const strip = first.outputs[0]!.report.replace(first.combined ? /-1\.json$/ : /\.json$/, "-readings.png");
  await checkWritable([strip], [first.path]);
  const tried = await tryReadings(runtime, model, auto, {
    name: first.path,
    options: auto.given,
    seed: first.seed,
    onStep: async (step, steps) => {
      reporter.step("try readings", step, steps);
      await interrupt.check();
    },
  });
  await interrupt.hold(() => writePng(strip, toImage(tried.strip)));
  for (const line of isFolder ? [] : [...describeTried(tried), `Wrote ${strip}`]) reporter.note(line);
  return await readJob(requestWith(auto.options[tried.best]!));
}

/** What a command line asks of one file; without a name of one it is the sample. */
function requestOf(
  args: Arguments,
  path: string,
  name: string,
  { options = args.values, seed = args.number("seed") ?? 0 }: {
    readonly options?: OptionValues | undefined;
    readonly seed?: number;
  },
): Request {
  const { quality, ...others } = options;
  const isSample = args.operands.length === 0;
  const isOfResult = typeof quality === "number" && !isTaskQuality(options, path);
  return {
    path,
    isSample,
    options: isOfResult ? others : options,
    seed,
    ...planOutputs(name, {
      samples: args.number("samples"),
      sheet: args.flag("sheet") || isSample,
      trace: args.text("trace"),
      quality: isOfResult ? quality : undefined,
    }),
  };
}

/** Opens device and model, and closes the device at the end. */
async function withSession(
  args: Arguments,
  { reporter, interrupt, like }: Pick<Session, "reporter" | "interrupt"> & {
    readonly like: RunParameters | undefined;
  },
  body: (session: Session) => Promise<number>,
): Promise<number> {
  const runtime = await openRuntime(args);
  try {
    const start = performance.now();
    const loaded = await loadModel(runtime, args, () => interrupt.checkNow());
    const loadSeconds = (performance.now() - start) / 1000;
    const millions = (loaded.model.parameterCount / 1e6).toFixed(1);
    reporter.note(`Model ${loaded.name} (${millions} M parameters) on ${runtime.description}`);
    if (loaded.origin !== undefined) reporter.note(loaded.origin);
    for (const note of like ? describeRepeat(like, loaded) : []) reporter.note(note);
    return await body({ words: args.words, runtime, loaded, loadSeconds, reporter, interrupt });
  } finally {
    runtime.destroy();
  }
}

/** What is asked of the files of a folder, and what is left alone. */
interface FolderRequests {
  readonly jobs: readonly Request[];
  readonly passedOver: FolderPlan["passedOver"];
}

/**
 * What is asked of the files of a folder.
 * @throws {UsageError} if the options do not go with them
 * @throws {FileError} if there is nothing to restore
 */
async function folderRequests(args: Arguments): Promise<FolderRequests> {
  const folder = args.operands[0]!;
  for (const option of ["trace", "noise"]) {
    if (args.has(option)) throw new UsageError(`--${option} needs a single file, "${folder}" is a folder`);
  }
  if (asksForKernel(args.values, folder)) {
    throw new UsageError(`--kernel ${ESTIMATED_KERNEL} needs a single picture, "${folder}" is a folder`);
  }
  const isTruth = args.flag("degrade");
  const ofPictures = args.has("task") || isTruth;
  if (!ofPictures) checkMeasuredOptions(args.values);
  const isDiagnosed = isAuto(args.values);
  const task = args.has("task") && !isDiagnosed ? taskNamed(args.text("task")!, restoreTasks()) : undefined;
  const wanted = task && !isTruth ? neededMask(task) : undefined;
  const mask = wanted === undefined ? undefined : args.text(wanted);
  const items = await listFolder(folder, { "it is the mask of all": mask, "it holds the results": resultName(args) });
  const { jobs, passedOver } = planFolder(items, {
    wanted: ofPictures ? "picture" : "measurement",
    hasMasks: wanted !== undefined,
  });
  if (jobs.length === 0) {
    throw new FileError(
      ofPictures
        ? `Cannot restore "${folder}": the folder has no ${PICTURE_FORMATS} file, at least one is needed`
        : `Cannot restore "${folder}": the folder has no measurement (.safetensors); for pictures give --task NAME`,
    );
  }
  const target = await resultFolder(args);
  const requests = jobs.map((job) => {
    const { path, stem, mask } = job;
    const options: OptionValues = wanted !== undefined && mask !== undefined
      ? { [wanted]: mask, ...args.values }
      : args.values;
    if (ofPictures && !isDiagnosed) checkPictureOptions(options, isTruth);
    return requestOf(args, path, join(target, `${stem}.png`), { options, seed: seedOfJob(job, args.values) });
  });
  return { jobs: requests, passedOver };
}

async function restoreFolder(session: Session, plan: FolderRequests): Promise<number> {
  let harms = 0;
  const counts = await forEachFile(plan, session, async (request) => {
    const name = request.outputs[0]!.image;
    const auto = isAuto(request.options)
      ? await settleAuto(request.options, request.path, { read: readImage, mask: nameBeside(name, "mask") })
      : undefined;
    if (auto?.isOpen) throw new PictureQuestion(auto.lines.join("; "));
    if (auto?.readings.length === 0) return { untouched: auto.lines.join("; ") };
    if (auto) await writeMask(auto, request.path, { ...session, name });
    const requestWith = (options: OptionValues): Request => ({ ...request, options });
    const first = await readJob(auto ? requestWith(auto.options[0]!) : request);
    if (await isRestored(session, first)) return undefined;
    const job = auto ? await bestJob(session, auto, first, requestWith) : first;
    const { text: verdict, isHarm } = await restoreJob(session, job);
    const text = auto ? `--task ${quoted(job.task.name)}, of ${auto.readings.length} readings; ${verdict}` : verdict;
    if (isHarm && request.options["strict"] === true) harms++;
    if (request.options["plan"] === true) return `planned: ${text}`;
    return `restored to ${job.outputs.map(({ image }) => image).join(", ")}; ${text}`;
  });
  const { made, kept, failed } = counts;
  const done = plan.jobs[0]?.options["plan"] === true ? "Planned" : "Restored";
  session.reporter.result({ ...counts }, `${done} ${made} files, ${kept} were restored already${othersOf(counts)}`);
  return failed > 0 || harms > 0 ? 1 : 0;
}

/** Whether all results of a job are there. The report is written last. */
async function isRestored({ words, loaded }: Session, job: Job): Promise<boolean> {
  const { path, sha256, options } = job;
  const wanted = {
    command: ["restore", ...words],
    input: { file: path, sha256 },
    model: modelData(loaded, options),
  };
  for (const { report } of allOutputs(job)) if (!await isMade(report, wanted)) return false;
  return true;
}
