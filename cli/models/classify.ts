/** `deno task models classify FILE IMAGE`: what a classifier of noisy images makes of a picture. */
import type { DeviceTensor, Runtime, Scalars, Tensors } from "../../engine/mod.ts";
import { openModelFile, readImage } from "../../io/mod.ts";
import { centre, colourRaster, crop, grayToRgb, type Raster, resize } from "../../raster/mod.ts";
import { type Checkpoint, describeOrigin, openClassifier } from "../../models/mod.ts";
import type { Arguments } from "../arguments.ts";
import type { OptionSpec } from "../../parameters/mod.ts";
import { openDescribed } from "../model_file.ts";
import { openRuntime, PRECISION_OPTION, precisionOf, RUNTIME_OPTIONS } from "../runtime.ts";

/** How many classes are shown. */
const DEFAULT_TOP = 5;

/** The options of the action. */
export const CLASSIFY_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  top: { kind: "integer", min: 1, max: 1_000_000, help: `classify: classes that are shown (default ${DEFAULT_TOP})` },
  ...PRECISION_OPTION,
  ...RUNTIME_OPTIONS,
};

/** Prints the likeliest classes of a picture, taken as the state at the least noisy timestep. */
export async function classifyPicture(args: Arguments, path: string, picture: string): Promise<number> {
  using reporter = args.reporter();
  const colour = grayToRgb(colourRaster(await readImage(picture)));
  using source = await openModelFile(path, { stateDict: args.text("state-dict") });
  const { checkpoint, ...described } = openDescribed(source, args);
  const origin = describeOrigin(described);
  if (origin !== undefined) reporter.note(origin);
  const runtime = await openRuntime(args);
  try {
    const { logits, side } = await classify(runtime, checkpoint, colour, args);
    const shares = softmax(logits);
    const order = Array.from(shares.keys()).sort((a, b) => shares[b]! - shares[a]!);
    const classes = order.slice(0, args.number("top") ?? DEFAULT_TOP).map((index) => ({
      class: index,
      probability: shares[index]!,
      logit: logits[index]!,
    }));
    const lines = classes.map(({ class: index, probability }) =>
      `class ${String(index).padStart(6)}  ${(100 * probability).toFixed(2).padStart(6)} %`
    );
    const data = { file: path, picture, size: side, of: logits.length, classes, adapter: runtime.description };
    reporter.result(data, [`${picture} at ${side}x${side}, of ${logits.length} classes:`, ...lines].join("\n"));
    return 0;
  } finally {
    runtime.destroy();
  }
}

/** Logits of the picture's central square at the training size. */
async function classify(
  runtime: Runtime,
  checkpoint: Checkpoint,
  colour: Raster,
  args: Arguments,
): Promise<{ readonly logits: Float32Array; readonly side: number }> {
  const classifier = await openClassifier(runtime, checkpoint, { precision: precisionOf(args) });
  const side = classifier.config.imageSize;
  const shorter = Math.min(colour.width, colour.height);
  const square = crop(colour, centre(colour, { width: shorter, height: shorter }));
  const { data } = resize(square, { width: side, height: side });
  const stage = runtime.stage("classify", ({ x }: Tensors<"x">, { timestep }: Scalars<"timestep">) => ({
    logits: classifier.logits(x, timestep),
  }));
  const x: DeviceTensor = runtime.upload(data, [1, side, side, 3]);
  return { logits: await (await stage({ x }, { timestep: 0 })).logits.read(), side };
}

/** Probabilities from logits, in f64. */
function softmax(logits: Float32Array): Float64Array {
  const greatest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = Float64Array.from(logits, (value) => Math.exp(value - greatest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
