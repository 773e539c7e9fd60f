/** One picture or measurement of `restore`: read, prepared, restored once or several times, written. */
import type { Runtime } from "../engine/mod.ts";
import { sha256OfFile } from "../io/mod.ts";
import { taskOptionsOf } from "../operators/mod.ts";
import { seededNoise } from "../samplers/mod.ts";
import { type Arguments } from "./arguments.ts";
import { UsageError } from "../parameters/mod.ts";
import {
  chooseMethod,
  chooseNoise,
  chooseTask,
  NOISE_OPTIONS,
  restoreTasks,
  type Task,
  taskFilePaths,
  UPSAMPLE,
} from "../restoration/mod.ts";
import { checkConditioning, fitUpsampling } from "./conditioning.ts";
import type { Interrupt } from "./interrupt.ts";
import { checkMeasuredOptions, measuredSource, prepareMeasured } from "./measured_picture.ts";
import { isMeasurementName, type ReadMeasurement, readMeasurement } from "./measurement_file.ts";
import type { Method } from "../restoration/mod.ts";
import type { LoadedModel } from "./model_file.ts";
import { checkWritable, filesOf, outputsOf, planOutputs, type SampleOutput, writeTogether } from "./outputs.ts";
import { type Picture, preparePicture } from "./picture.ts";
import type { Reporter } from "./progress.ts";
import { makeReport, summarize } from "./report.ts";
import { runRestoration } from "./restoration.ts";
import { finishPicture } from "./result.ts";
import { readSource, type Source } from "./source.ts";
import { readNoise, type RecordedNoise, Trace, uploadNoise } from "./state_files.ts";

/** What is restored, as it was read. */
export interface Job {
  readonly args: Arguments;
  readonly path: string;
  /** Of the file, hexadecimal. */
  readonly sha256: string;
  /** Whether the picture is a good one, which is degraded here. */
  readonly isTruth: boolean;
  readonly task: Task;
  readonly method: Method;
  readonly source: Source;
  /** Set if the file is a measurement. */
  readonly measured: ReadMeasurement | undefined;
  readonly outputs: readonly SampleOutput[];
  readonly recorded: RecordedNoise | undefined;
  /** Whether nothing was named. */
  readonly isSample: boolean;
}

/** What all jobs of a command share. */
export interface Session {
  readonly runtime: Runtime;
  readonly loaded: LoadedModel;
  readonly loadSeconds: number;
  readonly reporter: Reporter;
  readonly interrupt: Interrupt;
}

/**
 * Reads what one command line restores; nothing has been opened on the device yet.
 * @param sample what is restored where nothing is named, and its task
 * @throws {UsageError} if options contradict each other
 * @throws {FileError | CheckpointError} if a file cannot be read or written
 */
export async function readJob(
  args: Arguments,
  sample: { readonly path: string; readonly task: string },
): Promise<Job> {
  const [path = sample.path] = args.operands;
  const isSample = args.operands.length === 0;
  const isTruth = isSample || args.flag("degrade");
  const isMeasured = isMeasurementName(path);
  if (isMeasured) checkMeasuredOptions(args);
  else checkCombination(args);
  checkSeeds(args);
  const measured = isMeasured ? await readMeasurement(path) : undefined;
  const task = measured ? measured.task : chooseTask(args.values, sample.task, restoreTasks());
  if (isTruth) chooseNoise(args.values, task);
  const method = chooseMethod(args.values, task);
  const outputs = planOutputs(args);
  const inputs = [path, ...taskFilePaths(task, args.values), args.text("noise"), args.text("model")];
  await checkWritable(outputs.flatMap(filesOf), inputs);
  const source = measured
    ? measuredSource(path, measured)
    : await readSource(args, path, { task, enlargement: isTruth ? 1 : task.scale });
  const noiseFile = args.text("noise");
  const recorded = noiseFile === undefined ? undefined : await readNoise(noiseFile, method.draws);
  const sha256 = measured ? measured.sha256 : await sha256OfFile(path);
  return { args, path, sha256, isTruth, task, method, source, measured, outputs, recorded, isSample };
}

/**
 * Restores a job, once for each sample.
 * @throws {UsageError} if the network does not fit the options
 */
export async function restoreJob(session: Session, job: Job): Promise<void> {
  const { runtime, loaded, reporter, interrupt } = session;
  const { args, source, isTruth, measured, method, outputs } = job;
  const { model } = loaded;
  checkTimesteps(method, loaded);
  checkConditioning(args, job.task, loaded);
  const task = fitUpsampling(args, job.task, loaded, { source, isTruth });
  const longest = job.isSample ? model.config.imageSize : undefined;
  const picture = measured
    ? prepareMeasured(runtime, source, measured, { args, model })
    : await preparePicture(runtime, source, { args, task, model, isTruth, longest });
  try {
    for (const note of picture.notes) reporter.note(note);
    await interrupt.check();
    for (const [index, output] of outputs.entries()) {
      await restoreSample({ ...session, ...job, task, picture }, output, { index, count: outputs.length });
    }
  } finally {
    picture.problem.y.free();
  }
}

/** What stays the same for all samples of a job. */
type Work = Session & Job & { readonly picture: Picture };

async function restoreSample(
  { reporter, interrupt, recorded, ...work }: Work,
  output: SampleOutput,
  { index, count }: { readonly index: number; readonly count: number },
): Promise<void> {
  const { runtime, args, task, method, picture } = work;
  const seed = (args.number("seed") ?? 0) + index;
  const shape = [1, ...picture.problem.model.imageShape];
  const source = recorded ? uploadNoise(runtime, recorded, args.text("noise") ?? "", shape) : seededNoise([seed]);
  const trace = output.trace === undefined ? undefined : new Trace(runtime, source, shape);
  const phase = count === 1 ? "restore" : `restore ${index + 1} of ${count}`;
  const known = picture.noise?.kind === "gaussian" ? picture.noise.sigma : 0;
  const sigmaY = args.number("noise-level") ?? args.number("sigma-y") ?? known;
  const restoration = await runRestoration(
    { runtime, ...picture.problem, sigmaY, method, noise: trace?.noise ?? source },
    async (progress) => {
      const { step, steps, nfe } = progress;
      reporter.step(phase, step, steps, { NFE: nfe });
      await trace?.add(progress);
      await interrupt.check();
    },
  );
  reporter.done();
  const result = await finishPicture(runtime, task, picture, restoration);
  const outcome = { ...work, restoration, result, seed, output };
  const report = await makeReport(outcome);
  await interrupt.check();
  await interrupt.hold(() => writeTogether(outputsOf(output, { result, report, trace })));
  reporter.result(report, summarize(outcome));
}

/**
 * Refuses a command line for pictures that contradicts itself.
 * @throws {UsageError} saying what to change
 */
export function checkCombination(args: Arguments): void {
  const isMeasured = args.operands.length > 0 && !args.flag("degrade");
  if (isMeasured) {
    if (args.text("task") === undefined) {
      throw new UsageError(
        "it is not said what is wrong with the picture; give --task NAME, or --degrade to damage it first " +
          '("restore --help" lists the tasks)',
      );
    }
    const task = restoreTasks().get(args.text("task") ?? "") ?? UPSAMPLE;
    const options = taskOptionsOf(task);
    const damages = options.filter(({ parameter }) => parameter.isDamage).map(({ option }) => option);
    for (const option of [...Object.keys(NOISE_OPTIONS), ...damages]) {
      if (args.has(option)) throw new UsageError(`--${option} needs --degrade: it describes a damage that is made`);
    }
    const { name, form = "file", needs } = task;
    if (form !== "file") {
      throw new UsageError(
        `--task ${name} needs --degrade and a good picture; what "degrade" wrote as safetensors is restored without --task`,
      );
    }
    const needed = options.find((option) => option.name === needs);
    if (needed && !args.has(needed.option)) {
      const { help, value = "VALUE" } = needed.parameter;
      throw new UsageError(`--task ${name} needs --${needed.option} ${value}, a ${help}`);
    }
  }
  if (args.has("scale") && args.text("task") !== UPSAMPLE.name) {
    throw new UsageError(`--scale belongs to --task ${UPSAMPLE.name}; the other tasks say it in their name`);
  }
}

function checkSeeds(args: Arguments): void {
  const samples = args.number("samples") ?? 1;
  const seed = args.number("seed") ?? 0;
  if (seed + samples - 1 >= 2 ** 32) {
    throw new UsageError(`--seed ${seed} leaves too few seeds for ${samples} samples, the last one is 4294967295`);
  }
  for (const option of ["trace", "noise"]) {
    if (args.has(option) && samples > 1) throw new UsageError(`--${option} needs a single sample; leave --samples out`);
  }
}

/** What is possible depends on the process that the network was trained with. */
function checkTimesteps({ timesteps: { option, least } }: Method, { name, model }: LoadedModel): void {
  const timesteps = model.schedule.alphaBar.length;
  if (least <= timesteps) return;
  throw new UsageError(`${option} is ${least}, at most ${timesteps} is needed: "${name}" was trained with that many`);
}
