/** `deno task degrade IMAGE`: a good picture in, the measurement that `restore` takes out. */
import { ReferenceRuntime, type Runtime, WebGpuRuntime } from "../engine/mod.ts";
import { type Raster, toImage, writePng } from "../io/mod.ts";
import type { Arguments, Command } from "./arguments.ts";
import { checkOutputs, planPicture } from "./outputs.ts";
import { makeReporter } from "./progress.ts";
import { chooseTask, TASK_OPTIONS } from "./tasks.ts";

