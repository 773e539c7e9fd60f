/**
 * Windows against whole pictures: `deno run -A tools/windows/main.ts FOLDER [options]` reduces photographs x4, restores
 * them whole and in windows, and prints PSNR, seams, time and memory. Every run is a line of --rows FILE; those that are
 * there are not made again.
 */
import { type Runtime, WebGpuRuntime } from "../../engine/mod.ts";
import { openModel, readCommandLine, readImage } from "../../io/mod.ts";
import type { OpenedModel, WindowForm } from "../../models/mod.ts";
import { imageQuality } from "../../metrics/mod.ts";
import { numberOf, textOf } from "../../parameters/mod.ts";
import { centre, colourRaster, crop, grayToRgb, type Raster, resize } from "../../raster/mod.ts";
import {
  applyOperator,
  chooseRestoring,
  clamped,
  networkFor,
  restoreBy,
  taskOperator,
  TASKS,
  timed,
} from "../../restoration/mod.ts";
import { medianRows, type Row, tableOf } from "./rows.ts";
import { seamOf, windowBorders } from "./seam.ts";

const SPEC = {
  name: "windows",
  summary: "Restores reduced photographs whole and in windows, and compares.",
  operands: { usage: "FOLDER", min: 1, max: 1 },
  options: {
    sides: { kind: "text", value: "N[,N]", help: "Sides of the pictures (default 256,512,1024)" },
    window: { kind: "integer", min: 8, help: "Side of the windows (default 64, at most half a side of the picture)" },
    forms: { kind: "text", value: "LIST", help: "Of whole, shifted, overlapping (default all)" },
    steps: { kind: "integer", min: 2, help: "Steps of SSD (default: as restore takes them)" },
    preset: { kind: "text", value: "NAME", help: "Preset of SSD (default: as restore takes it)" },
    least: {
      kind: "integer",
      min: 1,
      help: "Shorter side of the photographs at least (default: the longest of sides)",
    },
    limit: { kind: "integer", min: 1, help: "Photographs (default 8)" },
    rows: { kind: "text", value: "FILE", help: "Rows as JSON lines, kept and taken up again" },
  },
  examples: [["tools/windows/main.ts photos --steps 8", "a table of eight photographs"]],
} as const;

/** By how much pictures are reduced. */
const FACTOR = 4;

/** The last timestep of SSD, which decides where the windows of its last step lie. */
const LAST_TIMESTEP = 0;

async function main(words: readonly string[]): Promise<number> {
  const line = readCommandLine(SPEC, words);
  if (line === "help") return 0;
  const { operands: [folder], values } = line;
  const sides = (textOf(values, "sides") ?? "256,512,1024").split(",").map(Number);
  const forms = (textOf(values, "forms") ?? "whole,shifted,overlapping").split(",") as Row["form"][];
  const steps = numberOf(values, "steps");
  const preset = textOf(values, "preset");
  const photographs = await list(
    folder!,
    numberOf(values, "least") ?? Math.max(...sides),
    numberOf(values, "limit") ?? 8,
  );
  const path = textOf(values, "rows");
  const rows: Row[] = path === undefined ? [] : await readRows(path);
  const isAsked = (row: Row): boolean => row.steps === (steps ?? null) && row.preset === preset;
  const runtime = await WebGpuRuntime.open();
  const model = await openModel(runtime);
  for (const side of sides) {
    for (const photograph of photographs) {
      const truth = await pictureOf(photograph, side);
      for (const form of forms) {
        const window = numberOf(values, "window") ?? Math.min(64, side / 2);
        const name = photograph.split("/").at(-1)!;
        const isKnown = (row: Row): boolean =>
          row.name === name && row.side === side && row.form === form && row.window === window && isAsked(row);
        if (rows.some(isKnown)) continue;
        const figures = await measure(runtime, model, truth, { form, window, steps, preset });
        const row: Row = { name, side, form, window, steps: steps ?? null, preset, ...figures };
        rows.push(row);
        if (path !== undefined) await Deno.writeTextFile(path, `${JSON.stringify(row)}\n`, { append: true });
      }
    }
  }
  runtime.destroy();
  // deno-lint-ignore no-console -- the output of the command
  console.log(tableOf(medianRows(rows.filter(isAsked))));
  return 0;
}

async function readRows(path: string): Promise<Row[]> {
  const text = await Deno.readTextFile(path).catch(() => "");
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** The first photographs, in the order of their names, whose sides are long enough. */
async function list(folder: string, least: number, limit: number): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) if (/\.(png|jpe?g|webp)$/i.test(name)) names.push(name);
  const found: string[] = [];
  for (const name of names.sort()) {
    if (found.length === limit) break;
    const { width, height } = await readImage(`${folder}/${name}`);
    if (Math.min(width, height) >= least) found.push(`${folder}/${name}`);
  }
  return found;
}

/** The middle square of a photograph, reduced by areas. */
async function pictureOf(path: string, side: number): Promise<Raster> {
  const whole = grayToRgb(colourRaster(await readImage(path)));
  const least = Math.min(whole.width, whole.height);
  const square = crop(whole, centre(whole, { width: least, height: least }));
  return least === side ? square : resize(square, { width: side, height: side }, "area");
}

async function measure(
  runtime: Runtime,
  model: OpenedModel,
  truth: Raster,
  { form, window, steps, preset }: Pick<Row, "form" | "window" | "preset"> & { readonly steps: number | undefined },
): Promise<Omit<Row, "name" | "side" | "form" | "window" | "steps" | "preset">> {
  const task = TASKS.get("sr4")!;
  const { width, height, channels } = truth;
  const shape = [height, width, channels] as const;
  const operator = taskOperator(task, shape, { scale: FACTOR });
  const method = chooseRestoring(
    {
      ...(steps === undefined ? {} : { steps }),
      ...(preset === undefined ? {} : { preset }),
    },
    task,
    true,
  );
  const x = runtime.upload(truth.data, [1, ...shape]);
  const y = await applyOperator(runtime, operator, "forward", x);
  const network = networkFor(
    model,
    shape,
    {},
    form === "whole" ? undefined : { side: window, form: form as WindowForm },
  );
  const [rows = 0, columns = 0] = operator.measurementShape;
  const small: Raster = { width: columns, height: rows, channels, data: await y.read() };
  let bytes = 0;
  const run = await timed(
    runtime,
    restoreBy(runtime, method, { model: network, operator, y, sigmaY: 0 }, { seed: 0 }),
    () => Promise.resolve(void (bytes = Math.max(bytes, runtime.statistics().deviceBytes))),
  );
  x.free();
  y.free();
  const psnrOf = (picture: Raster): number => imageQuality("dmps", clamped(picture).data, truth.data, { shape }).psnr;
  const picture: Raster = { ...truth, data: run.image };
  const enlarged = resize(small, truth);
  const borders = form === "whole"
    ? undefined
    : await windowBorders([height, width], { side: window, form, timestep: LAST_TIMESTEP });
  const { actual } = method.evaluations;
  return {
    psnr: psnrOf(picture),
    bicubic: psnrOf(enlarged),
    seam: borders ? seamOf(picture, enlarged, borders, FACTOR) : null,
    secondsPerEvaluation: (run.seconds - run.firstStepSeconds) / Math.max(1, actual - 1),
    bytes,
  };
}

if (import.meta.main) Deno.exit(await main(Deno.args));
