/**
 * Samples of the embedded model, or of a checkpoint, as one picture, sample k from seed k: unconditional ones, those of a
 * class, or drawn towards a class by a classifier of noisy images.
 *
 *     deno task samples FILE [--steps N] [--ancestral] [--rows 2] [--columns 8] [--model FILE]
 *         [--class N [--classifier FILE [--guidance S]]]
 *
 * `--guidance` is the weight of the classifier: 1 for class-conditional networks, up to 10 for others.
 */
import { parseArgs } from "@std/cli/parse-args";
import { WebGpuRuntime } from "../engine/mod.ts";
import { FileSource, type Raster } from "../io/mod.ts";
import {
  describeCheckpoint,
  openCheckpoint,
  openClassifier,
  openDefaultModel,
  type OpenedModel,
  openModel,
} from "../models/mod.ts";
import { type ClassGuidance, PLAIN_SAMPLERS, seededNoise } from "../samplers/mod.ts";
import { rastersOf, writeGrid } from "./picture_grid.ts";

/** Samples in a row, and rows; a row is made at once. */
const COLUMNS = 8;
const ROWS = 2;

/** A classifier and the class that samples are drawn towards. */
async function openGuidance(
  runtime: WebGpuRuntime,
  { path, label, scale }: { readonly path: string; readonly label: number; readonly scale: number },
): Promise<ClassGuidance> {
  using source = await FileSource.open(path);
  const { checkpoint } = describeCheckpoint(await openCheckpoint(source), {});
  const { logits } = await openClassifier(runtime, checkpoint);
  return { logits, label, scale };
}

async function open(runtime: WebGpuRuntime, path: string | undefined): Promise<OpenedModel> {
  if (path === undefined) return await openDefaultModel(runtime);
  using source = await FileSource.open(path);
  return await openModel(runtime, describeCheckpoint(await openCheckpoint(source), {}).checkpoint);
}

async function main(words: readonly string[]): Promise<number> {
  const options = parseArgs(words, {
    string: ["steps", "rows", "columns", "model", "classifier", "class", "guidance", "_"],
    boolean: ["ancestral"],
  });
  const [path] = options._.map(String);
  if (path === undefined) {
    complain("name the PNG to write");
    return 2;
  }
  const runtime = await WebGpuRuntime.open();
  const model = await open(runtime, options.model);
  const label = model.config.numClasses === undefined ? {} : { label: Number(options.class) };
  const noiseModel = model.noiseModel(label);
  const guidance = options.classifier === undefined ? undefined : await openGuidance(runtime, {
    path: options.classifier,
    label: Number(options.class ?? 0),
    scale: Number(options.guidance ?? 1),
  });
  const [rows, columns] = [Number(options.rows ?? ROWS), Number(options.columns ?? COLUMNS)];
  const isCount = (count: number): boolean => Number.isSafeInteger(count) && count > 0;
  if (!isCount(rows) || !isCount(columns)) throw new RangeError("--rows and --columns are whole numbers of at least 1");
  const samples: Raster[] = [];
  for (let row = 0; row < rows; row++) {
    const problem = { model: noiseModel, count: columns, ...(guidance ? { guidance } : {}) };
    const sampling = PLAIN_SAMPLERS[options.ancestral === true ? "ddpm" : "ddim"].sample(runtime, problem, {
      ...PLAIN_SAMPLERS.ddim.defaults,
      steps: Number(options.steps ?? 100),
      noise: seededNoise(Array.from({ length: columns }, (_, column) => row * columns + column)),
    });
    let next = await sampling.next();
    while (!next.done) next = await sampling.next();
    samples.push(...rastersOf(await next.value.read(), noiseModel.imageShape));
    next.value.free();
  }
  await writeGrid(path, samples, columns);
  runtime.destroy();
  return 0;
}

function complain(reason: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`error: ${reason}\n`));
}

if (import.meta.main) {
  Deno.exit(
    await main(Deno.args).catch((error) => {
      complain(error instanceof Error ? error.message : String(error));
      return 1;
    }),
  );
}
