/** `deno task degrade IN [OUT]`: good pictures in, the measurements that `restore` takes out. */
import type { Runtime } from "../engine/mod.ts";
import { FileError, sha256OfFile } from "../io/mod.ts";
import { type Arguments, type Command, type CommandSpec } from "./arguments.ts";
import { UsageError } from "../parameters/mod.ts";
import { type Degradation, degradePicture, formatOf, outputName } from "./degradation.ts";
import { isFolder, isMade, isOfOneFile, join, listFolder, resultFolder, seedOf, writeRecord } from "./folder.ts";
import { Interrupt } from "./interrupt.ts";
import { fileStem } from "./outputs.ts";
import { makeReporter, type Reporter } from "./progress.ts";
import { resultName } from "./result_name.ts";
import { openRuntime, RUNTIME_OPTIONS } from "./runtime.ts";
import { chooseNoise, chooseTask, NOISE_OPTIONS, type Task, taskOptions, TASKS } from "../restoration/mod.ts";
import { taskList } from "./lists.ts";

/** The command `degrade`. */
export const DEGRADE: Command = {
  // Made when it is asked for: programs may have added operators.
  get spec(): CommandSpec {
    return {
      name: "degrade",
      summary:
        "Damages good pictures: writes the measurement of a task as PNG, and the mask where pixels are missing, or as\n" +
        "safetensors: exact, with the operator's parameters, noise and seed, all that restore needs. So is stored what no\n" +
        "picture holds (cs, cs-block, ct, mri) or says (outpaint, old-photo), and every other task with --format.\n" +
        "Of a folder all pictures are damaged, each with a seed of its own that its name and --seed give; what is in the\n" +
        "folder OUT already, made in the same way of the same picture, is left as it is.",
      operands: { usage: "IMAGE|FOLDER [OUT]", min: 1, max: 2 },
      options: {
        ...taskOptions(),
        ...NOISE_OPTIONS,
        seed: { kind: "integer", min: 0, max: 2 ** 32 - 1, help: "Seed of noise and masks (default 0)" },
        bits: { kind: "choice", choices: ["8", "16"], help: "Bits per sample of a PNG (default 8)" },
        format: {
          kind: "choice",
          choices: ["png", "safetensors"],
          help: "How results are stored (default: as the name OUT says, else png where restore takes it with --task)",
        },
        out: { kind: "text", value: "OUT", help: "Result (default: name of IMAGE with -degraded, in this folder)" },
        ...RUNTIME_OPTIONS,
        json: { kind: "flag", help: "Print the outcome as JSON lines on stdout" },
      },
      lists: [taskList(TASKS)],
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

async function run(args: Arguments): Promise<number> {
  using interrupt = new Interrupt();
  using reporter = makeReporter(args.flag("json"));
  const task = chooseTask(args.values, "sr4", TASKS);
  chooseNoise(args.values, task);
  const input = args.operands[0]!;
  if (await isFolder(input)) return await degradeFolder(args, { task, reporter, interrupt });
  const out = outputName(task, resultName(args), `${fileStem(input)}-degraded`, args);
  let runtime: Runtime | undefined;
  try {
    const degradation = await degradePicture(args, input, {
      task,
      out,
      seed: args.number("seed") ?? 0,
      notes: (note) => reporter.note(note),
      interrupt,
      openRuntime: async () => runtime = await openRuntime(args),
    });
    reporter.result(degradation.data, degradation.text);
    return 0;
  } finally {
    runtime?.destroy();
  }
}

/** What stays the same for all pictures of a folder. */
interface FolderWork {
  readonly task: Task;
  readonly reporter: Reporter;
  readonly interrupt: Interrupt;
}

async function degradeFolder(args: Arguments, { task, reporter, interrupt }: FolderWork): Promise<number> {
  const folder = args.operands[0]!;
  const { pictures } = await listFolder(folder);
  if (pictures.length === 0) {
    throw new FileError(`Cannot degrade "${folder}": the folder has no PNG or JPEG file, at least one is needed`);
  }
  const format = formatOf(task, args);
  const target = await resultFolder(args);
  if (/\.(png|safetensors)$/i.test(target)) throw new UsageError(`"${folder}" is a folder, OUT must be one too`);
  const words = args.words.filter((word) => word !== "--json");
  const runtime = await openRuntime(args);
  const counts = { made: 0, kept: 0, failed: 0 };
  try {
    for (const [index, path] of pictures.entries()) {
      await interrupt.check();
      const stem = join(target, fileStem(path));
      const seed = seedOf(path, args.number("seed") ?? 0);
      try {
        const key = { command: ["degrade", ...words], picture: path, sha256: await sha256OfFile(path), seed };
        const out = `${stem}.${format}`;
        if (await isMade(`${stem}.json`, key)) counts.kept++;
        else {
          const made: Degradation = await degradePicture(args, path, {
            task,
            out,
            seed,
            notes: (note) => reporter.note(`"${path}": ${note}`),
            interrupt,
            openRuntime: () => Promise.resolve(runtime),
          });
          await interrupt.hold(() => writeRecord(`${stem}.json`, { ...key, ...made.data }));
          counts.made++;
        }
      } catch (error) {
        if (!isOfOneFile(error)) throw error;
        counts.failed++;
        reporter.note(`error: "${path}": ${error.message}`);
      }
      reporter.step("degrade", index + 1, pictures.length);
    }
  } finally {
    runtime.destroy();
  }
  reporter.done();
  const failed = counts.failed > 0 ? `, ${counts.failed} failed` : "";
  reporter.result(
    { folder: target, task: task.name, ...counts },
    `Wrote ${counts.made} measurements to ${target}, ${counts.kept} were there already${failed}`,
  );
  return counts.failed > 0 ? 1 : 0;
}
