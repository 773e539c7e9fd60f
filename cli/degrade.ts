/** `deno task degrade IMAGE`: a good picture in, the measurement that `restore` takes out. */
import type { Runtime } from "../engine/mod.ts";
import { centre, crop, FileError, grayToRgb, type Raster, resize, rgbToGray, toImage, writePng } from "../io/mod.ts";
import type { LinearOperator } from "../operators/mod.ts";
import type { Arguments, Command } from "./arguments.ts";
import { formatSize } from "./canvas.ts";
import { Interrupt } from "./interrupt.ts";
import { checkWritable, fileStem, pngName, writeTogether } from "./outputs.ts";
import { degrade } from "./picture.ts";
import { makeReporter } from "./progress.ts";
import { applyOperator } from "./restoration.ts";
import { openRuntime, RUNTIME_OPTIONS } from "./runtime.ts";
import { readSource } from "./source.ts";
import { chooseTask, operatorOptions, TASK_OPTIONS, taskList, taskOperator, TASKS } from "./tasks.ts";

/** The command `degrade`. */
export const DEGRADE: Command = {
  spec: {
    name: "degrade",
    summary: "Damages a good picture: writes the measurement of a task as PNG, and for inpainting its mask.",
    operands: { usage: "IMAGE", min: 1, max: 1 },
    options: {
      ...TASK_OPTIONS,
      "sigma-y": { kind: "number", min: 0, max: 10, help: "Standard deviation of added noise, values in [-1, 1]" },
      seed: { kind: "integer", min: 0, max: 2 ** 32 - 1, help: "Seed of noise and masks (default 0)" },
      bits: { kind: "choice", choices: ["8", "16"], help: "Bits per sample of the result (default 8)" },
      out: { kind: "text", value: "FILE", help: "Result (default: name of IMAGE with -degraded.png, in this folder)" },
      ...RUNTIME_OPTIONS,
      json: { kind: "flag", help: "Print the outcome as a JSON line on stdout" },
    },
    lists: [taskList(TASKS)],
    examples: [
      ["deno task degrade photo.png --task sr4", "write photo-degraded.png, a quarter as wide and high"],
      ["deno task degrade photo.png --task inpaint --mask-random 0.5", "also write photo-degraded-mask.png"],
    ],
  },
  run,
};

async function run(args: Arguments): Promise<number> {
  using interrupt = new Interrupt();
  using reporter = makeReporter(args.flag("json"));
  const task = chooseTask(args, "sr4");
  const path = args.operands[0] as string;
  const out = pngName(args, `${fileStem(path)}-degraded.png`);
  // A mask that is made here is needed to restore the picture.
  const maskFile = task.kind === "inpainting" && !args.has("mask") ? out.replace(/\.png$/i, "-mask.png") : undefined;
  const files = [out, ...(maskFile === undefined ? [] : [maskFile])];
  await checkWritable(files, [path, args.text("mask")]);
  const source = await readSource(args, path, 1);
  for (const note of source.notes) reporter.note(note);
  const whole = grayToRgb(source.colour);
  const picture = cropToMultiple(whole, path, task.scale);
  if (picture !== whole) {
    reporter.note(`The picture is cropped to ${formatSize(picture)}, multiples of ${task.scale}`);
  }
  const imageShape = [picture.height, picture.width, 3];
  const seed = args.number("seed") ?? 0;
  const options = operatorOptions(task, imageShape, args, { mask: source.mask?.known, seed, isMeasured: false });
  const operator = taskOperator(task, imageShape, options);
  const runtime = await openRuntime(args);
  try {
    const x = runtime.upload(picture.data, [1, ...imageShape]);
    const y = await degrade(runtime, operator, x, { sigma: args.number("sigma-y") ?? 0, seed });
    const [height = 0, width = 0, channels = 0] = operator.measurementShape;
    const measured: Raster = { width, height, channels, data: await y.read() };
    const measurement = source.file.channels === 1 ? rgbToGray(measured) : measured;
    const alpha = source.alpha && resize(cropToMultiple(source.alpha, path, task.scale), measurement, "area");
    const bitDepth = args.text("bits") === "16" ? 16 : 8;
    const image = toImage(measurement, { bitDepth, ...(alpha ? { alpha } : {}) });
    const mask = maskFile === undefined ? undefined : toImage(await knownPixels(runtime, operator));
    await interrupt.check();
    await interrupt.hold(() =>
      writeTogether([
        [out, (path) => writePng(path, image)],
        [maskFile, async (path) => await (mask && writePng(path, mask))],
      ])
    );
    reporter.result(
      { files, task: task.name, width, height, channels: measurement.channels, bitDepth, seed },
      `Wrote ${files.join(" and ")} (${formatSize(measurement)})`,
    );
    return 0;
  } finally {
    runtime.destroy();
  }
}

/**
 * The largest centred part whose sides are multiples of a number.
 * @throws {FileError} if the picture is smaller than that
 */
function cropToMultiple(raster: Raster, path: string, multiple: number): Raster {
  const down = (side: number): number => Math.floor(side / multiple) * multiple;
  const size = { width: down(raster.width), height: down(raster.height) };
  if (size.width === raster.width && size.height === raster.height) return raster;
  if (size.width > 0 && size.height > 0) return crop(raster, centre(raster, size));
  throw new FileError(
    `Cannot degrade "${path}": it has ${raster.width} x ${raster.height} pixels, at least ${multiple} x ${multiple} ` +
      "are needed for this task; choose a smaller factor",
  );
}

/** The mask of an inpainting operator as a picture: white where pixels are known. */
async function knownPixels(runtime: Runtime, operator: LinearOperator): Promise<Raster> {
  const [height = 0, width = 0, channels = 0] = operator.imageShape;
  const ones = runtime.upload(new Float32Array(height * width * channels).fill(1), [1, ...operator.imageShape]);
  const known = await (await applyOperator(runtime, operator, "forward", ones)).read();
  const data = Float32Array.from({ length: height * width }, (_, pixel) => 2 * (known[pixel * channels] ?? 0) - 1);
  return { width, height, channels: 1, data };
}
