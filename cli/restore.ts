/** `deno task restore [IMAGE]`: a damaged picture in, a restored one out. */
import { fileURLToPath } from "node:url";
import { FileError } from "../io/mod.ts";
import { Arguments, type Command, type CommandSpec } from "./arguments.ts";
import { UsageError } from "../parameters/mod.ts";
import { CLASS_OPTION, UPSAMPLE_OPTIONS } from "./conditioning.ts";
import { isFolder, isMade, isOfOneFile, join, listFolder, resultFolder, seedOf } from "./folder.ts";
import { Interrupt } from "./interrupt.ts";
import { checkMeasuredOptions } from "./measured_picture.ts";
import { methodOptions, neededMask, NOISE_OPTIONS, restoreTasks, taskOptions } from "../restoration/mod.ts";
import { methodList, taskList } from "./lists.ts";
import { loadModel, modelOptions } from "./model_file.ts";
import { fileStem } from "./outputs.ts";
import { makeReporter } from "./progress.ts";
import { modelData } from "./report.ts";
import { checkCombination, type Job, readJob, restoreJob, type Session } from "./restore_job.ts";
import { openRuntime, PRECISION_OPTION, RUNTIME_OPTIONS } from "./runtime.ts";

/** The picture that is restored where none is named, degraded first. */
const SAMPLE = fileURLToPath(new URL("../models/default/sample.png", import.meta.url));

const SAMPLE_TASK = "sr4";

/** The command `restore`. */
export const RESTORE: Command = {
  // Made when it is asked for: programs may have added operators and samplers.
  get spec(): CommandSpec {
    return {
      name: "restore",
      summary: "Restores a damaged picture (PNG or JPEG in, PNG out) with a diffusion model and Shortcut Sampling,\n" +
        "or with another method.\n" +
        "IMAGE is the damaged picture itself; with --degrade it is a good one that is damaged first, and the\n" +
        "result is compared with it. Without IMAGE the sample picture is degraded and restored.\n" +
        "MEASUREMENT is what degrade wrote as safetensors: the file says task, options and noise.\n" +
        "Of a folder all measurements are restored, or with --task or --degrade all pictures, each with a seed of its own\n" +
        "that its name and --seed give; NAME-mask.png is the mask of NAME. Results that are in the folder OUT already, made\n" +
        "by the same command of the same file with the same model, are left as they are.",
      operands: { usage: "[IMAGE|MEASUREMENT|FOLDER] [OUT]", min: 0, max: 2 },
      options: {
        ...taskOptions(),
        degrade: { kind: "flag", help: "IMAGE is the ground truth: degrade it, restore, print PSNR and SSIM" },
        ...NOISE_OPTIONS,
        ...modelOptions(),
        ...CLASS_OPTION,
        ...UPSAMPLE_OPTIONS,
        ...methodOptions(),
        seed: { kind: "integer", min: 0, max: 2 ** 32 - 1, help: "Seed of the noise (default 0)" },
        samples: { kind: "integer", min: 1, max: 1000, help: "Number of restorations, with seeds from --seed on" },
        size: {
          kind: "integer",
          min: 8,
          max: 65535,
          help:
            "Longest side inside the network; larger pictures are made smaller (default 4x its training size, for the " +
            "sample picture its training size)",
        },
        out: { kind: "text", value: "OUT", help: "Result (default: name of IMAGE with -restored.png, in this folder)" },
        sheet: { kind: "flag", help: "Also write a sheet: measurement, A^+ y, result, ground truth" },
        noise: { kind: "text", value: "FILE", help: "Take the noise of every step from a safetensors file" },
        trace: {
          kind: "text",
          value: "FILE",
          help: "Write states and noise of every step as safetensors; --noise takes such a file",
        },
        ...PRECISION_OPTION,
        recompute: {
          kind: "flag",
          help: "Methods with gradients: compute blocks of the network again instead of keeping them, for less memory",
        },
        ...RUNTIME_OPTIONS,
        json: { kind: "flag", help: "Print progress and result as JSON lines on stdout" },
      },
      lists: [taskList(restoreTasks()), methodList()],
      examples: [
        ["deno task restore", "degrade the sample picture x4 and restore it"],
        ["deno task restore small.png --task sr4", "enlarge small.png x4"],
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

const SAMPLE_JOB = { path: SAMPLE, task: SAMPLE_TASK };

async function run(args: Arguments): Promise<number> {
  using interrupt = new Interrupt();
  using reporter = makeReporter(args.flag("json"));
  const [input] = args.operands;
  if (input !== undefined && await isFolder(input)) {
    const jobs = await planFolder(args);
    return await withSession(args, { reporter, interrupt }, (session) => restoreFolder(session, jobs));
  }
  const job = await readJob(args, SAMPLE_JOB);
  await interrupt.check();
  return await withSession(args, { reporter, interrupt }, async (session) => {
    await restoreJob(session, job);
    return 0;
  });
}

/** Opens device and model, and closes the device at the end. */
async function withSession(
  args: Arguments,
  { reporter, interrupt }: Pick<Session, "reporter" | "interrupt">,
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
    return await body({ runtime, loaded, loadSeconds, reporter, interrupt });
  } finally {
    runtime.destroy();
  }
}

/**
 * The command lines for the files of a folder.
 * @throws {UsageError} if the options do not go with them
 * @throws {FileError} if there is nothing to restore
 */
async function planFolder(args: Arguments): Promise<readonly Arguments[]> {
  const folder = args.operands[0]!;
  for (const option of ["trace", "noise"]) {
    if (args.has(option)) throw new UsageError(`--${option} needs a single file, "${folder}" is a folder`);
  }
  const { pictures, measurements, masks } = await listFolder(folder);
  const ofPictures = args.has("task") || args.flag("degrade");
  if (!ofPictures) checkMeasuredOptions(args);
  const paths = ofPictures ? pictures : measurements;
  if (paths.length === 0) {
    throw new FileError(
      ofPictures
        ? `Cannot restore "${folder}": the folder has no PNG or JPEG file, at least one is needed`
        : `Cannot restore "${folder}": the folder has no measurement (.safetensors); for pictures give --task NAME`,
    );
  }
  const target = await resultFolder(args);
  const task = restoreTasks().get(args.text("task") ?? "");
  return paths.map((path) => {
    const values = { ...args.values };
    values["out"] = join(target, `${fileStem(path)}.png`);
    values["seed"] = seedOf(path, args.number("seed") ?? 0);
    const mask = masks.get(path);
    const wanted = task && neededMask(task);
    if (mask !== undefined && wanted !== undefined && !args.flag("degrade") && !args.has(wanted)) {
      values[wanted] = mask;
    }
    const each = new Arguments([path], values, args.words);
    try {
      if (ofPictures) checkCombination(each);
    } catch (error) {
      throw error instanceof UsageError ? new UsageError(`"${path}": ${error.message}`) : error;
    }
    return each;
  });
}

async function restoreFolder(session: Session, plan: readonly Arguments[]): Promise<number> {
  const { reporter, interrupt } = session;
  const counts = { made: 0, kept: 0, failed: 0 };
  for (const [index, args] of plan.entries()) {
    await interrupt.check();
    const path = args.operands[0]!;
    try {
      const job = await readJob(args, SAMPLE_JOB);
      if (await isRestored(session, job)) counts.kept++;
      else {
        reporter.note(`${index + 1} of ${plan.length}: ${path}`);
        await restoreJob(session, job);
        counts.made++;
      }
    } catch (error) {
      if (!isOfOneFile(error)) throw error;
      counts.failed++;
      reporter.note(`error: "${path}": ${error.message}`);
    }
  }
  const failed = counts.failed > 0 ? `, ${counts.failed} failed` : "";
  reporter.result(counts, `Restored ${counts.made} files, ${counts.kept} were restored already${failed}`);
  return counts.failed > 0 ? 1 : 0;
}

/** Whether all results of a job are there. The report is written last. */
async function isRestored({ loaded }: Session, { args, path, sha256, outputs }: Job): Promise<boolean> {
  const wanted = {
    command: ["restore", ...args.words],
    input: { file: path, sha256 },
    model: modelData(loaded, args),
  };
  for (const { report } of outputs) if (!await isMade(report, wanted)) return false;
  return true;
}
