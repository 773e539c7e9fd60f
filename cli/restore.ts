/** `deno task restore [IMAGE]`: a damaged picture in, a restored one out. */
import { fileURLToPath } from "node:url";
import type { Runtime } from "../engine/mod.ts";
import { seededNoise } from "../samplers/mod.ts";
import { type Arguments, type Command, UsageError } from "./arguments.ts";
import { checkConditioning, CLASS_OPTION, fitUpsampling, UPSAMPLE_OPTIONS } from "./conditioning.ts";
import { Interrupt } from "./interrupt.ts";
import type { Method } from "./method.ts";
import { chooseMethod, METHOD_OPTIONS } from "./method_options.ts";
import { type LoadedModel, loadModel, MODEL_OPTIONS } from "./model_file.ts";
import { METHOD_LIST } from "./posterior_methods.ts";
import { checkWritable, filesOf, outputsOf, planOutputs, type SampleOutput, writeTogether } from "./outputs.ts";
import { type Picture, preparePicture } from "./picture.ts";
import { makeReporter, type Reporter } from "./progress.ts";
import { makeReport, summarize } from "./report.ts";
import { runRestoration } from "./restoration.ts";
import { finishPicture } from "./result.ts";
import { openRuntime, PRECISION_OPTION, RUNTIME_OPTIONS } from "./runtime.ts";
import { readSource } from "./source.ts";
import { readNoise, type RecordedNoise, Trace, uploadNoise } from "./state_files.ts";
import { chooseTask, NOISE_OPTIONS, TASK_OPTIONS } from "./task_options.ts";
import { RESTORE_TASKS, type Task, taskList, UPSAMPLE } from "./tasks.ts";

/** The picture that is restored where none is named, degraded first. */
const SAMPLE = fileURLToPath(new URL("../models/default/sample.png", import.meta.url));

const SAMPLE_TASK = "sr4";

/** The command `restore`. */
export const RESTORE: Command = {
  spec: {
    name: "restore",
    summary: "Restores a damaged picture (PNG or JPEG in, PNG out) with a diffusion model and Shortcut Sampling,\n" +
      "or with another method.\n" +
      "IMAGE is the damaged picture itself; with --degrade it is a good one that is damaged first, and the\n" +
      "result is compared with it. Without IMAGE the sample picture is degraded and restored.",
    operands: { usage: "[IMAGE]", min: 0, max: 1 },
    options: {
      ...TASK_OPTIONS,
      degrade: { kind: "flag", help: "IMAGE is the ground truth: degrade it, restore, print PSNR and SSIM" },
      ...NOISE_OPTIONS,
      ...MODEL_OPTIONS,
      ...CLASS_OPTION,
      ...UPSAMPLE_OPTIONS,
      ...METHOD_OPTIONS,
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
      out: { kind: "text", value: "FILE", help: "Result (default: name of IMAGE with -restored.png, in this folder)" },
      sheet: { kind: "flag", help: "Also write a sheet: measurement, A^+ y, result, ground truth" },
      noise: { kind: "text", value: "FILE", help: "Take the noise of every step from a safetensors file" },
      trace: {
        kind: "text",
        value: "FILE",
        help: "Write states and noise of every step as safetensors; --noise takes such a file",
      },
      ...PRECISION_OPTION,
      ...RUNTIME_OPTIONS,
      json: { kind: "flag", help: "Print progress and result as JSON lines on stdout" },
    },
    lists: [taskList(RESTORE_TASKS), METHOD_LIST],
    examples: [
      ["deno task restore", "degrade the sample picture x4 and restore it"],
      ["deno task restore small.png --task sr4", "enlarge small.png x4"],
      ["deno task restore small.png --task upsample --model 64_256_upsampler.pt --class 207", "with an upsampler"],
      ["deno task restore torn.jpg --task inpaint --mask tear.png", "fill what is black in tear.png"],
      ["deno task restore --method diffpir --sigma-y 0.1", "another method, on a noisy measurement"],
      ["deno task restore photo.png --task colorize --degrade --sheet", "take the colour away, bring it back, compare"],
    ],
  },
  run,
};

/** What stays the same for all samples of a command. */
interface Work {
  readonly runtime: Runtime;
  readonly args: Arguments;
  readonly task: Task;
  readonly method: Method;
  readonly loaded: LoadedModel;
  readonly loadSeconds: number;
  readonly picture: Picture;
  readonly recorded: RecordedNoise | undefined;
  readonly reporter: Reporter;
  readonly interrupt: Interrupt;
}

async function run(args: Arguments): Promise<number> {
  using interrupt = new Interrupt();
  using reporter = makeReporter(args.flag("json"));
  checkCombination(args);
  const [path = SAMPLE] = args.operands;
  const isTruth = args.operands.length === 0 || args.flag("degrade");
  const chosen = chooseTask(args, SAMPLE_TASK, RESTORE_TASKS);
  const method = chooseMethod(args, chosen);
  const outputs = planOutputs(args);
  const inputs = [path, ...["mask", "noise", "model"].map((option) => args.text(option))];
  await checkWritable(outputs.flatMap(filesOf), inputs);
  const source = await readSource(args, path, isTruth ? 1 : chosen.scale);
  const noiseFile = args.text("noise");
  const recorded = noiseFile === undefined ? undefined : await readNoise(noiseFile, method.draws);
  await interrupt.check();
  const runtime = await openRuntime(args);
  try {
    const start = performance.now();
    const loaded = await loadModel(runtime, args, () => interrupt.checkNow());
    const loadSeconds = (performance.now() - start) / 1000;
    const millions = (loaded.model.parameterCount / 1e6).toFixed(1);
    reporter.note(`Model ${loaded.name} (${millions} M parameters) on ${runtime.description}`);
    if (loaded.origin !== undefined) reporter.note(loaded.origin);
    checkTimesteps(method, loaded);
    checkConditioning(args, chosen, loaded);
    const task = fitUpsampling(args, chosen, loaded, { source, isTruth });
    const { model } = loaded;
    const longest = args.operands.length === 0 ? model.config.imageSize : undefined;
    const picture = await preparePicture(runtime, source, { args, task, model, isTruth, longest });
    for (const note of picture.notes) reporter.note(note);
    await interrupt.check();
    const work = { runtime, args, task, method, loaded, loadSeconds, picture, recorded, reporter, interrupt };
    for (const [index, output] of outputs.entries()) {
      await restoreSample(work, output, { index, count: outputs.length });
    }
    return 0;
  } finally {
    runtime.destroy();
  }
}

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
  const sigmaY = args.number("noise-level") ?? args.number("sigma-y") ?? 0;
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

/** What contradicts itself is refused before anything is opened. */
function checkCombination(args: Arguments): void {
  const isMeasured = args.operands.length === 1 && !args.flag("degrade");
  if (isMeasured) {
    if (args.text("task") === undefined) {
      throw new UsageError(
        "it is not said what is wrong with the picture; give --task NAME, or --degrade to damage it first " +
          '("restore --help" lists the tasks)',
      );
    }
    for (const option of [...Object.keys(NOISE_OPTIONS), "mask-box", "mask-random"]) {
      if (args.has(option)) throw new UsageError(`--${option} needs --degrade: it describes a damage that is made`);
    }
    const { name, form = "file" } = RESTORE_TASKS.get(args.text("task") ?? "") ?? UPSAMPLE;
    if (form !== "file") {
      throw new UsageError(
        `--task ${name} needs --degrade and a good picture: its measurement is not read from a file`,
      );
    }
    if (args.text("task") === "inpaint" && !args.has("mask")) {
      throw new UsageError("--task inpaint needs --mask FILE, a picture that marks the missing pixels");
    }
  }
  if (args.has("scale") && args.text("task") !== UPSAMPLE.name) {
    throw new UsageError(`--scale belongs to --task ${UPSAMPLE.name}; the other tasks say it in their name`);
  }
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
