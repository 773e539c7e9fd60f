/** One picture or measurement of `restore`: read, prepared, restored once or several times, written. */
import type { Runtime } from "../engine/mod.ts";
import {
  checkWritable,
  FileSource,
  formatSeconds,
  type ImageFile,
  type Interrupt,
  type PictureMetadata,
  type Reporter,
  sha256OfFile,
  stateFile,
  writeTogether,
} from "../io/mod.ts";
import { seededNoise } from "../samplers/mod.ts";
import { numberOf, type OptionValues, textOf } from "../parameters/mod.ts";
import {
  checkConditioning,
  checkMeasuredOptions,
  checkPictureOptions,
  checkSamples,
  checkTimesteps,
  chooseNoise,
  chooseRestoring,
  chooseTask,
  combinedReport,
  type CombinedResult,
  decodeNoise,
  finishPicture,
  fitUpsampling,
  isMeasurementName,
  levelNotes,
  type Method,
  type PictureInput,
  planRestoration,
  planSize,
  planSummary,
  type PreparedPicture,
  preparePicture,
  presetNotes,
  PROGRAM,
  type ReadMeasurement,
  type RecordedNoise,
  recordedNoise,
  repeatable,
  type Report,
  reportOf,
  restoreBy,
  restoreTasks,
  type Result,
  ResultCombiner,
  runIdentity,
  SavedRun,
  saveEvery,
  settlePicture,
  summarize,
  summarizeCombined,
  type Task,
  taskFilePaths,
  timed,
  Trace,
  type Verdict,
  windowOf,
} from "../restoration/mod.ts";
import type { LoadedModel } from "./model_file.ts";
import { allOutputs, checkLongest, filesOf, outputsOf, type PlannedOutputs } from "./outputs.ts";
import { readMeasurement, readSource } from "./source.ts";

/** What is asked for: one file, its options and its results. */
export interface Request extends PlannedOutputs {
  readonly path: string;
  /** Whether nothing was named, so that the sample picture is taken. */
  readonly isSample: boolean;
  readonly options: OptionValues;
  readonly seed: number;
}

/** What is restored, as it was read. */
export interface Job extends Request {
  /** Of the file, hexadecimal. */
  readonly sha256: string;
  readonly task: Task;
  readonly method: Method;
  readonly input: PictureInput | ReadMeasurement;
  /** What a report tells of the picture. */
  readonly facts: Report;
  /** SHA-256 of the other files that it is made of. */
  readonly files: readonly string[];
  readonly recorded: RecordedNoise | undefined;
  /** Of the file, kept in the result. */
  readonly metadata: PictureMetadata | undefined;
}

/** What all jobs of a command share. */
export interface Session {
  readonly words: readonly string[];
  readonly runtime: Runtime;
  readonly loaded: LoadedModel;
  readonly loadSeconds: number;
  readonly reporter: Reporter;
  readonly interrupt: Interrupt;
  /** Whether each file is told of in a line, without its summary. */
  readonly isFolder?: boolean;
}

/** What a report tells of a picture. */
type Facts =
  & Pick<ImageFile, "width" | "height" | "channels" | "bitDepth" | "orientation" | "alpha">
  & { readonly format: ImageFile["format"] | "measurement" };

/** The task of the sample picture. */
const SAMPLE_TASK = "sr4";

/**
 * Reads what is restored; nothing has been opened on the device yet.
 * @throws {UsageError} if options contradict each other
 * @throws {FileError | CheckpointError} if a file cannot be read or written
 */
export async function readJob(request: Request): Promise<Job> {
  const { path, isSample, options, seed } = request;
  const isTruth = isSample || options["degrade"] === true;
  const isMeasured = isMeasurementName(path);
  if (isMeasured) checkMeasuredOptions(options);
  else checkPictureOptions(options, isTruth);
  saveEvery(options);
  checkSamples(options, { seed, samples: request.outputs.length });
  const measured = isMeasured ? await readMeasurement(path) : undefined;
  const asked = measured?.task ?? chooseTask(options, SAMPLE_TASK, restoreTasks());
  const noise = isTruth ? chooseNoise(options, asked) : undefined;
  const noiseFile = textOf(options, "noise");
  const parts = [...taskFilePaths(asked, options), noiseFile].filter((file) => file !== undefined);
  await checkWritable(allOutputs(request).flatMap(filesOf), [path, ...parts, textOf(options, "model")]);
  const read = measured ? undefined : await readSource(path, { task: asked, options, isTruth });
  const settled = read && !isTruth
    ? settlePicture(read, asked, options)
    : { task: asked, options, method: options, source: read };
  const { task, source } = settled;
  const method = chooseRestoring(settled.method, task, options["model"] === undefined);
  const recorded = noiseFile === undefined ? undefined : await readNoise(noiseFile, method.draws);
  const picture: Facts = read?.file ?? pictureOf(measured!);
  const { format, width, height, channels, bitDepth, alpha, orientation } = picture;
  return {
    ...request,
    task,
    method,
    recorded,
    files: await Promise.all(parts.map(sha256OfFile)),
    metadata: read?.file.metadata,
    sha256: measured?.sha256 ?? await sha256OfFile(path),
    input: measured ?? { ...settled, source: source!, noise, seed, size: numberOf(options, "size") },
    facts: { file: path, format, width, height, channels, bitDepth, alpha: alpha !== undefined, orientation },
  };
}

/** What is known of the picture that a measurement is of, which has no file. */
function pictureOf({ picture, imageShape: [height = 0, width = 0] }: ReadMeasurement): Facts {
  return { ...picture, format: "measurement", height, width, orientation: 1 };
}

async function readNoise(path: string, draws: number | undefined): Promise<RecordedNoise> {
  using source = await FileSource.open(path);
  return await decodeNoise(source, draws);
}

/**
 * Restores a job, once for each sample.
 * @returns what a person would want to know: of the first result that is no better than what was there, else of the last
 * @throws {UsageError} if the network does not fit the options
 */
export async function restoreJob(session: Session, job: Job): Promise<Verdict> {
  const { runtime, loaded, reporter, interrupt } = session;
  const { input, options, outputs, combined, isSample, method, task } = job;
  const label = numberOf(options, "class");
  checkTimesteps(loaded, method);
  checkConditioning(loaded, task, label);
  const longest = isSample ? loaded.model.config.imageSize : undefined;
  const fitted = "source" in input ? fitUpsampling({ ...input, size: input.size ?? longest }, loaded) : input;
  const request = { method, label, recompute: options["recompute"] === true, window: windowOf(options) };
  const settled = await planSize(runtime, loaded.model, fitted, request);
  if (options["plan"] === true) {
    const plan = await planRestoration(runtime, loaded.model, settled, method);
    for (const note of [...plan.notes, ...presetNotes(method, options)]) reporter.note(note);
    const lines = planSummary(plan);
    reporter.result({ input: job.path, ...plan }, session.isFolder ? "" : lines.join("\n"));
    return { text: lines.join("; "), isHarm: false };
  }
  const prepared = await preparePicture(runtime, loaded.model, settled.input, settled.setting);
  const picture = {
    ...prepared,
    notes: [...prepared.notes, ...levelNotes(loaded, method), ...presetNotes(method, options)],
  };
  // A size that the pace decided is an option of the run from here on: repeated, or gone on with, it is the same.
  const size = settled.ownSeconds !== undefined && "source" in settled.input ? settled.input.size : undefined;
  const sized = size === undefined ? job : { ...job, options: { ...options, size } };
  try {
    for (const note of session.isFolder ? [] : picture.notes) reporter.note(note);
    checkLongest(outputs[0]!, picture.canvas.natural);
    await interrupt.check();
    let verdict: Verdict | undefined;
    const together = new ResultCombiner(picture);
    for (const index of outputs.keys()) {
      const { result, report } = await restoreSample(session, sized, picture, index);
      if (combined) together.add(result);
      const isLast = combined !== undefined && index === outputs.length - 1;
      const found = isLast
        ? [result.verdict, await writeCombined(session, job, together.combined(), report)]
        : [result.verdict];
      for (const one of found) if (!verdict?.isHarm) verdict = one;
    }
    return session.isFolder ? { ...verdict!, text: [...picture.notes, verdict!.text].join("; ") } : verdict!;
  } finally {
    picture.problem.y.free();
  }
}

/** Writes what the samples of a job are together. */
async function writeCombined(
  { reporter, interrupt, isFolder }: Session,
  { combined, metadata, seed }: Job,
  result: CombinedResult,
  last: Report,
): Promise<Verdict> {
  const report = { ...combinedReport(last, result, seed), files: filesOf(combined!) };
  const note = (text: string): void => reporter.note(text);
  await interrupt.hold(() => writeTogether(outputsOf(combined!, { result, report, metadata, note })));
  reporter.result(report, isFolder ? "" : summarizeCombined(filesOf(combined!), result));
  return result.verdict;
}

async function restoreSample(
  session: Session,
  job: Job,
  picture: PreparedPicture,
  index: number,
): Promise<{ readonly result: Result; readonly report: Report }> {
  const { words, runtime, loaded, loadSeconds, reporter, interrupt } = session;
  const { path, sha256, facts, files, options, outputs, task, method, recorded, metadata } = job;
  const output = outputs[index]!;
  const seed = job.seed + index;
  const shape = [1, ...picture.problem.model.imageShape];
  const source = recorded ? recordedNoise(runtime, recorded, shape) : seededNoise([seed]);
  const trace = output.trace === undefined ? undefined : new Trace(runtime, source, shape);
  const phase = outputs.length === 1 ? "restore" : `restore ${index + 1} of ${outputs.length}`;
  const problem = { ...picture.problem, sigmaY: numberOf(options, "noise-level") ?? picture.sigmaY };
  const note = (text: string): void => reporter.note(text);
  const program = { ...PROGRAM, deno: Deno.version.deno };
  const subject = { runtime, loaded, task, method, options, seed, files: [sha256, ...files], program };
  const saved = await SavedRun.open(stateFile(`${output.image}.state`), runIdentity(subject), {
    every: saveEvery(options),
    refusal: trace && "--trace holds all steps of a run",
    note,
  });
  const steps = restoreBy(runtime, method, problem, { noise: trace?.noise ?? source, from: saved.from });
  const restoration = await timed(runtime, steps, async (progress) => {
    const { step, steps, nfe } = progress;
    reporter.step(phase, step, steps, { NFE: nfe });
    await trace?.add(progress);
    await interrupt.hold(() => saved.step(progress));
    await interrupt.check(() => saved.stop());
  }, saved.seconds);
  reporter.done();
  const result = await finishPicture(runtime, picture, restoration.image);
  const outcome = { runtime, loaded, loadSeconds, picture, method, restoration, result, options, seed };
  const report = {
    program,
    options: repeatable(options),
    command: ["restore", ...words],
    files: filesOf(output),
    input: { file: path, sha256 },
    picture: facts,
    ...await reportOf(outcome),
  };
  await interrupt.check();
  await interrupt.hold(async () => {
    await writeTogether(outputsOf(output, { result, report, trace, metadata, note }));
    await saved.finish();
  });
  reporter.result(
    report,
    session.isFolder ? "" : summarize(filesOf(output), formatSeconds(restoration.seconds), outcome),
  );
  return { result, report };
}
