/** The option that asks for a kernel: `--task deblur --kernel estimate`. */
import { type OptionSpec, type OptionValues, textOf, UsageError } from "../../parameters/mod.ts";
import { isMeasurementName } from "../folder.ts";
import { taskOptions } from "./task_options.ts";

/** What stands for a kernel that is to be found. */
export const ESTIMATED_KERNEL = "estimate";

/** The task whose blur nobody knows. */
const TASK = "deblur";

/** Options that say what the blur is, or how the kernel of another operator is taken. */
const RIVALS: readonly string[] = ["blur", "blur-sigma", "blur-taps", "blur-variant"];

/** The option of kernels from files, which may be found as well. */
export function kernelOption(): Readonly<Record<string, OptionSpec>> {
  const { kernel } = taskOptions();
  const help = `${kernel!.help}; deblur, without --degrade: "${ESTIMATED_KERNEL}" finds it with the network`;
  return { kernel: { ...kernel!, help } };
}

/**
 * Whether options ask for the kernel of a blur.
 * @param path of the picture; undefined if none was named
 * @throws {UsageError} if they do where no kernel can be found
 */
export function asksForKernel(options: OptionValues, path: string | undefined): boolean {
  if (textOf(options, "kernel") !== ESTIMATED_KERNEL) return false;
  const task = textOf(options, "task") ?? "";
  if (task !== TASK) {
    throw new UsageError(
      `--kernel ${ESTIMATED_KERNEL} belongs to --task ${TASK} alone, the task is "${task}"; undo other damages first, or ` +
        "give --kernel FILE",
    );
  }
  if (path === undefined || isMeasurementName(path) || options["degrade"] === true) {
    throw new UsageError(
      `--kernel ${ESTIMATED_KERNEL} looks at a picture that is blurred already; name one, and leave out --degrade`,
    );
  }
  if (options["plan"] === true) {
    throw new UsageError(
      `--plan computes nothing, and --kernel ${ESTIMATED_KERNEL} finds the kernel first; --blur ${ESTIMATED_KERNEL} has a plan`,
    );
  }
  const rival = RIVALS.find((option) => options[option] !== undefined);
  if (rival === undefined) return true;
  throw new UsageError(`--kernel ${ESTIMATED_KERNEL} and --${rival} exclude each other; give one of them`);
}
