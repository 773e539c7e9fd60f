/** What cannot be asked for together when a picture or a measurement is restored. */
import { taskOptionsOf } from "../../operators/mod.ts";
import { type OptionSpec, type OptionValues, textOf, UsageError } from "../../parameters/mod.ts";
import { checkBlurOption } from "./blur_question.ts";
import { FACTOR_OPTIONS } from "./factors.ts";
import { NOISE_OPTIONS } from "./noise_options.ts";
import { checkOwnPicture, OWN_PICTURE_OPTIONS, takesOwnPicture } from "./own_picture.ts";
import { neededMask } from "./task_files.ts";
import { taskOptions } from "./task_options.ts";
import { partsOf, quoted, restoreTasks, taskNamed } from "./tasks.ts";

/**
 * Refuses options that would contradict a measurement file.
 * @throws {UsageError} naming the first of them
 */
export function checkMeasuredOptions(options: OptionValues): void {
  const ofPictures = { ...taskOptions(), ...NOISE_OPTIONS, ...FACTOR_OPTIONS, ...OWN_PICTURE_OPTIONS };
  const fixed = [...Object.keys(ofPictures), "degrade", "size", "blur"];
  const given = fixed.find((option) => options[option] !== undefined);
  if (given === undefined) return;
  throw new UsageError(`--${given} goes with pictures; a measurement says by itself how it was made: leave it out`);
}

/**
 * Refuses options for pictures that contradict each other.
 * @param isTruth whether the picture is a good one, which is degraded first
 * @throws {UsageError} saying what to change
 */
export function checkPictureOptions(options: OptionValues, isTruth: boolean): void {
  if (!isTruth) checkDamaged(options);
  checkOwnPicture(options, isTruth);
  checkBlurOption(options, isTruth);
  const size = ["width", "height"].find((option) => options[option] !== undefined);
  if (isTruth && size) throw new UsageError(`--${size} is of a picture that is enlarged; with --degrade give --scale`);
}

/** The option that is of a picture that was compressed, or of the result. */
export const QUALITY_OPTION: Readonly<Record<string, OptionSpec>> = {
  quality: {
    kind: "number",
    min: 1,
    max: 100,
    help: "Quality of a JPEG or WebP file OUT (default 92); with --task jpeg --degrade that of the damage (60)",
  },
};

/**
 * Whether --quality is the one with which a picture was compressed: of a task that has it, where the picture is degraded
 * here, or is no JPEG file, which would say it itself. Otherwise it is that of the result.
 */
export function isTaskQuality(options: OptionValues, path: string): boolean {
  const name = textOf(options, "task");
  if (name === undefined || (options["degrade"] !== true && /\.jpe?g$/i.test(path))) return false;
  return taskOptionsOf(taskNamed(name, restoreTasks())).some(({ option }) => option === "quality");
}

/** Refuses what does not go with a picture that was damaged elsewhere. */
function checkDamaged(options: OptionValues): void {
  const given = textOf(options, "task");
  if (given === undefined) {
    throw new UsageError(
      "it is not said what is wrong with the picture; give --task NAME, or --degrade to damage it first " +
        '("restore --help" lists the tasks)',
    );
  }
  const task = taskNamed(given, restoreTasks());
  const declared = taskOptionsOf(task);
  const damages = declared.filter(({ parameter }) => parameter.isDamage).map(({ option }) => option);
  for (const option of [...Object.keys(NOISE_OPTIONS), ...damages]) {
    if (options[option] === undefined) continue;
    throw new UsageError(`--${option} needs --degrade: it describes a damage that is made`);
  }
  const { name, form = "file" } = task;
  if (form !== "file" && !takesOwnPicture(task)) {
    throw new UsageError(
      `--task ${
        quoted(name)
      } needs --degrade and a good picture; what "degrade" wrote as safetensors is restored without --task`,
    );
  }
  for (const part of partsOf(task)) {
    // A picture may bring its mask with it.
    if (neededMask(part) !== undefined) continue;
    const needed = taskOptionsOf(part).find((option) => option.name === part.needs);
    if (!needed || options[needed.option] !== undefined) continue;
    const { help, value = "VALUE" } = needed.parameter;
    throw new UsageError(`--task ${quoted(name)} needs --${needed.option} ${value}, a ${help}`);
  }
}
