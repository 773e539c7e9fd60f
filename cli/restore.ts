/** `deno task restore [IMAGE]`: a damaged picture in, a restored one out. */
import { fileURLToPath } from "node:url";
import { givenNoise, seededNoise } from "../samplers/mod.ts";
import { type Arguments, type Command, UsageError } from "./arguments.ts";
import { Interrupt } from "./interrupt.ts";
import { chooseMethod, METHOD_OPTIONS } from "./method_options.ts";
import { loadModel } from "./model_file.ts";
import { checkWritable, filesOf, planOutputs, writeOutputs } from "./outputs.ts";
import { preparePicture } from "./picture.ts";
import { makeReporter } from "./progress.ts";
import { runRestoration } from "./restoration.ts";
import { describeResult } from "./result.ts";
import { openRuntime, RUNTIME_OPTIONS } from "./runtime.ts";
import { readNoise, Trace } from "./state_files.ts";
import { checkMaskOptions, chooseTask, TASK_OPTIONS } from "./tasks.ts";

/** The picture that is restored where none is named, degraded first. */
const SAMPLE = fileURLToPath(new URL("../models/default/sample.png", import.meta.url));

const SAMPLE_TASK = "sr4";

/** The command `restore`. */
export const RESTORE: Command = {
  spec: {
    name: "restore",
    summary: "Restores a damaged picture (PNG or JPEG in, PNG out) with a diffusion model and Shortcut Sampling.\n" +
      "IMAGE is the damaged picture itself; with --degrade it is a good one that is damaged first, and the\n" +
      "result is compared with it. Without IMAGE the sample picture is degraded and restored.",
    operands: { usage: "[IMAGE]", min: 0, max: 1 },
    options: {
      ...TASK_OPTIONS,
      degrade: { kind: "flag", help: "IMAGE is the ground truth: degrade it, restore, print PSNR and SSIM" },
      "sigma-y": {
        kind: "number",
        min: 0,
        max: 10,
        help: "--degrade: noise added to the measurement, values in [-1, 1]",
      },
      model: { kind: "text", value: "FILE", help: "Network as safetensors with its configuration (default: embedded)" },
      label: { kind: "integer", min: 0, help: "Class, for a class-conditional network" },
      ...METHOD_OPTIONS,
      seed: { kind: "integer", min: 0, max: 2 ** 32 - 1, help: "Seed of the noise (default 0)" },
      samples: { kind: "integer", min: 1, max: 1000, help: "Number of restorations, with seeds from --seed on" },
      size: {
        kind: "integer",
        min: 8,
        max: 65535,
        help: "Longest side inside the network (default 4x its training size)",
      },
      out: { kind: "text", value: "FILE", help: "Result (default: name of IMAGE with -restored.png, in this folder)" },
      sheet: { kind: "flag", help: "Also write a sheet: measurement, A^+ y, result, ground truth" },
      noise: { kind: "text", value: "FILE", help: "Take the noise of every step from a safetensors file" },
      trace: { kind: "text", value: "FILE", help: "Write the states of every step as safetensors" },
      ...RUNTIME_OPTIONS,
      json: { kind: "flag", help: "Print progress and result as JSON lines on stdout" },
    },
    examples: [
      ["deno task restore", "degrade the sample picture x4 and restore it"],
      ["deno task restore small.png --task sr4", "enlarge small.png x4"],
      ["deno task restore torn.jpg --task inpaint --mask tear.png", "fill what is black in tear.png"],
      ["deno task restore photo.png --task colorize --degrade --sheet", "take the colour away, bring it back, compare"],
    ],
  },
  run,
};

async function run(args: Arguments): Promise<number> {
  const reporter = makeReporter(args.flag("json"));
  using interrupt = new Interrupt();
  checkCombination(args);
  const [path = SAMPLE] = args.operands;
  const isTruth = args.operands.length === 0 || args.flag("degrade");
  const task = chooseTask(args, SAMPLE_TASK);
  const method = chooseMethod(args, task.kind);
  const outputs = planOutputs(args);
  await checkWritable(outputs.flatMap(filesOf));
  const runtime = await openRuntime(args);
  try {
    const start = performance.now();
    const loaded = await loadModel(runtime, args.text("model"));
    const loadSeconds = (performance.now() - start) / 1000;
    const millions = (loaded.model.parameterCount / 1e6).toFixed(1);
    reporter.note(`Model ${loaded.name} (${millions} M parameters) on ${runtime.description}`);
    const picture = await preparePicture(runtime, { args, task, model: loaded.model, path, isTruth });
    for (const note of picture.notes) reporter.note(note);
    const noiseFile = args.text("noise");
    const recorded = noiseFile === undefined ? undefined : givenNoise(await readNoise(runtime, noiseFile));
    for (const [sample, output] of outputs.entries()) {
      const seed = (args.number("seed") ?? 0) + sample;
      const trace = output.trace === undefined ? undefined : new Trace();
      const phase = outputs.length === 1 ? "restore" : `restore ${sample + 1}/${outputs.length}`;
      const restoration = await runRestoration(
        { runtime, ...picture.problem, method, noise: recorded ?? seededNoise([seed]) },
        async ({ name, step, steps, nfe, x0, xt }) => {
          reporter.step(phase, step, steps, { NFE: nfe });
          await trace?.add(`x_t.${name}`, xt);
          await trace?.add(`x0.${name}`, x0);
          // Gives the event loop a turn, in which a Ctrl-C is noticed.
          await new Promise((resolve) => setTimeout(resolve, 0));
          interrupt.check();
        },
      );
      reporter.done();
      const result = await describeResult({
        runtime,
        task,
        method,
        loaded,
        picture,
        restoration,
        seed,
        loadSeconds,
        output,
      });
      interrupt.check();
      await writeOutputs(output, result, trace);
      reporter.result(result.report, result.text);
    }
    return 0;
  } finally {
    runtime.destroy();
  }
}

/** What contradicts itself is refused before anything is opened. */
function checkCombination(args: Arguments): void {
  checkMaskOptions(args);
  const isMeasured = args.operands.length === 1 && !args.flag("degrade");
  if (isMeasured) {
    if (args.text("task") === undefined) {
      throw new UsageError(
        'say what is wrong with the picture: --task NAME, or --degrade to damage it first; "restore --help" lists the tasks',
      );
    }
    for (const option of ["sigma-y", "mask-box", "mask-random"]) {
      if (args.has(option)) throw new UsageError(`--${option} needs --degrade: it describes a damage that is made`);
    }
    if (args.text("task") === "inpaint" && !args.has("mask")) {
      throw new UsageError("--task inpaint needs --mask FILE, a picture that marks the missing pixels");
    }
  }
  const samples = args.number("samples") ?? 1;
  if ((args.number("seed") ?? 0) + samples - 1 >= 2 ** 32) {
    throw new UsageError(
      `--seed ${args.number("seed")} leaves no seeds for ${samples} samples, the last is 4294967295`,
    );
  }
  for (const option of ["trace", "noise"]) {
    if (args.has(option) && samples > 1) throw new UsageError(`--${option} needs a single sample; leave --samples out`);
  }
}
