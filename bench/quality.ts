/**
 * How well the embedded model restores: mean PSNR and SSIM over a folder of pictures of its training size, for the usual
 * tasks, against A^+ y and bicubic enlargement. Picture k is restored with seed k, in batches of 16.
 *
 *     deno task quality [FOLDER] [--preset ssd-30|ssd-100] [--task NAME] [--precision f32|f16] [--sheets FOLDER]
 *
 * `--sheets` writes TASK.png of the first eight pictures: A^+ y above, the restored one, the original below.
 */
import { parseArgs } from "@std/cli/parse-args";
import {
  type DeviceTensor,
  type HostTensor,
  hostTensor,
  type Runtime,
  type Tensors,
  WebGpuRuntime,
} from "../engine/mod.ts";
import { colourRaster, grayToRgb, type Raster, readImage, readMask, resize } from "../io/mod.ts";
import { psnr, ssim } from "../metrics/mod.ts";
import { openDefaultModel, type OpenedModel, PRECISIONS } from "../models/mod.ts";
import { createOperator, type OperatorOptions } from "../operators/mod.ts";
import {
  type RestorationTask,
  SAMPLERS,
  seededNoise,
  SSD_PRESETS,
  type SsdPreset,
  ssdPreset,
} from "../samplers/mod.ts";
import { rastersOf, writeGrid } from "./picture_grid.ts";

/** One line of the table. */
interface QualityTask {
  readonly name: string;
  readonly operator: string;
  readonly kind: RestorationTask;
  /** Mask file in the folder, for inpainting. */
  readonly mask?: string;
  readonly scale?: number;
}

const TASKS: readonly QualityTask[] = [
  { name: "sr4", operator: "sr_average", kind: "super_resolution", scale: 4 },
  { name: "sr8", operator: "sr_average", kind: "super_resolution", scale: 8 },
  { name: "sr2", operator: "sr_average", kind: "super_resolution", scale: 2 },
  { name: "box", operator: "inpaint", kind: "inpainting", mask: "mask-box.png" },
  { name: "random-half", operator: "inpaint", kind: "inpainting", mask: "mask-random-half.png" },
  { name: "colorize", operator: "colorize", kind: "colorization" },
  { name: "deblur", operator: "deblur_gauss", kind: "deblurring" },
];

/** PSNR in dB and SSIM of one picture, or their means. */
interface Quality {
  readonly psnr: number;
  readonly ssim: number;
}

/** Of every picture of one task; bicubic only where pictures were made smaller. */
interface Measured {
  readonly pseudoInverse: readonly Quality[];
  readonly bicubic: readonly Quality[];
  readonly restored: readonly Quality[];
  /** A^+ y, restored, original: what a sheet shows. */
  readonly rows: readonly (readonly Raster[])[];
}

/** Pictures that are restored at once. */
const BATCH = 16;

/** Pictures on a sheet. */
const SHEET_COLUMNS = 8;

async function main(words: readonly string[]): Promise<number> {
  const options = parseArgs(words, { string: ["preset", "task", "precision", "sheets", "_"] });
  const [folder = decodeURIComponent(new URL("../tests/held_out", import.meta.url).pathname)] = options._.map(String);
  const preset = (options.preset ?? "ssd-30") as SsdPreset;
  const chosen = TASKS.filter(({ name }) => options.task === undefined || name === options.task);
  const precision = PRECISIONS.find((name) => name === (options.precision ?? "f32"));
  if (!SSD_PRESETS.includes(preset) || chosen.length === 0 || !precision) {
    print(
      `error: --preset is one of ${SSD_PRESETS.join(", ")}, --task one of ${TASKS.map((t) => t.name).join(", ")}, ` +
        `--precision one of ${PRECISIONS.join(", ")}`,
    );
    return 2;
  }
  const pictures = await readPictures(folder);
  const runtime = await WebGpuRuntime.open();
  const model = await openDefaultModel(runtime, { precision });
  print(`${pictures.length} pictures of ${folder.split("/").at(-1)}, ${preset}, ${precision}, ${runtime.description}`);
  print("              A^+ y           bicubic         restored");
  print("task          PSNR   SSIM     PSNR   SSIM     PSNR   SSIM   seconds");
  for (const task of chosen) {
    const start = performance.now();
    const parts: Measured[] = [];
    for (let first = 0; first < pictures.length; first += BATCH) {
      parts.push(await measure(runtime, model, pictures.slice(first, first + BATCH), { task, preset, folder, first }));
    }
    const cell = (column: Exclude<keyof Measured, "rows">): string => formatMean(parts.flatMap((part) => part[column]));
    if (options.sheets !== undefined) await writeSheet(`${options.sheets}/${task.name}.png`, parts);
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    print(task.name.padEnd(12) + cell("pseudoInverse") + cell("bicubic") + cell("restored") + seconds.padStart(9));
  }
  runtime.destroy();
  return 0;
}

async function writeSheet(path: string, [first]: readonly Measured[]): Promise<void> {
  const rows = (first?.rows ?? []).map((row) => row.slice(0, SHEET_COLUMNS));
  await writeGrid(path, rows.flat(), rows[0]?.length ?? 0);
}

/** Mean PSNR and SSIM as two columns, or dashes. */
function formatMean(values: readonly Quality[]): string {
  const mean = (name: keyof Quality): number => values.reduce((sum, value) => sum + value[name], 0) / values.length;
  const [decibels, similarity] = values.length === 0 ? ["-", "-"] : [mean("psnr").toFixed(2), mean("ssim").toFixed(3)];
  return decibels.padStart(6) + similarity.padStart(7) + "   ";
}

/** The pictures of a folder whose names are numbers, in order. */
async function readPictures(folder: string): Promise<readonly Raster[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) if (/^\d+\.png$/.test(name)) names.push(name);
  return await Promise.all(
    names.sort().map(async (name) => grayToRgb(colourRaster(await readImage(`${folder}/${name}`)))),
  );
}

async function measure(
  runtime: Runtime,
  model: OpenedModel,
  pictures: readonly Raster[],
  { task, preset, folder, first }: {
    readonly task: QualityTask;
    readonly preset: SsdPreset;
    readonly folder: string;
    /** Seed of the first picture. */
    readonly first: number;
  },
): Promise<Measured> {
  const noiseModel = model.noiseModel();
  const operator = createOperator(task.operator, noiseModel.imageShape, await operatorOptions(task, folder));
  const truth = new Float32Array(pictures.length * (pictures[0]?.data.length ?? 0));
  pictures.forEach(({ data }, index) => truth.set(data, index * data.length));
  const apply = (name: "forward" | "pseudoInverse", x: DeviceTensor): Promise<{ y: DeviceTensor }> =>
    runtime.stage(name, (inputs: Tensors<"x">) => ({ y: operator[name](inputs.x) }))({ x }, {});
  const { y } = await apply("forward", runtime.upload(truth, [pictures.length, ...noiseModel.imageShape]));
  const measured = await y.read();
  const inverse = await (await apply("pseudoInverse", y)).y.read();
  const noise = seededNoise(pictures.map((_, index) => first + index));
  const steps = SAMPLERS.ssd.restore(runtime, { model: noiseModel, operator, y, sigmaY: 0 }, {
    ...ssdPreset(preset, task.kind),
    noise,
  });
  let next = await steps.next();
  while (!next.done) next = await steps.next();
  const restored = await next.value.read();
  const shape = noiseModel.imageShape;
  return {
    pseudoInverse: qualities(inverse, truth, shape),
    bicubic: task.scale ? qualities(enlarged(measured, operator.measurementShape, task.scale), truth, shape) : [],
    restored: qualities(restored, truth, shape),
    rows: [inverse, restored, truth].map((batch) => rastersOf(batch, shape)),
  };
}

async function operatorOptions({ scale, mask }: QualityTask, folder: string): Promise<OperatorOptions> {
  if (mask === undefined) return scale === undefined ? {} : { scale };
  const { data, width, height } = await readMask(`${folder}/${mask}`, { keep: "white" });
  const known: HostTensor = hostTensor(data, [height, width]);
  return { mask: known };
}

/** Bicubic enlargement of a batch of small pictures. */
function enlarged(
  small: Float32Array,
  [height = 0, width = 0, channels = 0]: readonly number[],
  scale: number,
): Float32Array {
  const each = height * width * channels;
  const large = new Float32Array(small.length * scale * scale);
  for (let at = 0; at < small.length; at += each) {
    const raster: Raster = { width, height, channels, data: small.slice(at, at + each) as Raster["data"] };
    large.set(resize(raster, { width: width * scale, height: height * scale }).data, at * scale * scale);
  }
  return large;
}

/** PSNR and SSIM of every picture of a batch, of clamped, unrounded values. */
function qualities(batch: Float32Array, truth: Float32Array, shape: readonly number[]): readonly Quality[] {
  const originals = rastersOf(truth, shape);
  return rastersOf(batch, shape).map(({ data }, index) => {
    const original = (originals[index] as Raster).data;
    return { psnr: psnr(data, original, { shape }), ssim: ssim(data, original, { shape }) };
  });
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) Deno.exit(await main(Deno.args));
