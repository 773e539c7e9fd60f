/** `deno task degrade IMAGE`: a good picture in, the measurement that `restore` takes out. */
import { hostTensor, type Runtime } from "../engine/mod.ts";
import { centre, crop, FileError, grayToRgb, type Raster, resize, rgbToGray, toImage, writePng } from "../io/mod.ts";
import { createOperator, type Operator, type OperatorOptions } from "../operators/mod.ts";
import { type Arguments, type Command, UsageError } from "./arguments.ts";
import { formatSize } from "./canvas.ts";
import { Interrupt } from "./interrupt.ts";
import { writeMeasurement } from "./measurement_file.ts";
import { checkWritable, fileStem, pngName, writeTogether } from "./outputs.ts";
import { degrade } from "./picture.ts";
import { makeReporter } from "./progress.ts";
import { applyOperator } from "./restoration.ts";
import { openRuntime, RUNTIME_OPTIONS } from "./runtime.ts";
import { readSource } from "./source.ts";
import { chooseNoise, chooseTask, NOISE_OPTIONS, operatorOptions, TASK_OPTIONS } from "./task_options.ts";
import { DEGRADE_TASKS, type Task, taskList, taskOperator } from "./tasks.ts";

/** The command `degrade`. */
export const DEGRADE: Command = {
  spec: {
    name: "degrade",
    summary:
      "Damages a good picture: writes the measurement of a task as PNG, and the mask where pixels are missing.\n" +
      "What no picture holds (cs, cs-block, ct, mri) is written as safetensors, with the operator's parameters.",
    operands: { usage: "IMAGE", min: 1, max: 1 },
    options: {
      ...TASK_OPTIONS,
      ...NOISE_OPTIONS,
      seed: { kind: "integer", min: 0, max: 2 ** 32 - 1, help: "Seed of noise and masks (default 0)" },
      bits: { kind: "choice", choices: ["8", "16"], help: "Bits per sample of the result (default 8)" },
      out: { kind: "text", value: "FILE", help: "Result (default: name of IMAGE with -degraded.png, in this folder)" },
      ...RUNTIME_OPTIONS,
      json: { kind: "flag", help: "Print the outcome as a JSON line on stdout" },
    },
    lists: [taskList(DEGRADE_TASKS)],
    examples: [
      ["deno task degrade photo.png --task sr4", "write photo-degraded.png, a quarter as wide and high"],
      ["deno task degrade photo.png --task inpaint --mask-random 0.5", "also write photo-degraded-mask.png"],
      ["deno task degrade photo.png --task mri --acceleration 8", "write photo-degraded.safetensors"],
    ],
  },
  run,
};

async function run(args: Arguments): Promise<number> {
  using interrupt = new Interrupt();
  using reporter = makeReporter(args.flag("json"));
  const task = chooseTask(args, "sr4", DEGRADE_TASKS);
  const noise = chooseNoise(args);
  const path = args.operands[0] as string;
  const out = outputName(args, task, `${fileStem(path)}-degraded`);
  // A mask that is made here is needed to restore the picture.
  const isMasked = ["inpaint", "outpaint", "old_photo"].includes(task.operator) && !args.has("mask");
  const maskFile = isMasked ? out.replace(/\.png$/i, "-mask.png") : undefined;
  const files = [out, ...(maskFile === undefined ? [] : [maskFile])];
  await checkWritable(files, [path, args.text("mask")]);
  const source = await readSource(args, path, 1);
  for (const note of source.notes) reporter.note(note);
  const whole = task.operator === "mri" ? complexPicture(source.colour) : grayToRgb(source.colour);
  const multiple = task.multiple ?? task.scale;
  const picture = cropToMultiple(whole, path, multiple);
  if (picture !== whole) {
    reporter.note(`The picture is cropped to ${formatSize(picture)}, multiples of ${multiple}`);
  }
  const imageShape = [picture.height, picture.width, picture.channels];
  const seed = args.number("seed") ?? 0;
  const options = operatorOptions(task, imageShape, args, {
    mask: source.mask?.known,
    network: source.network,
    seed,
    isMeasured: false,
  });
  const operator = taskOperator(task, imageShape, options);
  const runtime = await openRuntime(args);
  try {
    const x = runtime.upload(picture.data, [1, ...imageShape]);
    const y = await degrade(runtime, operator, x, { noise, seed });
    const [height = 0, width = 0, channels = 0] = operator.measurementShape;
    if (task.form === "values") {
      const tensor = hostTensor(await y.read(), y.shape);
      await interrupt.check();
      const measurement = { task, imageShape, options, noise, seed, y: tensor };
      await interrupt.hold(() => writeTogether([[out, (path) => writeMeasurement(path, measurement)]]));
      const shape = operator.measurementShape;
      reporter.result({ files, task: task.name, shape, seed }, `Wrote ${out} (${shape.join(" x ")} values)`);
      return 0;
    }
    const measured: Raster = { width, height, channels, data: await y.read() };
    const measurement = source.file.channels === 1 && channels === 3 ? rgbToGray(measured) : measured;
    const alpha = source.alpha && resize(cropToMultiple(source.alpha, path, multiple), measurement, "area");
    const bitDepth = args.text("bits") === "16" ? 16 : 8;
    const image = toImage(measurement, { bitDepth, ...(alpha ? { alpha } : {}) });
    const mask = maskFile === undefined ? undefined : toImage(await knownPixels(runtime, task, operator, options));
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

/**
 * The name of the result: that of --out, whose ending must fit what the measurement is.
 * @throws {UsageError} if it ends otherwise
 */
function outputName(args: Arguments, { name, form }: Task, stem: string): string {
  if (form !== "values") return pngName(args, `${stem}.png`);
  const out = args.text("out") ?? `${stem}.safetensors`;
  if (/\.safetensors$/i.test(out)) return out;
  throw new UsageError(
    `--out is "${out}", a name that ends in .safetensors is needed: measurements of task "${name}" are no pictures`,
  );
}

/** The gray picture as real parts, and imaginary parts of 0. */
function complexPicture(colour: Raster): Raster {
  const gray = colour.channels === 1 ? colour : rgbToGray(colour);
  const data = Float32Array.from({ length: 2 * gray.data.length }, (_, i) => i % 2 === 0 ? gray.data[i / 2]! : 0);
  return { ...gray, channels: 2, data };
}

/** The mask of an operator as a picture: white where pixels are known. */
async function knownPixels(
  runtime: Runtime,
  task: Task,
  operator: Operator,
  options: OperatorOptions,
): Promise<Raster> {
  const [height = 0, width = 0, channels = 0] = operator.imageShape;
  // Behind other degradations the mask is that of inpainting with the same parameters.
  const { mask, box, missing, seed } = options;
  const masking = task.operator === "old_photo"
    ? createOperator("inpaint", operator.imageShape, {
      ...(mask ? { mask } : {}),
      ...(box ? { box } : {}),
      ...(missing === undefined ? {} : { missing }),
      ...(seed === undefined ? {} : { seed }),
    })
    : operator;
  const ones = runtime.upload(new Float32Array(height * width * channels).fill(1), [1, ...operator.imageShape]);
  const known = await (await applyOperator(runtime, masking, "forward", ones)).read();
  const data = Float32Array.from({ length: height * width }, (_, pixel) => 2 * (known[pixel * channels] ?? 0) - 1);
  return { width, height, channels: 1, data };
}
