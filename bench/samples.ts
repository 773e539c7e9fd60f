/**
 * Samples of the embedded model as one picture, two rows of eight, sample k from seed k: unconditional ones, or drawn
 * towards a class by a classifier of noisy images.
 *
 *     deno task samples FILE [--steps N] [--ancestral] [--classifier FILE --class N [--guidance S]]
 */
import { parseArgs } from "@std/cli/parse-args";
import { WebGpuRuntime } from "../engine/mod.ts";
import { FileSource, type Raster } from "../io/mod.ts";
import { describeCheckpoint, openCheckpoint, openClassifier, openDefaultModel } from "../models/mod.ts";
import { type ClassGuidance, PLAIN_SAMPLERS, seededNoise } from "../samplers/mod.ts";
import { rastersOf, writeGrid } from "./picture_grid.ts";

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

async function main(words: readonly string[]): Promise<number> {
  const options = parseArgs(words, {
    string: ["steps", "classifier", "class", "guidance", "_"],
    boolean: ["ancestral"],
  });
  const [path] = options._.map(String);
  if (path === undefined) {
    complain("name the PNG to write");
    return 2;
  }
  const runtime = await WebGpuRuntime.open();
  const noiseModel = (await openDefaultModel(runtime)).noiseModel();
  const guidance = options.classifier === undefined ? undefined : await openGuidance(runtime, {
    path: options.classifier,
    label: Number(options.class ?? 0),
    scale: Number(options.guidance ?? 1),
  });
  const samples: Raster[] = [];
  for (let row = 0; row < ROWS; row++) {
    const problem = { model: noiseModel, count: COLUMNS, ...(guidance ? { guidance } : {}) };
    const sampling = PLAIN_SAMPLERS[options.ancestral === true ? "ddpm" : "ddim"].sample(runtime, problem, {
      ...PLAIN_SAMPLERS.ddim.defaults,
      steps: Number(options.steps ?? 100),
      noise: seededNoise(Array.from({ length: COLUMNS }, (_, column) => row * COLUMNS + column)),
    });
    let next = await sampling.next();
    while (!next.done) next = await sampling.next();
    samples.push(...rastersOf(await next.value.read(), noiseModel.imageShape));
    next.value.free();
  }
  await writeGrid(path, samples, COLUMNS);
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
