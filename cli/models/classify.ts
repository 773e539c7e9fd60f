/** `deno task models classify FILE IMAGE`: what a classifier of noisy images makes of a picture. */
import { type HostTensor, hostTensor } from "../../engine/mod.ts";
import { openModelFile, readImage } from "../../io/mod.ts";
import { centre, colourRaster, crop, grayToRgb, type Raster, resize } from "../../raster/mod.ts";
import { classify, describeOrigin, openClassifier } from "../../models/mod.ts";
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
    const classifier = await openClassifier(runtime, checkpoint, { precision: precisionOf(args) });
    const side = classifier.config.imageSize;
    const all = await classify(runtime, classifier, central(colour, side));
    const classes = all.slice(0, args.number("top") ?? DEFAULT_TOP);
    const lines = classes.map(({ class: index, probability }) =>
      `class ${String(index).padStart(6)}  ${(100 * probability).toFixed(2).padStart(6)} %`
    );
    const data = { file: path, picture, size: side, of: all.length, classes, adapter: runtime.description };
    reporter.result(data, [`${picture} at ${side}x${side}, of ${all.length} classes:`, ...lines].join("\n"));
    return 0;
  } finally {
    runtime.destroy();
  }
}

/** The central square of a picture at the side for which a classifier was trained. */
function central(colour: Raster, side: number): HostTensor {
  const shorter = Math.min(colour.width, colour.height);
  const square = crop(colour, centre(colour, { width: shorter, height: shorter }));
  return hostTensor(resize(square, { width: side, height: side }).data, [side, side, 3]);
}
