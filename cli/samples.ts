/** `deno task samples`: samples of a network as one picture. */
import { WebGpuRuntime } from "../engine/mod.ts";
import { checkWritable, openModelFile, writePng } from "../io/mod.ts";
import { openClassifier } from "../models/mod.ts";
import { crop, makeSheet, type Raster, toImage } from "../raster/mod.ts";
import { clamped, imageChannels } from "../restoration/mod.ts";
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
      const sheet = makeSheet(await sample(runtime, args, rows, columns), 1, GAP);
      const size = { width: sheet.width - 2 * GAP, height: sheet.height - 2 * GAP };
      await writePng(path, toImage(crop(sheet, { x: GAP, y: GAP, ...size })));
      return 0;
    } finally {
      runtime.destroy();
    }
  },
};

/** Rows of samples. */
async function sample(
  runtime: WebGpuRuntime,
  args: Arguments,
  rows: number,
  columns: number,
): Promise<readonly (readonly Raster[])[]> {
  const loaded = await loadModel(runtime, args, () => {});
  const { model } = loaded;
  const label = args.number("class");
  const isConditional = model.config.numClasses !== undefined && label !== undefined;
  const noiseModel = model.noiseModel(isConditional ? { label } : {});
  const guidance = await openGuidance(runtime, args);
  const [height = 0, width = 0] = noiseModel.imageShape;
  const channels = imageChannels(loaded);
  const each = channels * height * width;
  const samples: (readonly Raster[])[] = [];
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
    samples.push(Array.from({ length: columns }, (_, column) => {
      return clamped({ width, height, channels, data: batch.slice(column * each, (column + 1) * each) });
    }));
  }
  return samples;
}

/** A classifier and the class that samples are drawn towards. */
async function openGuidance(runtime: WebGpuRuntime, args: Arguments): Promise<ClassGuidance | undefined> {
  const path = args.text("classifier");
  if (path === undefined) return undefined;
  using source = await openModelFile(path, { stateDict: args.text("state-dict") });
  const { checkpoint } = openDescribed(source, args);
  const { logits } = await openClassifier(runtime, checkpoint);
  return { logits, label: args.number("class") ?? 0, scale: args.number("guidance") ?? DEFAULTS.guidance };
}
