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
import { FileSource } from "../io/mod.ts";
import { type Raster } from "../raster/mod.ts";
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

/** The options with what they mean. */
const OPTIONS: Readonly<Record<string, string>> = {
  steps: "Steps of the sampler (default 100)",
  ancestral: "DDPM instead of DDIM",
  rows: `Rows of the picture, each made at once (default ${ROWS})`,
  columns: `Samples in a row (default ${COLUMNS})`,
  model: "Network: safetensors, or a PyTorch .pt or .ckpt (default: embedded)",
  class: "Class, for a class-conditional network or a classifier",
  classifier: "Draw towards the class by this classifier of noisy images",
  guidance: "Weight of the classifier (default 1)",
};

const FLAGS = ["ancestral"];

/** The help text. */
function helpText(): string {
  const rows = Object.entries(OPTIONS).map(([name, help]) =>
    `  ${`--${name}${FLAGS.includes(name) ? "" : " VALUE"}`.padEnd(24)}${help}`
  );
  return ["Usage: deno task samples FILE [options]", "", "Options:", ...rows, "  --help".padEnd(26) + "Show this text"]
    .join(
      "\n",
    );
}

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

/**
 * Runs one command line.
 * @returns the exit code
 */
export async function main(words: readonly string[]): Promise<number> {
  let unknown: string | undefined;
  const options: Record<string, unknown> & { _: (string | number)[] } = parseArgs(words, {
    string: [...Object.keys(OPTIONS).filter((name) => !FLAGS.includes(name)), "_"],
    boolean: [...FLAGS, "help"],
    unknown: (word, key) => {
      if (key !== undefined) unknown = word;
      return true;
    },
  });
  const text = (name: string): string | undefined => options[name] as string | undefined;
  if (options["help"] === true) {
    await Deno.stdout.write(new TextEncoder().encode(`${helpText()}\n`));
    return 0;
  }
  if (unknown !== undefined) {
    complain(`samples has no option "${unknown}"; "samples --help" lists the options`);
    return 2;
  }
  const [path] = options._.map(String);
  if (path === undefined) {
    complain("name the PNG to write");
    return 2;
  }
  const runtime = await WebGpuRuntime.open();
  const model = await open(runtime, text("model"));
  const label = model.config.numClasses === undefined ? {} : { label: Number(text("class")) };
  const noiseModel = model.noiseModel(label);
  const guidance = text("classifier") === undefined ? undefined : await openGuidance(runtime, {
    path: text("classifier")!,
    label: Number(text("class") ?? 0),
    scale: Number(text("guidance") ?? 1),
  });
  const [rows, columns] = [Number(text("rows") ?? ROWS), Number(text("columns") ?? COLUMNS)];
  const isCount = (count: number): boolean => Number.isSafeInteger(count) && count > 0;
  if (!isCount(rows) || !isCount(columns)) throw new RangeError("--rows and --columns are whole numbers of at least 1");
  const samples: Raster[] = [];
  for (let row = 0; row < rows; row++) {
    const problem = { model: noiseModel, count: columns, ...(guidance ? { guidance } : {}) };
    const sampling = PLAIN_SAMPLERS[options["ancestral"] === true ? "ddpm" : "ddim"].sample(runtime, problem, {
      steps: Number(text("steps") ?? 100),
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
