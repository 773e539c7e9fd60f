/** `deno task degrade IMAGE`: a good picture in, the measurement that `restore` takes out. */
import type { Runtime, Shape } from "../engine/mod.ts";
import {
  alphaRaster,
  centre,
  colourRaster,
  crop,
  fillUnderAlpha,
  grayToRgb,
  type Raster,
  readImage,
  resize,
  toImage,
  writePng,
} from "../io/mod.ts";
import type { LinearOperator } from "../operators/mod.ts";
import type { Arguments, Command } from "./arguments.ts";
import { checkWritable, fileStem, pngName } from "./outputs.ts";
import { degrade, readKnownPixels } from "./picture.ts";
import { makeReporter } from "./progress.ts";
import { applyOperator } from "./restoration.ts";
import { openRuntime, RUNTIME_OPTIONS } from "./runtime.ts";
import { checkMaskOptions, chooseTask, TASK_OPTIONS, taskOperator } from "./tasks.ts";

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
    examples: [
      ["deno task degrade photo.png --task sr4", "write photo-degraded.png, a quarter as wide and high"],
      ["deno task degrade photo.png --task inpaint --mask-random 0.5", "also write photo-degraded-mask.png"],
    ],
  },
  run,
};

async function run(args: Arguments): Promise<number> {
  const reporter = makeReporter(args.flag("json"));
  checkMaskOptions(args);
  const task = chooseTask(args, "sr4");
  const path = args.operands[0] as string;
  const out = pngName(args, `${fileStem(path)}-degraded.png`);
  await checkWritable([out]);
  const file = await readImage(path);
  for (const warning of file.warnings) reporter.note(warning);
  const alpha = alphaRaster(file);
  const colour = grayToRgb(alpha ? fillUnderAlpha(colourRaster(file), alpha) : colourRaster(file));
  const picture = cropToMultiple(colour, task.scale);
  if (picture !== colour) {
    reporter.note(`The picture is cropped to ${picture.width}x${picture.height}, a multiple of ${task.scale}`);
  }
  const notes: string[] = [];
  const mask = await readKnownPixels(args, path, picture, notes);
  for (const note of notes) reporter.note(note);
  const seed = args.number("seed") ?? 0;
  const imageShape = [picture.height, picture.width, 3];
  const operator = taskOperator(task, imageShape, args, { mask, seed });
  const runtime = await openRuntime(args);
  try {
    const x = runtime.upload(picture.data, [1, ...imageShape]);
    const sigma = args.number("sigma-y") ?? 0;
    const y = await (await degrade(runtime, operator, x, { sigma, seed })).read();
    const [height = 0, width = 0, channels = 0] = operator.measurementShape;
    const measurement: Raster = { width, height, channels, data: y };
    const kept = alpha && cropToMultiple(alpha, task.scale);
    const smallAlpha = kept && resize(kept, { width, height }, "area");
    const bitDepth = args.text("bits") === "16" ? 16 : 8;
    await writePng(out, toImage(measurement, { bitDepth, ...(smallAlpha ? { alpha: smallAlpha } : {}) }));
    const maskFile = task.kind === "inpainting" && !mask ? out.replace(/\.png$/i, "-mask.png") : undefined;
    if (maskFile) await writePng(maskFile, toImage(await knownPixels(runtime, operator, imageShape)));
    const files = [out, ...(maskFile ? [maskFile] : [])];
    reporter.result(
      { files, task: task.name, width, height, channels },
      `Wrote ${files.join(" and ")} (${width}x${height})`,
    );
    return 0;
  } finally {
    runtime.destroy();
  }
}

/** The largest centred part whose sides are multiples of a number. */
function cropToMultiple(raster: Raster, multiple: number): Raster {
  const down = (side: number): number => Math.max(multiple, Math.floor(side / multiple) * multiple);
  const size = { width: down(raster.width), height: down(raster.height) };
  if (size.width === raster.width && size.height === raster.height) return raster;
  return crop(raster, centre(raster, size));
}

/** The mask of an inpainting operator as a picture: white where pixels are known. */
async function knownPixels(runtime: Runtime, operator: LinearOperator, imageShape: Shape): Promise<Raster> {
  const [height = 0, width = 0, channels = 0] = imageShape;
  const ones = runtime.upload(new Float32Array(height * width * channels).fill(1), [1, ...imageShape]);
  const known = await (await applyOperator(runtime, operator, "forward", ones)).read();
  const data = Float32Array.from({ length: height * width }, (_, pixel) => 2 * (known[pixel * channels] ?? 0) - 1);
  return { width, height, channels: 1, data };
}
