/** Enlargement by any factor: in the name of the task, as a number, or by the size that the result is to have. */
import { lookUpTask, MOST_ENLARGED, type Task } from "../../operators/mod.ts";
import { numberOf, type OptionSpec, type OptionValues, UsageError } from "../../parameters/mod.ts";

/** The option of a factor, for what is enlarged and for what is made smaller. */
export const SCALE_OPTION: Readonly<Record<string, OptionSpec>> = {
  scale: {
    kind: "number",
    min: 1,
    max: 64,
    help: `sr: factor along each side, 1 to ${MOST_ENLARGED}, whole or not; upsample: how many times larger, a whole ` +
      "number (default: what the network was trained for, where that is known, else its training size / longest side " +
      "of the picture)",
  },
};

/** The options of enlargement. */
export const FACTOR_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  ...SCALE_OPTION,
  width: { kind: "integer", min: 1, max: 65535, help: "sr: width of the result in pixels; the factor follows" },
  height: { kind: "integer", min: 1, max: 65535, help: "sr: height of the result in pixels; the factor follows" },
};

/** The task that takes its factor from the options. */
export const ENLARGE = "sr";

/** The task that has the factor of its network. */
const UPSAMPLING = "upsample";

/**
 * The task with the factor that the options say, where they are to say one; others stay as they are.
 * @returns `ENLARGE` itself where the factor follows from the picture; see `fitFactor`
 * @throws {UsageError} if they say none, several, one that is not possible, or one to another task
 */
export function withFactor(task: Task, options: OptionValues): Task {
  const given = Object.keys(FACTOR_OPTIONS).filter((option) => options[option] !== undefined);
  if (task.name !== ENLARGE) {
    const foreign = given.find((option) => option !== "scale" || task.name !== UPSAMPLING);
    if (foreign === undefined) return task;
    const owners = foreign === "scale" ? `${UPSAMPLING} or ${ENLARGE}` : ENLARGE;
    throw new UsageError(`--${foreign} belongs to --task ${owners}; the other tasks say it in their name`);
  }
  if (given.length !== 1) {
    const found = given.length === 0 ? "no factor was given" : `--${given.join(" and --")} exclude each other`;
    throw new UsageError(`${found}; --task ${ENLARGE} needs one of --scale F, --width N and --height N`);
  }
  const scale = numberOf(options, "scale");
  if (scale === undefined) return task;
  const found = lookUpTask(`${ENLARGE}${scale}`);
  if (found) return found;
  throw new UsageError(`--scale is ${scale}, 1 to ${MOST_ENLARGED} is needed`);
}
