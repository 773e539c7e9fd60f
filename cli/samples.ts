/** `deno task samples`: samples of a network as one picture. */
import { WebGpuRuntime } from "../engine/mod.ts";
import { checkWritable, FileSource, writePng } from "../io/mod.ts";
import { openClassifier } from "../models/mod.ts";
import { type Raster, toImage } from "../raster/mod.ts";
import { type ClassGuidance, PLAIN_SAMPLERS, seededNoise } from "../samplers/mod.ts";
import type { Arguments, Command, CommandSpec } from "./arguments.ts";
import { loadModel, modelOptions, openDescribed } from "./model_file.ts";

const DEFAULTS = { steps: 100, rows: 2, columns: 8, guidance: 1 } as const;

/** Pixels between two samples. */
const GAP = 2;

/** The command `samples`. */
export const SAMPLES: Command = {
  spec: {
    name: "samples",
    summary:
      "Writes samples of a network as one picture, sample k from seed k: unconditional ones, those of a class, or\n" +
      "drawn towards a class by a classifier of noisy images.",
    operands: { usage: "FILE", min: 1, max: 1 },
    get options(): CommandSpec["options"] {
      return {
        steps: { kind: "integer", min: 1, help: `Steps of the sampler (default ${DEFAULTS.steps})` },
        ancestral: { kind: "flag", help: "DDPM instead of DDIM" },
        rows: { kind: "integer", min: 1, help: `Rows of the picture, each made at once (default ${DEFAULTS.rows})` },
        columns: { kind: "integer", min: 1, help: `Samples in a row (default ${DEFAULTS.columns})` },
        ...modelOptions(),
        class: { kind: "integer", min: 0, help: "Class, for a class-conditional network or a classifier" },
        classifier: { kind: "text", value: "FILE", help: "Draw towards the class by this classifier of noisy images" },
        guidance: {
          kind: "number",
          help: "Weight of the classifier: 1 for class-conditional networks, up to 10 for others " +
            `(default ${DEFAULTS.guidance})`,
        },
      };
    },
    examples: [["deno task samples samples.png", "sixteen samples of the embedded network"]],
  },
  async run(args: Arguments): Promise<number> {
    const path = args.operands[0]!;
    await checkWritable([path], [args.text("model"), args.text("classifier")]);
    const runtime = await WebGpuRuntime.open();
    try {
      const rows = args.number("rows") ?? DEFAULTS.rows;
      const columns = args.number("columns") ?? DEFAULTS.columns;
      await writePng(path, toImage(grid(await sample(runtime, args, rows, columns), columns)));
      return 0;
    } finally {
      runtime.destroy();
    }
  },
};

/** The samples, row by row. */
async function sample(
  runtime: WebGpuRuntime,
  args: Arguments,
  rows: number,
  columns: number,
): Promise<readonly Raster[]> {
  const { model } = await loadModel(runtime, args, () => {});
  const label = args.number("class");
  const isConditional = model.config.numClasses !== undefined && label !== undefined;
  const noiseModel = model.noiseModel(isConditional ? { label } : {});
  const guidance = await openGuidance(runtime, args);
  const [height = 0, width = 0] = noiseModel.imageShape;
  const each = 3 * height * width;
  const samples: Raster[] = [];
  for (let row = 0; row < rows; row++) {
    const problem = { model: noiseModel, count: columns, ...(guidance ? { guidance } : {}) };
    const states = PLAIN_SAMPLERS[args.flag("ancestral") ? "ddpm" : "ddim"].sample(runtime, problem, {
      steps: args.number("steps") ?? DEFAULTS.steps,
      noise: seededNoise(Array.from({ length: columns }, (_, column) => row * columns + column)),
    });
    let next = await states.next();
    while (!next.done) next = await states.next();
    const batch = await next.value.read();
    next.value.free();
    for (let at = 0; at < batch.length; at += each) {
      const data = batch.slice(at, at + each).map((value) => Math.min(Math.max(value, -1), 1));
      samples.push({ width, height, channels: 3, data });
    }
  }
  return samples;
}

/** A classifier and the class that samples are drawn towards. */
async function openGuidance(runtime: WebGpuRuntime, args: Arguments): Promise<ClassGuidance | undefined> {
  const path = args.text("classifier");
  if (path === undefined) return undefined;
  using source = await FileSource.open(path);
  const { checkpoint } = await openDescribed(source, args);
  const { logits } = await openClassifier(runtime, checkpoint);
  return { logits, label: args.number("class") ?? 0, scale: args.number("guidance") ?? DEFAULTS.guidance };
}

/** Pictures of one size on white. */
function grid(pictures: readonly Raster[], columns: number): Raster {
  const { width = 0, height = 0 } = pictures[0] ?? {};
  const across = columns * (width + GAP) - GAP;
  const down = Math.ceil(pictures.length / columns) * (height + GAP) - GAP;
  const whole: Raster = { width: across, height: down, channels: 3, data: new Float32Array(across * down * 3).fill(1) };
  for (const [index, { data }] of pictures.entries()) {
    const [left, top] = [(index % columns) * (width + GAP), Math.floor(index / columns) * (height + GAP)];
    for (let y = 0; y < height; y++) {
      whole.data.set(data.subarray(3 * y * width, 3 * (y + 1) * width), 3 * ((top + y) * across + left));
    }
  }
  return whole;
}
