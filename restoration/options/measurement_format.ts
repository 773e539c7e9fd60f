/** How a measurement is stored. */
import { type OptionValues, textOf, UsageError } from "../../parameters/mod.ts";
import { isMeasurementName } from "../folder.ts";
import type { Task } from "./tasks.ts";

/**
 * The format of the files of measurements, as options, their name and the task say.
 * @param options `format` and `bits`
 * @param name of the file, if there is one
 * @returns the ending of the name, without its dot
 * @throws {UsageError} if it contradicts the task or the name
 */
export function measurementFormat(task: Task, options: OptionValues, name?: string): "png" | "safetensors" {
  const given = textOf(options, "format");
  const named = name === undefined ? undefined : isMeasurementName(name) ? "safetensors" : "png";
  const format = given ?? named ?? (task.form === undefined || task.form === "file" ? "png" : "safetensors");
  if (name !== undefined && !name.toLowerCase().endsWith(`.${format}`)) {
    throw new UsageError(
      `the result is "${name}", a name that ends in .${given ?? (task.form === "values" ? "safetensors" : "png")} is ` +
        `needed${given === undefined && task.form !== "values" ? " (or in .safetensors)" : ""}`,
    );
  }
  if (task.form === "values" && format === "png") {
    throw new UsageError(
      `the result is ${name === undefined ? "a PNG" : `"${name}"`}, a name that ends in .safetensors is needed: ` +
        `measurements of task "${task.name}" are no pictures`,
    );
  }
  if (format === "safetensors" && options["bits"] !== undefined) {
    throw new UsageError("--bits belongs to PNG files; leave it out");
  }
  return format as "png" | "safetensors";
}
